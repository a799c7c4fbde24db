"""Sound: the engine interface, the ng control protocol, SDP anchoring and the built-in relay."""
