"""Facts: all that a decision about one call may look at."""

from __future__ import annotations

from typing import NamedTuple

from softswitch.dialplan.availability import EVERYBODY_AVAILABLE, Presences
from softswitch.dialplan.override import NOTHING_SET, Overrides
from softswitch.dialplan.rota import FROM_THE_TOP, Standing


class Facts(NamedTuple):
    """One call as it came in. Gathered once: a call keeps the moment it started with."""

    site: str
    """The domain of the firm that is called, e.g. "acme.example"."""
    called: str
    """The dialled user part, unescaped: a name, a number, a phone's account or a code."""
    caller: str = ""
    """Who the caller shows to be: a person's name or number, or an outside number as "+49301234"; "" if hidden."""
    caller_account: str = ""
    """The phone that calls, by its authenticated account; "" for callers from outside."""
    wall: float = 0.0
    """When the call started; seconds since 1970 UTC."""
    standing: Standing = FROM_THE_TOP
    """Whose turn it was at the teams."""
    seed: int = 0
    """What teams that ring at random draw lots by; another for each call."""
    overrides: Overrides = NOTHING_SET
    """What people had set when the call started."""
    engaged: frozenset[str] = frozenset()
    """Keys of the people who were on a call and for whom that counts as busy."""
    forwarded: int = 0
    """How often others say that they sent the call on before it came here."""
    presences: Presences = EVERYBODY_AVAILABLE
    """How those are of whom some rule asks."""
    called_back: str = ""
    """The phone that called an emergency number a while ago, where this call is for it: it rings past all rules."""
