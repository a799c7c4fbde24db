"""Calls with two dialogs of our own: a call over a trunk is bridged, not proxied."""
