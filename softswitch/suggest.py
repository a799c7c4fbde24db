"""The "did you mean" of an error message."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """`; did you mean "office hours"?` when something in `choices` is near `word`, else nothing."""
    names = {choice.casefold(): choice for choice in choices}
    near = get_close_matches(word.casefold(), names, n=1, cutoff=0.6)
    return f'; did you mean "{names[near[0]]}"?' if near else ""
