"""Sources and Kafka in, scored rows out."""
