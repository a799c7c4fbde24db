"""Voicemail: messages that callers leave, and where they are kept."""
