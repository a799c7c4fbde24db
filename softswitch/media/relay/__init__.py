"""The built-in RTP relay, a process of its own."""
