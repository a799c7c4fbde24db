"""Calls that the switch takes itself."""
