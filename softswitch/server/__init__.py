"""The running switch: what of it needs an operating system."""
