"""Which scripts there are, by the first word of the step that the dialplan decided on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from softswitch.legs.announce import Say, Tone
from softswitch.legs.joined import Joined, Park, PickedUp, Pickup
from softswitch.legs.leave import Leave
from softswitch.legs.listen import Listen
from softswitch.legs.script import Echo, Script

if TYPE_CHECKING:
    from softswitch.legs.leg import Leg


def _voicemail(leg: Leg, about: str) -> Script:
    """With somebody's name a message for her, without one those for the caller."""
    return Leave(leg, about) if about else Listen(leg, about)


SCRIPTS: Mapping[str, Callable[[Leg, str], Script]] = {
    "echo": Echo,
    "announcement": Say,
    "say": Say,
    "tone": Tone,
    "voicemail": _voicemail,
    "park": Park,
    "pickup": Pickup,
    "picked": PickedUp,
    "parked": Joined,
}
