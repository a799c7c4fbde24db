"""One state for each person, out of all that is known of her: a pure function, its rules a table (docs/presence.md)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from softswitch.dialplan.availability import AVAILABLE, AWAY, BUSY, DO_NOT_DISTURB, OFFLINE, ON_THE_PHONE

NOBODY = "nobody"


class Device(NamedTuple):
    """A phone of hers as it stands."""

    account: str
    place: str
    registered: bool
    """Whether a call could reach it now."""
    talking: bool = False
    """In a call that was answered, or that it makes itself."""


class Published(NamedTuple):
    """What a device says of itself (RFC 3903)."""

    account: str
    """The phone; "" for what a trusted peer published for her."""
    open: bool
    activity: str
    """"busy", "away", "on the phone" or ""."""
    note: str
    at: float
    """Wall clock; the latest note counts."""


class Landing(NamedTuple):
    """Where the next call for her will ring, as the dialplan decides it for an unknown caller."""

    kind: str
    """"ring", "switch" (it takes the call itself) or "nobody"."""
    who: str
    """In the operators' words: "anna at office", "service team", "voicemail", "nobody"."""
    places: tuple[str, ...] = ()
    """Of her own places those that ring."""


class Known(NamedTuple):
    """All that the state is made of."""

    devices: Sequence[Device]
    """In the order of the dialplan."""
    published: Sequence[Published] = ()
    do_not_disturb: bool = False
    """Her own word, as an override."""
    at_place: str = ""
    """Her own word, as an override: "I am at home"."""
    note: str = ""
    """What goes with an override."""
    landing: Landing = Landing(NOBODY, NOBODY)


class State(NamedTuple):
    """What watchers are told."""

    availability: str
    place: str
    """"" where it is not known."""
    note: str
    lands: str
    """Where the next call lands; see `Landing.who`."""


def _online(known: Known) -> list[Device]:
    closed = {one.account for one in known.published if not one.open}
    return [one for one in known.devices if one.registered and one.account not in closed]


def _counting(known: Known) -> list[Published]:
    """What phones published counts only as long as they are registered."""
    there = {one.account for one in known.devices if one.registered} | {""}
    return [one for one in known.published if one.account in there]


def _is_there(known: Known) -> bool:
    return bool(_online(known)) or any(one.open for one in _counting(known)) or _talks(known)


def _talks(known: Known) -> bool:
    return any(one.talking for one in known.devices)


def _says(known: Known, activity: str) -> bool:
    return any(one.open and one.activity == activity for one in _counting(known))


RULES: Sequence[tuple[str, Callable[[Known], bool], str]] = (
    (
        DO_NOT_DISTURB,
        lambda known: known.do_not_disturb and _is_there(known),
        "she said so, and a phone of hers is there",
    ),
    (ON_THE_PHONE, _talks, "a phone of hers is in a call, or makes one; one that only rings does not count"),
    (ON_THE_PHONE, lambda known: _says(known, ON_THE_PHONE), "a device says so, e.g. of a call of another network"),
    (BUSY, lambda known: _says(known, BUSY), "a device says that she is busy"),
    (AVAILABLE, lambda known: _says(known, ""), "a device says that she is there, and no more"),
    (AWAY, lambda known: _says(known, AWAY), "a device says that she is away, and none that she is there"),
    (AVAILABLE, _is_there, "a phone of hers is registered"),
    (OFFLINE, lambda known: True, "no phone of hers is registered, or those that are say that they are closed"),
)
"""The first that is so: availability, condition, and how the documentation says it."""


def compose(known: Known) -> State:
    """Her state. Conflicting words of devices: the first of RULES wins; among notes the latest."""
    availability = availability_of(known)
    return State(availability, _place(known, availability), _note(known), known.landing.who)


def availability_of(known: Known) -> str:
    """The first part of the state, which does not depend on where calls land."""
    return next(name for name, holds, _ in RULES if holds(known))


def _place(known: Known, availability: str) -> str:
    """Where she is: where she talks, else where she said, else where her next call rings, else her first phone's."""
    if availability == OFFLINE:
        return ""
    talking = [one.place for one in known.devices if one.talking]
    if talking:
        return talking[0]
    if known.at_place:
        return known.at_place
    online = [one.place for one in _online(known)]
    return next((place for place in known.landing.places if place in online), online[0] if online else "")


def _note(known: Known) -> str:
    if known.note:
        return known.note
    notes = [one for one in _counting(known) if one.note]
    return max(notes, key=lambda one: one.at).note if notes else ""
