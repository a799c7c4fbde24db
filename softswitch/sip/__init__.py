"""SIP messages: bytes in, bytes out, without sockets or clocks (RFC 3261 §7, §18.3, §19, §20, §25)."""
