"""Overrides: what somebody has said for now, and what therefore comes before the rules of the dialplan."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from softswitch.dialplan.outcome import Outcome

AT = "at"
DO_NOT_DISTURB = "do not disturb"
FORWARD_ALL = "forward all"
FORWARDS_AFTER: Mapping[str, Outcome] = {
    "forward busy": Outcome.BUSY,
    "forward no answer": Outcome.NO_ANSWER,
    "forward unreachable": Outcome.UNREACHABLE,
}
"""Forwards that wait for what becomes of the call: by kind."""
FORWARDS = (FORWARD_ALL, *FORWARDS_AFTER)
KINDS = (AT, DO_NOT_DISTURB, *FORWARDS)
"""All kinds of override; somebody has at most one of each."""


class Override(NamedTuple):
    """One of them. Moments are seconds since 1970 UTC."""

    kind: str
    """One of KINDS."""
    target: str = ""
    """Of AT the name of a place; of a forward the name or number that is called instead."""
    until: float = 0.0
    """When it ends by itself; 0 for not at all."""
    by: str = ""
    """Who set it: a phone's account, or e.g. "the command line"."""
    set_at: float = 0.0

    def holds(self, wall: float) -> bool:
        """Whether it has not ended by then."""
        return not self.until or wall < self.until

    @property
    def words(self) -> str:
        """E.g. "at home", "forward busy to 102", without its end."""
        if self.kind == AT:
            return f"at {self.target}"
        return f"{self.kind} to {self.target}" if self.target else self.kind


Overrides: TypeAlias = Mapping[str, Mapping[str, Override]]
"""Those of one site: by person, then by kind. Never changed; another mapping takes its place."""
NOTHING_SET: Overrides = MappingProxyType({})
