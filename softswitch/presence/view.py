"""How much a watcher sees of somebody."""

from __future__ import annotations

EVERYTHING = "everything"
"""Her own phones and her team: also with whom she talks."""
STATE = "state"
"""Whether she is there and talks; not with whom."""
NOTHING = "nothing"
"""Polite blocking: as if she were never there (RFC 5025 §3.3.1)."""
