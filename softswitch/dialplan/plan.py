"""The plan: a site's dialplan with every name resolved, ready to decide by. Frozen; a reload makes a new one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from softswitch.dialplan.conditions import Condition
from softswitch.dialplan.emergency import NOTHING_SAID, Emergency
from softswitch.dialplan.location import Location
from softswitch.dialplan.outcome import Outcome
from softswitch.dialplan.schedule import Schedule
from softswitch.dialplan.sight import USUAL, USUAL_CALLS, Sight
from softswitch.dialplan.step import Answer, Reject, Ring
from softswitch.dialplan.trunk import SUDDEN_CALLS, Limit, OutsideLine, Trunk

MAX_FORWARDS = 10
"""Where the dialplan says nothing else; more can't be meant, and a loop through other networks is to end soon."""
MEDIA = re.compile(r"relay|direct|direct behind one router|direct in [A-Za-z0-9_-]{1,32}")
"""What may be said of the way of a phone's sound."""
SRTP = ("require", "prefer", "never")
"""What may be said of a phone's encryption."""


@dataclass(frozen=True, slots=True)
class Phone:
    """A SIP account."""

    name: str
    """Its digest user name."""
    secret: str
    """The name of its secret in the secrets file."""
    gateway: bool = False
    """May show any caller: a door to another network."""
    person: str | None = None
    """The key of the person whose phone it is."""
    place: str | None = None
    media: str = ""
    """See `MEDIA`; "" where nothing is said."""
    srtp: str = ""
    """One of `SRTP`; "" where nothing is said."""
    location: Location | None = None
    """Where it stands, as far as the dialplan knows."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a person can be reached."""

    person: str
    name: str
    phones: tuple[str, ...]
    """Accounts; empty for an outside number."""
    dial: str = ""
    """A number of the public network: E.164, or a short one."""
    confirm: bool = False
    """Whoever answers there has the call only after pressing 1."""
    location: Location | None = None

    @property
    def rings(self) -> bool:
        """Whether anything is there that can ring."""
        return bool(self.phones or self.dial)

    @property
    def label(self) -> str:
        """E.g. "anna at office"."""
        return f"{self.person} at {self.name}"


@dataclass(frozen=True, slots=True)
class ToPlace:
    """A target: one place of a person."""

    place: Place


@dataclass(frozen=True, slots=True)
class ToEveryPlace:
    """A target: all places of the person whose rule it is."""

    person: str


@dataclass(frozen=True, slots=True)
class ToPerson:
    """A target: a person, who is rung by rules of her own."""

    person: str


@dataclass(frozen=True, slots=True)
class ToTeam:
    """A target: a team."""

    team: str


@dataclass(frozen=True, slots=True)
class ToNumber:
    """A target: a number of the public network."""

    number: str
    """E.164, or a short number that a line of `outside` names."""
    person: str
    """Whose rule it is; "" for a team's."""


@dataclass(frozen=True, slots=True)
class ToEnd:
    """A target: the end of the call, stands alone in its step."""

    step: Reject | Answer


Target: TypeAlias = ToPlace | ToEveryPlace | ToPerson | ToTeam | ToNumber | ToEnd


@dataclass(frozen=True, slots=True)
class RouteStep:
    """One line of a route: these targets at once, and what follows each outcome."""

    targets: tuple[Target, ...]
    words: str
    """The targets as written."""
    ring_seconds: float | None
    """As written in `for`; None where nothing was written."""
    then: Mapping[Outcome, Route]
    """An outcome that is not in it goes on to the next step of the route."""


Route: TypeAlias = tuple[RouteStep, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """An entry of `calls`. The first one that fits decides."""

    checks: tuple[tuple[Condition, str], ...]
    """Conditions, each with the reason to give when it doesn't fit."""
    because: str
    """The reason to give when the rule decides."""
    route: Route


GENERAL = "general"


@dataclass(frozen=True, slots=True)
class Greeting:
    """What is said to who may leave a message; the first one whose conditions fit."""

    conditions: tuple[Condition, ...]
    file: str
    """The absolute path of a WAV file; "" for one that is recorded by phone."""
    recorded: str = ""
    """What the latter is kept under: its schedule in words, GENERAL without one."""


@dataclass(frozen=True, slots=True)
class Voicemail:
    """How somebody's voicemail is."""

    greetings: tuple[Greeting, ...] = ()
    pin: str = ""
    """The name of an entry in the secrets file; "" for none."""
    mail: str = ""
    """The address that messages are sent to; "" for none."""
    longest_seconds: float = 120.0
    """Of a message."""
    is_written: bool = False
    """Whether there is anything of it in the file."""

    @property
    def recordable(self) -> tuple[str, ...]:
        """Under which names greetings can be recorded by phone: the general one, then in the order of the file."""
        named = [greeting.recorded for greeting in self.greetings if greeting.recorded not in ("", GENERAL)]
        return (GENERAL, *dict.fromkeys(named))


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a number: the address of record that others call and watch."""

    name: str
    """The key in the file, e.g. "anna"."""
    display: str
    """E.g. "Anna Berger"."""
    number: str
    """"" for none."""
    aliases: frozenset[str]
    """Every user part that means this person: key, number, accounts of the phones."""
    places: Mapping[str, Place]
    """In the order of the file."""
    rules: tuple[Rule, ...]
    at_once: Ring | Reject | None
    """The first step where no rule has to be asked."""
    timezone: str = ""
    """Whose clocks are the person's own; "" for the site's."""
    busy_on_call: bool = False
    """Whether being on any call counts as busy."""
    voicemail: Voicemail = Voicemail()
    seen_by: Sight = USUAL
    """Who may see how she is."""
    calls_seen_by: Sight = USUAL_CALLS
    """Who of these may see with whom she talks."""
    limits: tuple[Limit, ...] = ()
    """Of her calls outside, those included that are forwarded for her."""
    countries: frozenset[str] = frozenset()
    """"AT": she may call only numbers of these; empty for all that `outside` allows."""


@dataclass(frozen=True, slots=True)
class Team:
    """People who take calls for each other."""

    name: str
    display: str
    number: str
    members: tuple[str, ...]
    """Keys of people, in order."""
    order: str
    """One of `rota.ORDERS`."""
    ring_seconds: float
    """For all together, or for each of them."""
    then: Mapping[Outcome, Route]
    at_once: None = None
    seen_by: Sight = USUAL
    calls_seen_by: Sight = USUAL_CALLS
    voicemail: Voicemail = Voicemail()
    """The mailbox of all members."""


@dataclass(frozen=True, slots=True)
class Code:
    """A number that the switch itself answers."""

    name: str
    """As written, e.g. "600" or "*55{place}"."""
    what: str
    """What it does: "echo", or one of `codes.ACTIONS`."""
    at_once: Answer | None = None
    pattern: re.Pattern[str] | None = None
    """What is dialled, where there is something to fill in."""


Destination: TypeAlias = Person | Team | Code


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole site."""

    site: str
    """Its domain."""
    timezone: str
    people: dict[str, Person]
    teams: dict[str, Team]
    phones: dict[str, Phone]
    """By account name."""
    schedules: dict[str, Schedule]
    destinations: dict[str, Destination]
    """By every user part that can be dialled."""
    watched: frozenset[str] = frozenset()
    """Keys of the people in a team that rings whoever is idle for longest."""
    country: str = ""
    """"DE": what numbers without a plus mean."""
    emergency: frozenset[str] = frozenset()
    """Numbers that every phone may call at any time: of the site's country, and of those where its places are."""
    trunks: dict[str, Trunk] = field(default_factory=dict)
    """In the order of the file."""
    outside: tuple[OutsideLine, ...] = ()
    numbers: frozenset[str] = frozenset()
    """The user parts that may be called from the public network; E.164."""
    shown: dict[str, str] = field(default_factory=dict)
    """The number of the public network that a person's calls show, E.164; by key."""
    busy_people: frozenset[str] = frozenset()
    """Keys of the people for whom being on any call counts as busy."""
    patterns: tuple[Code, ...] = ()
    """The codes that are dialled with something in them."""
    forwards: int = MAX_FORWARDS
    """How often people and teams may send a call on to one another."""
    announcements: Mapping[str, str] = field(default_factory=dict)
    """The operator's own, by name: the absolute path of each WAV file."""
    language: str = "en"
    """What the switch itself speaks, one of `sound.library.LANGUAGES`."""

    asked: frozenset[str] = frozenset()
    """Keys of the people whose presence some rule asks."""
    media: str = ""
    """For phones that have no word of their own, see `MEDIA`; "" where nothing is said."""
    music_on_hold: str = "yes"
    """What is heard on hold: the absolute path of a WAV file, "yes" for the music that comes with the switch, or ""."""
    emergencies: Emergency = NOTHING_SAID
    """What is said of calls to these numbers."""
    sudden: int = SUDDEN_CALLS
    """So many calls abroad within an hour may be a sudden lot, and stop such calls; 0 for never."""

    def people_by_user(self) -> dict[str, str]:
        """Every name and number of a person to her key."""
        return {user: one.name for user, one in self.destinations.items() if isinstance(one, Person)}

    def mailbox(self, name: str) -> Person | Team:
        """Whose voicemail this is, by key."""
        return self.people.get(name) or self.teams[name]

    def lookup(self, user: str) -> Destination | None:
        """Who is called by this user part."""
        return self.destinations.get(user)

    def person_of(self, account: str) -> Person | None:
        """Whose phone this is."""
        phone = self.phones.get(account)
        return self.people[phone.person] if phone is not None and phone.person is not None else None


Plans: TypeAlias = dict[str, Plan]
"""By the domain of the site."""
