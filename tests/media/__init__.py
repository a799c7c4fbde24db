"""Sound: SDP, the ng protocol, the relay process and what talks to it."""
