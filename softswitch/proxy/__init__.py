"""The stateful proxy (RFC 3261 §16)."""
