"""Trunks as the dialplan describes them: lines to the public network, and how each wants numbers written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from softswitch.dialplan.location import Location
from softswitch.dialplan.telephone import country_of, national

EVENTS, INFO, AS_THEY_COME = "events", "info", "as they come"
"""Telephone events in the sound (RFC 4733), also for phones that use INFO; INFO, also for phones that use events; or as
the parties agree between themselves."""

ACCOUNT, ALL_NUMBERS = "account", "all numbers"
"""The account, at whose address calls for all its numbers arrive; or each number of the trunk (RFC 6140)."""

AT_ONCE, AN_HOUR, MINUTES_A_DAY = "at once", "an hour", "minutes a day"
"""What a limit counts: calls under way; calls begun within an hour; minutes talked within 24 hours."""


SUDDEN_CALLS = 20
"""So many calls abroad within an hour are not looked at, where the dialplan says nothing else."""


class Limit(NamedTuple):
    """How much a line of `outside`, a trunk or a person may be used."""

    number: int
    kind: str
    """AT_ONCE, AN_HOUR or MINUTES_A_DAY."""
    each: bool = False
    """By each person, else by all together."""

    @property
    def words(self) -> str:
        """As written: "10 an hour each"."""
        return f"{self.number} {self.kind}{' each' if self.each else ''}"


@dataclass(frozen=True, slots=True)
class Style:
    """What a provider wants to read; docs/trunks.md explains how to find out."""

    numbers: str = "+49"
    """How numbers are written: "+49" (E.164), "49" (without plus), "0049", "089" (as dialled in the country)."""
    sender: str = "number"
    """What stands in From: "number", the caller's, or "account", the user of the trunk."""
    identity: tuple[str, ...] = ()
    """Header fields that tell the caller's number too: p-asserted-identity, p-preferred-identity, remote-party-id."""
    forwards: str = "diversion"
    """How a forwarded call shows who called: "diversion" or "history-info" name the forwarder beside the original
    caller in From; "original" shows the caller alone, "own number" the forwarder's number alone."""
    keys: str = EVENTS
    """How keys that are pressed go to and fro: EVENTS, INFO or AS_THEY_COME."""
    register: str = ACCOUNT
    """What is registered: ACCOUNT or ALL_NUMBERS."""
    called: str = "any"
    """Where the called number stands in a call that comes in: "uri", "to", or "any": the first that is known."""


@dataclass(frozen=True, slots=True)
class Trunk:
    """A line to the public network."""

    name: str
    host: str
    """Where calls go: a name or address, with :port perhaps."""
    registers: bool
    user: str = ""
    """The account at the provider."""
    login: str = ""
    """Its digest user name, where that is another."""
    secret: str = ""
    """The name of its secret in the secrets file."""
    transport: str = ""
    """"udp", "tcp", "tls", or "" for what DNS says."""
    channels: int = 0
    """So many calls at once; 0 for as many as one likes."""
    number: str = ""
    """The number to show where a caller has none of their own; E.164."""
    accept: tuple[str, ...] = ()
    """Further addresses that its calls come from: literals, or ranges such as 192.0.2.0/24."""
    style: Style = Style()
    limits: tuple[Limit, ...] = ()
    """Of calls out over it."""
    countries: frozenset[str] = frozenset()
    """"AT": only numbers of these; empty for all."""

    @property
    def domain(self) -> str:
        """The host without its port, as it stands in addresses."""
        host, colon, port = self.host.rpartition(":")
        return host if colon and port.isdigit() and not host.endswith(":") else self.host

    def written(self, number: str, country: str) -> str:
        """An E.164 number as this trunk's provider wants it; short numbers stay what they are."""
        if not number.startswith("+"):
            return number
        match self.style.numbers:
            case "49":
                return number[1:]
            case "0049":
                return "00" + number[1:]
            case "089":
                return national(number, country)
            case _:
                return number


class OutsideCall(NamedTuple):
    """A number of the public network to be called, and how."""

    number: str
    """E.164, or a short number as dialled: "112"."""
    trunks: tuple[str, ...]
    """The names of the trunks to try, in order."""
    line: int = 0
    """Which line of `outside` allowed it, counted from 1; 0 for none: an emergency number."""
    limits: tuple[Limit, ...] = ()
    """Of that line."""
    person: str = ""
    """Who pays for it: the caller, or the person whose calls are forwarded there; "" for nobody of ours."""
    emergency: bool = False
    confirm: bool = False
    """Whoever answers has the call only after pressing 1."""
    location: Location | None = None
    """Where the caller is; told with an emergency call."""
    preferred: int = 0
    """Of an emergency call's trunks so many are those of its line; the others are better than none."""
    drill: bool = False
    """Only a test of an emergency call: nobody has to make room for it."""
    abroad: bool = False
    """Whether the number is in another country than the firm."""
    own_limits: tuple[Limit, ...] = ()
    """Of that person."""
    country: str = ""
    """Where the number is, "AT"; "" where nobody knows."""
    sudden: int = 0
    """So many calls abroad within an hour may be a sudden lot; 0 for any."""

    @property
    def words(self) -> str:
        """E.g. "+49170123 over city or backup"."""
        return f"{self.number} over {' or '.join(self.trunks)}"


@dataclass(frozen=True, slots=True)
class OutsideLine:
    """One line of `outside`: which numbers, over which trunks, who may."""

    number: int
    """Its place in the file, counted from 1."""
    exact: frozenset[str]
    prefixes: tuple[str, ...]
    trunks: tuple[str, ...]
    may: frozenset[str] | None
    """Keys of people; None for everybody."""
    may_words: str
    limits: tuple[Limit, ...]
    emergency: bool
    countries: frozenset[str] = frozenset()
    """"AT": only numbers of these; empty for all."""
    within: frozenset[str] = frozenset()
    """Of an emergency line: countries and names of locations; only phones there use it. Empty for all."""

    def fits(self, number: str) -> bool:
        """Whether this line is for a number: E.164, or a short one."""
        if number not in self.exact and not number.startswith(self.prefixes):
            return False
        return not self.countries or country_of(number) in self.countries
