"""Bytes to and from the network (RFC 3261 §18, RFC 3263)."""
