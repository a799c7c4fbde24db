"""Dialogs and the call legs that are the switch's own (RFC 3261 §12)."""
