"""What keeps a switch from starting."""

from __future__ import annotations


class CannotStart(Exception):
    """Something that the switch needs is not to be had; the text is for the sysadmin."""
