"""Where notifications go, one file each."""
