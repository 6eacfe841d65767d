"""The live page without its server: what is read, how it is said, what it looks like. `service/page*.py` serves it."""
