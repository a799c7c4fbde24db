"""The checker's process; a module apart, so that what it packs is known by the same names on both sides."""

from __future__ import annotations

from softswitch.reload.checker import main

main()
