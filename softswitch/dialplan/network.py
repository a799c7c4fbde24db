"""Trunks and the lines of `outside` with their names resolved; every mistake is reported where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

from softswitch.dialplan.conditions import plain_number
from softswitch.dialplan.models import OutsideModel, StyleModel, TrunkModel
from softswitch.dialplan.names import ALREADY_REPORTED, NAME, NUMBER, USER, Directory
from softswitch.dialplan.source import Part, Source, suggestion
from softswitch.dialplan.telephone import SUPPORTED_REGIONS, international
from softswitch.dialplan.trunk import (
    ACCOUNT,
    ALL_NUMBERS,
    AN_HOUR,
    AS_THEY_COME,
    AT_ONCE,
    EVENTS,
    INFO,
    MINUTES_A_DAY,
    SUDDEN_CALLS,
    Limit,
    OutsideLine,
    Style,
    Trunk,
)
from softswitch.dialplan.whereabouts import Whereabouts

STYLES: Mapping[str, Style] = {
    "number in From": Style(),
    "account in From": Style(sender="account", identity=("p-preferred-identity",)),
    "asserted": Style(sender="account", identity=("p-asserted-identity",), forwards="history-info"),
    "gateway": Style(numbers="089", identity=("remote-party-id",), forwards="own number"),
}
"""Common kinds of provider, for `like:`; docs/trunks.md describes them."""
NUMBERS = ("+49", "49", "0049", "089")
SENDERS = ("number", "account")
IDENTITIES = ("p-asserted-identity", "p-preferred-identity", "remote-party-id")
FORWARDS = ("diversion", "history-info", "original", "own number")
CALLED = ("any", "uri", "to")
REGISTER = (ACCOUNT, ALL_NUMBERS)
KEYS = (EVENTS, INFO, AS_THEY_COME)
TRANSPORTS = ("udp", "tcp", "tls")

_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_LIMIT = re.compile(rf"(\d{{1,6}}) ({AT_ONCE}|{AN_HOUR}|{MINUTES_A_DAY})( each)?")
_SUDDEN = re.compile(r"stop at ([1-9]\d{0,4}) an hour|never stop")
_MOST_CHANNELS = 10_000


class Network:
    """Reads both sections of a site's files."""

    def __init__(self, names: Directory, where: Whereabouts, country: str) -> None:
        self.names = names
        self.where = where
        self.emergency = where.numbers
        self.country = country

    # Trunks

    def trunk(self, name: str, source: Source, model: TrunkModel) -> Trunk:
        """One entry of `trunks`."""
        path: tuple[Part, ...] = ("trunks", name)
        if not NAME.fullmatch(name):
            source.error_at_key(f'"{name}" can\'t be a name', *path)
        if bool(model.registrar) == bool(model.peer) and not source.has_dropped_from(*path):
            what = "a trunk has registrar: where the switch registers there, or peer: where it is known by its address"
            source.error_at_key(what, *path)
        for key, host in (("registrar", model.registrar), ("peer", model.peer)):
            if host and not _HOST.fullmatch(host):
                source.error(f'"{host}" is no host; write sip.provider.example or 192.0.2.10:5060', *path, key)
        if model.registrar and not model.user:
            source.error_at_key("who registers there? write user: with the name of the account", *path)
        if (model.registrar or model.login) and not model.secret:
            source.error_at_key("write secret: with the name of an entry in the secrets file", *path)
        if model.secret and not USER.fullmatch(model.secret):
            what = "secret: is the name of an entry in the secrets file, not the secret itself"
            source.error(what, *path, "secret")
        for key, text in (("user", model.user), ("login", model.login)):
            if text and not re.fullmatch(r"[\w.!~*'()&=+$,;?/@-]{1,128}", text, re.ASCII):
                source.error(f'"{text}" can\'t be the user of an address', *path, key)
        transport = model.transport.lower()
        if transport and transport not in TRANSPORTS:
            near = suggestion(transport, TRANSPORTS)
            source.error(
                f'a trunk goes over {", ".join(TRANSPORTS)}, not "{model.transport}"{near}', *path, "transport"
            )
        number = international(model.number, self.country) if model.number else ""
        if model.number and not number:
            source.error(f'"{model.number}" is no number; write +49 89 12340', *path, "number")
        accept = tuple(model.accept or ())
        for index, text in enumerate(accept):
            try:
                ip_network(text)
            except ValueError:
                source.error(f'"{text}" is no address; write 192.0.2.10 or 192.0.2.0/24', *path, "accept", index)
        return Trunk(
            name,
            model.registrar or model.peer,
            bool(model.registrar),
            model.user,
            model.login or model.user,
            model.secret,
            transport,
            self._channels(model.channels, source, *path, "channels"),
            number,
            accept,
            self._style(model, source, path),
            limits_of(model.limit, source, *path, "limit"),
            countries_of(model.countries, source, *path, "countries"),
        )

    def _channels(self, text: str, source: Source, *path: Part) -> int:
        if not text:
            return 0
        if not text.isdigit() or not 0 < int(text) <= _MOST_CHANNELS:
            source.error(f'"{text}" is no number of calls; write 4', *path)
            return 0
        return int(text)

    def _style(self, model: TrunkModel, source: Source, path: tuple[Part, ...]) -> Style:
        style = Style()
        if model.like:
            if model.like in STYLES:
                style = STYLES[model.like]
            else:
                near = suggestion(model.like, STYLES)
                source.error(f'there is no provider like "{model.like}", only {_listed(STYLES)}{near}', *path, "like")
        written = model.style or StyleModel()
        where = (*path, "style")
        choices = (
            ("numbers", written.numbers, NUMBERS),
            ("sender", written.sender, SENDERS),
            ("forwards", written.forwards, FORWARDS),
            ("called", written.called, CALLED),
            ("keys", written.keys, KEYS),
            ("register", written.register_what, REGISTER),
        )
        for key, text, known in choices:
            if not text:
                continue
            if text not in known:
                source.error(f'{key}: is one of {_listed(known)}, not "{text}"{suggestion(text, known)}', *where, key)
            else:
                style = _with(style, key, text)
        if written.identity is not None:
            identity = [] if written.identity == ["none"] else [text.lower() for text in written.identity]
            for index, text in enumerate(identity):
                if text not in IDENTITIES:
                    near = suggestion(text, IDENTITIES)
                    what = f'identity: is none or some of {_listed(IDENTITIES)}, not "{text}"{near}'
                    source.error(what, *where, "identity", index)
            style = replace(style, identity=tuple(identity))
        return style

    # Calls to outside

    def line(self, number: int, source: Source, index: int, model: OutsideModel) -> OutsideLine:
        """One line of `outside`; it is the `index`th of its file."""
        path: tuple[Part, ...] = ("outside", index)
        exact: set[str] = set()
        prefixes: list[str] = []
        for at, text in enumerate(model.dial):
            self._pattern(text, exact, prefixes, source, *path, "dial", at)
        trunks: list[str] = []
        for at, name in enumerate(model.via):
            if name in self.names.trunks:
                trunks.append(name)
            else:
                source.error(f'no trunk "{name}"{suggestion(name, self.names.trunks)}', *path, "via", at)
        may = self._may(model, source, path) if model.may is not None else None
        words = " and ".join(model.may or ())
        limits = limits_of(model.limit, source, *path, "limit")
        countries = countries_of(model.countries, source, *path, "countries")
        if model.emergency:
            if model.may is not None or model.limit or model.countries:
                source.error_at_key("an emergency number is for everybody, and has no limit", *path, "emergency")
            for text in sorted(exact - self.emergency):
                source.warn(f"{text} is no emergency number of {self.country or 'any country'}", *path, "emergency")
            if prefixes:
                source.error("an emergency line names whole numbers", *path, "dial")
        elif model.within is not None:
            source.error_at_key("in: is for emergency numbers, which other places have others of", *path, "in")
        elif exact & self.emergency:
            text = ", ".join(sorted(exact & self.emergency))
            source.error(f"{text} is an emergency number; write emergency: yes", *path, "dial")
        return OutsideLine(
            number,
            frozenset(exact),
            tuple(prefixes),
            tuple(dict.fromkeys(trunks)),
            may,
            words,
            limits,
            model.emergency,
            countries,
            self.where.within(model.within or (), source, *path, "in"),
        )

    def _pattern(self, text: str, exact: set[str], prefixes: list[str], source: Source, *path: Part) -> None:
        bare = "+" if text.replace(" ", "") == "+*" else plain_number(text)
        if bare == "+" or (bare.startswith("+") and bare.endswith("*")):
            prefixes.append(bare.rstrip("*"))
        elif NUMBER.fullmatch(bare) and len(bare) < 7 and not bare.startswith("0"):
            owner = self.names.users.get(bare)
            if owner is not None:
                source.error(f"{bare} already means {owner.key} ({owner.where})", *path)
            exact.add(bare)
        elif number := international(text, self.country):
            exact.add(number)
        else:
            source.error(f'"{text}" is no number; write +49 * for all that begin so, + * for all, or 112', *path)

    def _may(self, model: OutsideModel, source: Source, path: tuple[Part, ...]) -> frozenset[str]:
        people: set[str] = set()
        for at, name in enumerate(model.may or ()):
            if name in self.names.members:
                people.update(self.names.members[name])
                continue
            try:
                people.add(self.names.person(name))
            except ValueError as error:
                if str(error) == ALREADY_REPORTED:
                    continue
                near = suggestion(name, [*self.names.places, *self.names.members])
                source.error(f'no person or team "{name}"{near}', *path, "may", at)
        return frozenset(people)


def limits_of(texts: Sequence[str] | None, source: Source, *path: Part) -> tuple[Limit, ...]:
    """What stands at `limit:`."""
    limits: list[Limit] = []
    for at, text in enumerate(texts or ()):
        match = _LIMIT.fullmatch(" ".join(text.split()))
        if match is None:
            what = f'"{text}" is no limit; write 2 at once, 30 an hour or 600 minutes a day, and each for each person'
            source.error(what, *path, at)
        else:
            limits.append(Limit(int(match[1]), match[2], bool(match[3])))
    return tuple(limits)


def countries_of(texts: Sequence[str] | None, source: Source, *path: Part) -> frozenset[str]:
    """What stands at `countries:`."""
    for at, text in enumerate(texts or ()):
        if text not in SUPPORTED_REGIONS:
            near = suggestion(text, SUPPORTED_REGIONS)
            source.error(f'no country "{text}"{near}; write two letters, such as AT', *path, at)
    return frozenset(texts or ())


def sudden_calls(sources: Iterable[Source]) -> int:
    """What stands at `abroad:` of the site."""
    for source in sources:
        text = source.model.site.abroad if source.model.site else ""
        if not text:
            continue
        match = _SUDDEN.fullmatch(" ".join(text.split()))
        if match is None:
            source.error(
                'abroad: is "stop at 20 an hour" with another number perhaps, or "never stop"', "site", "abroad"
            )
        return int(match[1] or 0) if match is not None else 0
    return SUDDEN_CALLS


def _with(style: Style, key: str, text: str) -> Style:
    changes: Any = {key: text}
    return replace(style, **changes)


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)
