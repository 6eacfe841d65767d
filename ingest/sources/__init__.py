"""Where items come from before Kafka: files today, feeds later."""
