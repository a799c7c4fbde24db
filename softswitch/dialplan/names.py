"""The names of a site: who owns which, and what a name in a route or condition means."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from softswitch.dialplan.conditions import is_outside_number, plain_number
from softswitch.dialplan.plan import Place, Target, ToEnd, ToEveryPlace, ToNumber, ToPerson, ToPlace, ToTeam
from softswitch.dialplan.schedule import Schedule
from softswitch.dialplan.source import Source, suggestion
from softswitch.dialplan.step import Answer, Reject
from softswitch.dialplan.telephone import international
from softswitch.sound import library

USER = re.compile(r"[\w.~+-]{1,64}")
"""What may name a person or an account: it becomes the user part of an address."""
NAME = re.compile(r"\w[\w .'&+-]{0,63}")
NUMBER = re.compile(r"\d{1,15}")
REJECTIONS: Mapping[str, tuple[int, str]] = {
    "reject": (603, "Decline"),
    "reject busy": (486, "Busy Here"),
    "reject unavailable": (480, "Temporarily Unavailable"),
}
"""What a call may be refused with."""
ANNOUNCEMENT = "announcement "
"""How the target of this kind begins."""
VOICEMAIL_OF = "voicemail of "
"""The same; "voicemail" alone is one's own."""
RESERVED = frozenset({"voicemail", "announcement", "echo", "anonymous", "holidays", *REJECTIONS})
ALREADY_REPORTED = ""
"""The text of a ValueError about a name whose definition is itself in error."""


@dataclass(slots=True)
class Owner:
    """Whose a user part is."""

    kind: str
    """"people", "teams" or "codes"."""
    key: str
    where: str
    """file:line."""


@dataclass(slots=True)
class Directory:
    """Everything that has a name, gathered before names are resolved."""

    sources: list[Source]
    users: dict[str, Owner] = field(default_factory=dict)
    """By user part: keys and numbers, accounts, codes."""
    users_of: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """The other way round, by kind and key."""
    names: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Names of people, teams and places → what they name, and file:line."""
    places: dict[str, dict[str, Place]] = field(default_factory=dict)
    """By person."""
    members: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By team."""
    lists: dict[str, tuple[str, ...]] = field(default_factory=dict)
    schedules: dict[str, Schedule] = field(default_factory=dict)
    zoned_schedules: set[str] = field(default_factory=set)
    """Those with a zone of their own."""
    used_schedules: set[str] = field(default_factory=set)
    country: str = ""
    """Of the site, "DE"."""
    trunks: set[str] = field(default_factory=set)
    """Their names."""
    announcements: dict[str, str] = field(default_factory=dict)
    """The operator's own: the absolute path of each WAV file."""
    used_announcements: set[str] = field(default_factory=set)

    def claim(self, user: str, kind: str, key: str, source: Source, *path: str | int) -> None:
        """Give a user part to its owner; an error in the file if it has another."""
        owner = self.users.get(user)
        if owner is None:
            self.users[user] = Owner(kind, key, source.where(*path))
            self.users_of.setdefault((kind, key), []).append(user)
        elif (owner.kind, owner.key) != (kind, key):
            source.error(f'"{user}" already means {owner.key} ({owner.where})', *path)

    def name(self, name: str, kind: str, source: Source, *path: str | int) -> None:
        """Note a person's, team's or place's name; an error in the file if it can't be told from another."""
        known_kind, where = self.names.setdefault(name, (kind, source.where(*path)))
        if name in RESERVED:
            source.error_at_key(f'"{name}" has a meaning of its own and can\'t be a name', *path)
        elif not NAME.fullmatch(name) or " at " in name:
            source.error_at_key(f'"{name}" can\'t be a name', *path)
        elif known_kind != kind:
            source.error_at_key(f'"{name}" is the name of a {known_kind} already ({where})', *path)

    def target(self, text: str, person: str = "") -> Target:
        """What a route of this person, or of a team if "", means by a text.

        Raises ValueError in an operator's words, or with ALREADY_REPORTED.
        """
        if text in REJECTIONS:
            return ToEnd(Reject(*REJECTIONS[text]))
        if text == "voicemail" or text.startswith(VOICEMAIL_OF):
            return ToEnd(Answer(f"{VOICEMAIL_OF}{self._mailbox(text, person)}"))
        if text.startswith(ANNOUNCEMENT):
            return ToEnd(Answer(f"{ANNOUNCEMENT}{self._announcement(text.removeprefix(ANNOUNCEMENT).strip())}"))
        who, at, place = text.rpartition(" at ")
        if at:
            return ToPlace(self._place(self.person(who), place))
        if text in self.places.get(person, {}):
            return ToPlace(self.places[person][text])
        if text in self.members:
            return ToTeam(text)
        owner = self.users.get(text) or self.users.get(plain_number(text))
        if owner is not None and owner.kind == "teams":
            return ToTeam(owner.key)
        if owner is not None and owner.kind == "people":
            return ToEveryPlace(person) if owner.key == person else ToPerson(owner.key)
        number = international(text, self.country)
        if number and number in self.users:
            return self.target(number, person)
        if number or is_outside_number(text):
            if not self.trunks:
                raise ValueError(f"{text} can't be rung: there are no trunks to the public network")
            if not number:
                raise ValueError(f"{text} is no whole number; write it as +49 170 1234567")
            return ToNumber(number, person)
        if self._dropped(("people", person, "places", text), ("people", text), ("teams", text)):
            raise ValueError(ALREADY_REPORTED)
        known = [*self.places.get(person, {}), *self.members, *self.places, *REJECTIONS]
        raise ValueError(f'no place, person or team "{text}"{suggestion(text, known)}')

    def _mailbox(self, text: str, person: str) -> str:
        if text.startswith(VOICEMAIL_OF):
            whose = text.removeprefix(VOICEMAIL_OF).strip()
            owner = self.users.get(whose)
            if whose in self.members or (owner is not None and owner.kind == "teams"):
                return whose if owner is None else owner.key
            return self.person(whose)
        if not person:
            raise ValueError("whose voicemail? write voicemail of and a person")
        return person

    def _announcement(self, name: str) -> str:
        if name in self.announcements:
            self.used_announcements.add(name)
        elif self._dropped(("announcements", name)):
            raise ValueError(ALREADY_REPORTED)
        elif name not in library.names():
            known = [*self.announcements, *library.names()]
            raise ValueError(f'no announcement "{name}"{suggestion(name, known)}')
        return name

    def person(self, text: str) -> str:
        """The key of a person named by key or number.

        Raises ValueError as `target` does.
        """
        owner = self.users.get(text)
        if owner is not None and owner.kind == "people":
            return owner.key
        if self._dropped(("people", text)):
            raise ValueError(ALREADY_REPORTED)
        raise ValueError(f'no person "{text}"{suggestion(text, self.places)}')

    def _place(self, person: str, place: str) -> Place:
        found = self.places[person].get(place)
        if found is not None:
            return found
        if self._dropped(("people", person, "places", place)):
            raise ValueError(ALREADY_REPORTED)
        raise ValueError(f'{person} has no place "{place}"{suggestion(place, self.places[person])}')

    def callers(self, name: str) -> tuple[str, ...]:
        """The numbers of a list, or the user parts of a person or a team's members; see `conditions.Names`."""
        if name in self.lists:
            return self.lists[name]
        if name in self.members:
            return tuple(user for member in self.members[name] for user in self.users_of["people", member])
        owner = self.users.get(name)
        if owner is not None and owner.kind == "people":
            return tuple(self.users_of["people", owner.key])
        if self._dropped(("lists", name), ("people", name), ("teams", name)):
            raise ValueError(ALREADY_REPORTED)
        known = [*self.lists, *self.members, *self.places, "anonymous"]
        raise ValueError(f'no list, person or team "{name}"{suggestion(name, known)}')

    def called(self, name: str) -> tuple[str, ...]:
        """The user part itself if somebody has it; see `conditions.Names`."""
        if name in self.users or name in self.members:
            return (name,)
        if plain_number(name) in self.users:
            return (plain_number(name),)
        raise ValueError(f'nobody is called "{name}"{suggestion(name, self.users)}')

    def watched(self, name: str) -> tuple[str, ...]:
        """The keys of a person or of a team's members; see `conditions.Names`."""
        if name in self.members:
            return self.members[name]
        if self._dropped(("teams", name)):
            raise ValueError(ALREADY_REPORTED)
        owner = self.users.get(name)
        if owner is not None and owner.kind == "teams":
            return self.members[owner.key]
        return (self.person(name),)

    def owner(self, text: str) -> Owner:
        """Whom a name or number of our own means.

        Raises ValueError as `target` does.
        """
        owner = self.users.get(text)
        if owner is not None:
            return owner
        if self._dropped(("people", text), ("teams", text), ("codes", text)):
            raise ValueError(ALREADY_REPORTED)
        raise ValueError(f'no person or team "{text}"{suggestion(text, self.users)}')

    def _dropped(self, *paths: tuple[str, ...]) -> bool:
        return any(source.was_dropped(*path) for source in self.sources for path in paths)

    def schedule(self, name: str) -> Schedule:
        """The schedule of this name.

        Raises ValueError as `target` does.
        """
        self.used_schedules.add(name)
        if name in self.schedules:
            return self.schedules[name]
        if self._dropped(("schedules", name)):
            raise ValueError(ALREADY_REPORTED)
        raise ValueError(f'no schedule "{name}"{suggestion(name, self.schedules)}')


@dataclass(slots=True)
class PersonsNames:
    """The names as one person's rules mean them; see `conditions.Names`."""

    directory: Directory
    person: str
    zone: ZoneInfo | None
    """The person's own, if any."""
    moved: dict[tuple[str, str], Schedule]
    """Schedules on other clocks than the site's, shared by all who live there; by name and zone."""

    def schedule(self, name: str) -> Schedule:
        found = self.directory.schedule(name)
        if self.zone is None or name in self.directory.zoned_schedules:
            return found
        return self.moved.setdefault((name, self.zone.key), found.in_zone(self.zone))

    def watched(self, name: str) -> Sequence[str]:
        return self.directory.watched(name) if name else (self.person,)

    def callers(self, name: str) -> Sequence[str]:
        return self.directory.callers(name)

    def called(self, name: str) -> Sequence[str]:
        return self.directory.called(name)
