"""A new dialplan for the running switch: checked in another process, taken over between two messages."""
