"""What goes wrong with a store, said so that an administrator can act on it."""

from __future__ import annotations


class StoreError(Exception):
    """The store can't be opened or written; the text names the file and what to do."""
