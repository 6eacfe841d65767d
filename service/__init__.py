"""What you start: the `tidings` command, wiring, jobs, demo."""
