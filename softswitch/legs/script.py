"""What a leg of our own does: a script has the leg answer, play, record and listen for keys, and hang up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from softswitch.legs.leg import Leg


class Script:
    """Does nothing; a base for those that do. Its `leg` has what it needs."""

    echoes = False
    """The engine sends back what comes, instead of letting us speak."""

    def __init__(self, leg: Leg, about: str) -> None:
        """`about` is the rest of the step's words, e.g. a name."""
        self.leg = leg
        self.about = about

    @property
    def words(self) -> str:
        """What it is, for records and the operator."""
        return self.leg.what

    def begin(self) -> None:
        """The caller hears us."""

    def key(self, key: str) -> None:
        """A key was pressed: one of 0123456789*#ABCD."""

    def hung_up(self, done: Callable[[], None]) -> None:
        """The caller hangs up; `done` is called when that may be acknowledged, and the leg forgotten."""
        done()

    def over(self) -> None:
        """The leg has ended, whoever ended it."""


class Echo(Script):
    """The caller hears what he says."""

    echoes = True
