"""Dialogs of our own: the switch as one of the two ends (RFC 3261 §12)."""
