"""From the files of a site to its plan: every name resolved, every mistake reported where it stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo, available_timezones

from softswitch.dialplan.calendars import Calendars, CopyOf
from softswitch.dialplan.codes import ACTIONS, parse_code
from softswitch.dialplan.conditions import CONDITIONS, PresenceIs, is_outside_number, plain_number
from softswitch.dialplan.daysoff import DaysOff
from softswitch.dialplan.emergency import TEST
from softswitch.dialplan.graph import endless_ways
from softswitch.dialplan.hours import parse_line
from softswitch.dialplan.models import (
    FileModel,
    OutsideModel,
    PersonModel,
    PhoneModel,
    PlaceModel,
    ScheduleModel,
    TeamModel,
    TrunkModel,
    VoicemailModel,
)
from softswitch.dialplan.names import ALREADY_REPORTED, NAME, NUMBER, USER, Directory, PersonsNames
from softswitch.dialplan.network import Network, countries_of, limits_of, sudden_calls
from softswitch.dialplan.parking import PARK, is_parking, parking_of
from softswitch.dialplan.plan import (
    GENERAL,
    MAX_FORWARDS,
    MEDIA,
    SRTP,
    Code,
    Destination,
    Greeting,
    Person,
    Phone,
    Place,
    Plan,
    Team,
    ToEnd,
    Voicemail,
)
from softswitch.dialplan.rota import LONGEST_IDLE, ORDERS
from softswitch.dialplan.routes import Routes
from softswitch.dialplan.schedule import Days, Hours, Schedule, Span
from softswitch.dialplan.sight import NOBODY, USUAL, USUAL_CALLS, Sight, sight
from softswitch.dialplan.source import Part, Source, suggestion
from softswitch.dialplan.step import Answer, Hop, Reject, Ring
from softswitch.dialplan.telephone import international
from softswitch.dialplan.trunk import Limit, OutsideLine
from softswitch.dialplan.walk import RING_SECONDS, UNCONDITIONAL
from softswitch.dialplan.whereabouts import MAIL, Whereabouts
from softswitch.sound.library import LANGUAGES, language_of
from softswitch.sound.wav import LARGEST_BYTES, form_of

M = TypeVar("M")
Entries = dict[str, tuple[Source, M]]
"""The entries of one section over all files."""

RECORDED = "recorded"
"""In place of a greeting's file: what is recorded by phone."""
ANSWERS = ("echo", "voicemail", "park", "pickup", TEST)
"""What a code can be answered with."""
MOST_FORWARDS = 30
ON_ANY_CALL = "on any call"
OUTSIDE_NUMBER = re.compile(r"\+[1-9]\d{4,14}")
"""The whole number as others call it from abroad (E.164)."""


@cache
def _timezones() -> frozenset[str]:
    """All that there are; to look takes longer than to read a small dialplan."""
    return frozenset(available_timezones())


def build_plan(
    sources: list[Source], copy_of: CopyOf | None = None, wall: float | None = None, sounds_needed: bool = True
) -> Plan:
    """The plan of the files of one site; what is wrong or odd is added to their problems.

    With errors among these the plan is not fit for use. `copy_of` has the calendars of addresses; `wall` is now, for
    which these are made ready. `sounds_needed=False`: a sound file that can't be used is a warning.
    """
    return _Builder(sources, copy_of, wall, sounds_needed).build()


class _Builder:
    def __init__(self, sources: list[Source], copy_of: CopyOf | None, wall: float | None, sounds_needed: bool) -> None:
        self.sources = sources
        self.sounds_needed = sounds_needed
        self.calendars = Calendars(copy_of, wall)
        self.names = Directory(sources)
        self.schedules: Entries[ScheduleModel] = self._entries("schedules", lambda model: model.schedules)
        self.people: Entries[PersonModel] = self._entries("people", lambda model: model.people)
        self.teams: Entries[TeamModel] = self._entries("teams", lambda model: model.teams)
        self.lists: Entries[list[str]] = self._entries("lists", lambda model: model.lists)
        self.phone_entries: Entries[PhoneModel] = self._entries("phones", lambda model: model.phones)
        self.codes: Entries[str] = self._entries("codes", lambda model: model.codes)
        self.numbers: Entries[str] = self._entries("numbers", lambda model: model.numbers)
        self.announcements: Entries[str] = self._entries("announcements", lambda model: model.announcements)
        self.moved: dict[tuple[str, str], Schedule] = {}
        self.phone_of: dict[str, tuple[Place, str]] = {}
        """Account → its place, and file:line."""
        self.zone = self._zone()
        self.days_off = DaysOff(sources)
        self.trunks: Entries[TrunkModel] = self._entries("trunks", lambda model: model.trunks)
        self.where = Whereabouts(sources, self.days_off.of_site.country)
        self.names.country = self.days_off.of_site.country
        self.names.trunks = set(self.trunks)
        self.seen_by, self.calls_seen_by = USUAL, USUAL_CALLS
        """What holds for those who say nothing."""

    def build(self) -> Plan:
        self.where.read()
        for name, (source, schedule) in self.schedules.items():
            self._schedule(name, source, schedule)
        for name, (source, person) in self.people.items():
            self._introduce(name, source, person)
        for name, (source, team) in self.teams.items():
            self._introduce_team(name, source, team)
        for name, (source, numbers) in self.lists.items():
            self._list(name, source, numbers)
        for name, (source, file) in self.announcements.items():
            self._announcement(name, source, file)
        phones = self._phones()
        codes = {name: self._code(name, source, what) for name, (source, what) in self.codes.items()}
        for number, (source, whose) in self.numbers.items():
            self._outside_number(number, source, whose)
        network = Network(self.names, self.where, self.days_off.of_site.country)
        trunks = {name: network.trunk(name, source, model) for name, (source, model) in self.trunks.items()}
        outside = self._outside(network)
        self.seen_by = self._site_sight("seen by", USUAL)
        self.calls_seen_by = self._site_sight("calls seen by", USUAL_CALLS)
        people = {name: self._person(name, source, person) for name, (source, person) in self.people.items()}
        teams = {name: self._team(name, source, team) for name, (source, team) in self.teams.items()}
        for name, (source, _) in self.schedules.items():
            if name not in self.names.used_schedules:
                source.warn(f'nobody uses the schedule "{name}"', "schedules", name)
        for name, (source, _) in self.announcements.items():
            if name not in self.names.used_announcements:
                source.warn(f'nobody uses the announcement "{name}"', "announcements", name)
        self.where.warn_of_unused()
        for loop in endless_ways(people, teams):
            section, entries = ("people", self.people) if loop[0] in people else ("teams", self.teams)
            way = " → ".join(loop)
            entries[loop[0]][0].error_at_key(f"calls go round without ever ringing: {way}", section, loop[0])
        by_kind: dict[str, Mapping[str, Destination]] = {"people": people, "teams": teams, "codes": codes}
        users = {user: by_kind[owner.kind][owner.key] for user, owner in self.names.users.items()}
        domain = self.sources[0].model.site.domain if self.sources[0].model.site else ""
        watched = frozenset(name for team in teams.values() if team.order == LONGEST_IDLE for name in team.members)
        called, shown = self._shown()
        return Plan(
            domain,
            self.zone.key,
            people,
            teams,
            phones,
            self.names.schedules,
            users,
            watched,
            self.days_off.of_site.country,
            self.where.numbers,
            trunks,
            outside,
            called,
            shown,
            frozenset(person.name for person in people.values() if person.busy_on_call),
            tuple(code for code in codes.values() if code.pattern is not None),
            self._forwards(),
            self.names.announcements,
            self._language(),
            music_on_hold=self._music_on_hold(),
            asked=frozenset(
                name
                for person in people.values()
                for rule in person.rules
                for condition, _ in rule.checks
                if isinstance(condition, PresenceIs)
                for one in condition.asked
                for name in one.people
            ),
            media=self._media(),
            emergencies=self.where.emergency(self.names),
            sudden=sudden_calls(self.sources),
        )

    def _outside(self, network: Network) -> tuple[OutsideLine, ...]:
        written: list[tuple[Source, int, OutsideModel]] = [
            (source, index, model) for source in self.sources for index, model in enumerate(source.model.outside)
        ]
        lines = [network.line(number, *one) for number, one in enumerate(written, 1)]
        for source in self.sources:
            if source.model.trunks and not source.model.outside and not written:
                source.warn("there is no outside:, so that only emergency numbers can be called", "trunks")
        return tuple(lines)

    def _shown(self) -> tuple[frozenset[str], dict[str, str]]:
        """The numbers that outsiders may call, and the first one of each person, which her calls show."""
        shown: dict[str, str] = {}
        numbers = [number for text in self.numbers if (number := international(text, self.days_off.of_site.country))]
        for number in numbers:
            owner = self.names.users.get(number)
            if owner is not None and owner.kind == "people":
                shown.setdefault(owner.key, number)
        return frozenset(numbers), shown

    def _entries(self, section: str, of: Callable[[FileModel], Mapping[str, M]]) -> Entries[M]:
        entries: Entries[M] = {}
        for source in self.sources:
            for name, model in of(source.model).items():
                first = entries.setdefault(name, (source, model))[0]
                if first is not source:
                    where = first.where(section, name)
                    source.error_at_key(f'"{name}" is already written in {where}', section, name)
        return entries

    # The site

    def _zone(self) -> ZoneInfo:
        found: tuple[str, Source] | None = None
        for source in self.sources:
            name = source.model.site.timezone if source.model.site else None
            if name is None:
                continue
            if found and found[0] != name:
                where = found[1].where("site", "timezone")
                source.error(f"the timezone is {found[0]} already ({where})", "site", "timezone")
            found = found or (name, source)
        if found:
            return self._zone_named(found[0], found[1], "site", "timezone") or ZoneInfo("UTC")
        if not self.sources[0].was_dropped("site", "timezone"):
            self.sources[0].error('"timezone" is missing, e.g. Europe/Berlin', "site")
        return ZoneInfo("UTC")

    def _zone_named(self, name: str, source: Source, *path: Part) -> ZoneInfo | None:
        if name in _timezones():
            return ZoneInfo(name)
        source.error(f'no timezone "{name}"{suggestion(name, sorted(_timezones()))}', *path)
        return None

    def _forwards(self) -> int:
        for source in self.sources:
            written = source.model.site.forwards if source.model.site else None
            if written is not None:
                if written.isdecimal() and 1 <= int(written) <= MOST_FORWARDS:
                    return int(written)
                source.error(f"forwards: is how often a call may be sent on, 1 to {MOST_FORWARDS}", "site", "forwards")
        return MAX_FORWARDS

    def _language(self) -> str:
        """What the site says it speaks, else what its country does."""
        for source in self.sources:
            written = source.model.site.language if source.model.site else ""
            if written:
                if written not in LANGUAGES:
                    known = ", ".join(f"{key} ({name})" for key, name in LANGUAGES.items())
                    source.error(f'the switch does not speak "{written}"; it speaks {known}', "site", "language")
                return written
        return language_of(self.days_off.of_site.country)

    def _media(self) -> str:
        for source in self.sources:
            written = source.model.site.media if source.model.site else ""
            if written:
                self._check_media(written, source, "site")
                return written
        return ""

    @staticmethod
    def _check_media(word: str, source: Source, *path: str) -> None:
        if word and not MEDIA.fullmatch(word):
            known = 'relay, direct, "direct in office-lan" (the name of a network) or "direct behind one router"'
            source.error(f'media: "{word}" is not understood; write {known}', *path, "media")

    def _music_on_hold(self) -> str:
        for source in self.sources:
            written = source.model.site.music_on_hold if source.model.site else ""
            if written:
                if written in ("yes", "no"):
                    return "yes" if written == "yes" else ""
                return self._sound_file(source, written, "site", "music on hold")
        return "yes"

    # What has a name

    def _announcement(self, name: str, source: Source, file: str) -> None:
        path = ("announcements", name)
        if not NAME.fullmatch(name):
            source.error_at_key(f'"{name}" can\'t be a name', *path)
        self.names.announcements[name] = self._sound_file(source, file, *path)

    def _sound_file(self, source: Source, file: str, *path: Part) -> str:
        """The absolute path of a WAV file that is written beside the dialplan; reported when it is none."""
        place = Path(source.file).parent / file
        try:
            with place.open("rb") as wav:
                form_of(wav.read(LARGEST_BYTES))
        except OSError as error:
            self._missing(source, f"{place} cannot be read: {error.strerror}", *path)
        except ValueError as error:
            self._missing(source, f"{place} is {error}", *path)
        return str(place.absolute())

    def _missing(self, source: Source, text: str, *path: Part) -> None:
        """A sound file can't be used. With a dialplan that was accepted before, calls go on without it."""
        if self.sounds_needed:
            source.error(text, *path)
        else:
            source.warn_here(text, *path)

    def _schedule(self, name: str, source: Source, model: ScheduleModel) -> None:
        path = ("schedules", name)
        if not NAME.fullmatch(name):
            source.error_at_key(f'"{name}" can\'t be a name', *path)
        holidays = self.days_off.of_schedule(name, source, model)
        hours: list[Hours] = []
        spans: list[Span] = []
        exceptions: list[Days] = []
        for index, line in enumerate(model.hours or ()):
            where = (*path, "hours", index)
            try:
                parsed = parse_line(line)
            except ValueError as error:
                source.refuse(error, *where)
                continue
            match parsed:
                case Hours():
                    hours.append(parsed)
                case Span():
                    spans.append(parsed)
                case Days():
                    exceptions.append(parsed)
            if "holidays" in line:
                self.days_off.check(holidays, name, source, *where)
        own_holidays = "country" if model.country else "holidays" if model.holidays is not None else ""
        if own_holidays and not any("holidays" in line for line in model.hours or ()):
            source.warn(
                f"{own_holidays}: has no effect: no line of this schedule speaks of holidays", *path, own_holidays
            )
        if model.hours is None and model.calendar is None and not source.has_dropped_from(*path):
            source.error("a schedule needs hours, or a calendar", *path)
        if exceptions and not hours and not spans and not model.calendar:
            source.error("there are only exceptions; write the hours too", *path)
        zone = self.zone
        if model.timezone is not None:
            zone = self._zone_named(model.timezone, source, *path, "timezone") or zone
            self.names.zoned_schedules.add(name)
        busy = self.calendars.read(model.calendar or [], zone, source, *path, "calendar")
        self.names.schedules[name] = Schedule(name, zone, tuple(hours), tuple(spans), tuple(exceptions), holidays, busy)

    def _introduce(self, name: str, source: Source, model: PersonModel) -> None:
        path = ("people", name)
        self.names.name(name, "person", source, *path)
        if not USER.fullmatch(name):
            source.error_at_key(f'"{name}" can\'t be dialled; use letters, digits, ".", "-" and "_"', *path)
        self.names.claim(name, "people", name, source, *path)
        self._number(model.number, "people", name, source)
        places: dict[str, Place] = {}
        for place_name, place in model.places.items():
            where = (*path, "places", place_name)
            self.names.name(place_name, "place", source, *where)
            places[place_name] = self._place(name, place_name, place, source)
        self.names.places[name] = places

    def _place(self, person: str, name: str, model: PlaceModel, source: Source) -> Place:
        path = ("people", person, "places", name)
        dial = ""
        if model.phone is None and not model.dial and not source.has_dropped_from(*path):
            source.error_at_key("a place needs a phone, or a number to dial", *path)
        if model.phone and model.dial:
            source.error_at_key("a place has a phone or a number to dial, not both; make it two places", *path)
        if model.dial:
            dial = international(model.dial, self.days_off.of_site.country)
            if not dial:
                source.error(f'"{model.dial}" is no number; write +49 170 1234567', *path, "dial")
            elif not self.trunks:
                source.warn("there are no trunks to call this number over, so this place is unreachable", *path, "dial")
        if model.confirm and model.confirm != "press 1":
            source.error('only "press 1" is known here', *path, "confirm")
        elif model.confirm and not model.dial:
            source.error("only who answers a number to dial can be asked to press 1", *path, "confirm")
        location = self.where.location(model.location, source, *path, "location")
        if location is not None and not model.phone:
            source.error("only a phone has a location; where a mobile is its own network knows", *path, "location")
        elif location is None and model.phone and self.where.named and model.location is None:
            source.warn(f"an emergency call from here does not say where {person} is: write location:", *path)
        place = Place(person, name, tuple(dict.fromkeys(model.phone or ())), dial, bool(model.confirm), location)
        for index, account in enumerate(model.phone or ()):
            where = (*path, "phone", index)
            if not USER.fullmatch(account):
                source.error(f'"{account}" can\'t be an account; use letters, digits, ".", "-" and "_"', *where)
            first = self.phone_of.setdefault(account, (place, source.where(*where)))
            if first[0] is not place or account in (model.phone or [])[:index]:
                source.error(f'the phone "{account}" is at {first[0].label} already ({first[1]})', *where)
            else:
                self.names.claim(account, "people", person, source, *where)
        return place

    def _introduce_team(self, name: str, source: Source, model: TeamModel) -> None:
        self.names.name(name, "team", source, "teams", name)
        self.names.claim(name, "teams", name, source, "teams", name)
        self._number(model.number, "teams", name, source)
        members: list[str] = []
        for index, member in enumerate(model.members):
            try:
                members.append(self.names.person(member))
            except ValueError as error:
                source.refuse(error, "teams", name, "members", index)
        if len(set(members)) < len(members):
            source.error("somebody is a member twice", "teams", name, "members")
        self.names.members[name] = tuple(dict.fromkeys(members))

    def _number(self, number: str, section: str, name: str, source: Source) -> None:
        if not number:
            return
        path = (section, name, "number")
        if not NUMBER.fullmatch(number):
            source.error(f'"{number}" can\'t be a number; it has digits only, 15 at most', *path)
        elif number in self.where.numbers:
            source.error(f"{number} is an emergency number and can't be anybody's", *path)
        else:
            self.names.claim(number, section, name, source, *path)

    def _outside_number(self, number: str, source: Source, whose: str) -> None:
        path = ("numbers", number)
        if not OUTSIDE_NUMBER.fullmatch(plain_number(number)):
            source.error_at_key(f'"{number}" can\'t be a number called from outside; write +49 89 12340', *path)
            return
        try:
            owner = self.names.owner(whose)
        except ValueError as error:
            source.refuse(error, *path)
        else:
            self.names.claim(plain_number(number), owner.kind, owner.key, source, *path)

    def _list(self, name: str, source: Source, numbers: list[str]) -> None:
        for index, number in enumerate(numbers):
            if not is_outside_number(number):
                what = f'"{number}" is no outside number; write +49 30 123456, or +49 30 * for all that begin so'
                source.error(what, "lists", name, index)
        self.names.lists[name] = tuple(numbers)

    def _phones(self) -> dict[str, Phone]:
        phones: dict[str, Phone] = {}
        for name, (source, model) in self.phone_entries.items():
            path = ("phones", name)
            if not USER.fullmatch(name):
                source.error_at_key(f'"{name}" can\'t be an account; use letters, digits, ".", "-" and "_"', *path)
            if model.secret and not USER.fullmatch(model.secret):
                what = "secret: is the name of an entry in the secrets file, not the secret itself"
                source.error(what, *path, "secret")
            place = self.phone_of[name][0] if name in self.phone_of else None
            if place is None and not model.gateway:
                unlisted = [account for account in self.phone_of if account not in self.phone_entries]
                source.warn(f'the phone "{name}" is at nobody\'s place{suggestion(name, unlisted)}', *path)
            person, at = (place.person, place.name) if place else (None, None)
            secret = model.secret or name
            self._check_media(model.media, source, *path)
            if model.srtp and model.srtp not in SRTP:
                near = suggestion(model.srtp, SRTP)
                source.error(f'srtp: "{model.srtp}" is none of {", ".join(SRTP)}{near}', *path, "srtp")
            location = self.where.location(model.location, source, *path, "location")
            if location is None and place is not None:
                location = place.location
            phones[name] = Phone(name, secret, model.gateway, person, at, model.media, model.srtp, location)
        for account, (place, _) in self.phone_of.items():
            phones.setdefault(
                account, Phone(account, account, False, place.person, place.name, location=place.location)
            )
        return phones

    def _code(self, code: str, source: Source, what: str) -> Code:
        path = ("codes", code)
        action = ACTIONS.get(what)
        does = what
        if is_parking(what):
            does = self._parking(what, source, *path)
        elif action is None and what not in ANSWERS:
            known = (*ANSWERS, *ACTIONS)
            near = suggestion(what, known) or f"; there are {', '.join(known)}"
            source.error(f'no code does "{what}"{near}', *path)
            return Code(code, what)
        try:
            pattern = parse_code(code, action)
        except ValueError as error:
            source.error_at_key(str(error), *path)
            return Code(code, what)
        if code in self.where.numbers:
            source.error_at_key(f"{code} is an emergency number and can't be a code", *path)
        elif pattern is None:
            self.names.claim(code, "codes", code, source, *path)
        answer = Answer(does, (f"{code} is the code for {what}",)) if action is None else None
        return Code(code, what, answer, pattern)

    def _parking(self, what: str, source: Source, *path: Part) -> str:
        """The same with what follows named as steps name it."""
        try:
            then = parking_of(what).then
            target = self.names.target(then) if then else None
            step = target.step if isinstance(target, ToEnd) else None
            if then and not isinstance(step, Answer):
                raise ValueError(
                    f'"{then}" is nothing for a parked call; write voicemail of and a person, or announcement closed'
                )
        except ValueError as error:
            if str(error) != ALREADY_REPORTED:
                source.error(str(error), *path)
            return PARK
        return f"{what.partition(', then ')[0]}, then {step.what}" if isinstance(step, Answer) else what

    # What is done

    def _person(self, name: str, source: Source, model: PersonModel) -> Person:
        zone = None
        if model.timezone is not None:
            zone = self._zone_named(model.timezone, source, "people", name, "timezone")
        if model.busy_when and model.busy_when != ON_ANY_CALL:
            source.error(f'only "{ON_ANY_CALL}" is known here', "people", name, "busy when")
        names = PersonsNames(self.names, name, zone, self.moved)
        rules = Routes(source, self.names, name).rules(model.calls, names)
        places = self.names.places[name]
        phones = tuple(phone for place in places.values() for phone in place.phones)
        outside = bool(self.trunks) and any(place.dial for place in places.values())
        if not phones and not outside and not rules and not source.was_dropped("people", name):
            source.warn(f"{name} has no phone; calls for {name} are refused", "people", name)
        return Person(
            name,
            model.name or name,
            model.number,
            frozenset(self.names.users_of.get(("people", name), ())),
            places,
            rules,
            None if rules or outside else _every_place(name, model.number, phones),
            zone.key if zone is not None else "",
            model.busy_when == ON_ANY_CALL,
            self._voicemail(model.voicemail, names, source, "people", name, "voicemail"),
            self._sight(model.seen_by, self.seen_by, source, "people", name, "seen by"),
            self._sight(model.calls_seen_by, self.calls_seen_by, source, "people", name, "calls seen by"),
            self._limits(model, source, name),
            countries_of(model.countries, source, "people", name, "countries"),
        )

    def _limits(self, model: PersonModel, source: Source, name: str) -> tuple[Limit, ...]:
        limits = limits_of(model.limit, source, "people", name, "limit")
        if any(limit.each for limit in limits):
            source.error("each: this limit is hers alone already", "people", name, "limit")
        return limits

    def _voicemail(
        self, model: VoicemailModel, names: Directory | PersonsNames, source: Source, *path: Part
    ) -> Voicemail:
        greetings: list[Greeting] = []
        for index, greeting in enumerate(model.greeting):
            where = (*path, "greeting", index)
            by_phone = greeting.play == RECORDED
            file = "" if by_phone else self._sound_file(source, greeting.play, *where, "play")
            try:
                conditions = (CONDITIONS["when"](greeting.when, names),) if greeting.when else ()
            except ValueError as error:
                source.refuse(error, *where, "when")
                continue
            recorded = ", ".join(greeting.when or (GENERAL,)) if by_phone else ""
            greetings.append(Greeting(conditions, file, recorded))
        if model.pin and not USER.fullmatch(model.pin):
            source.error("pin: is the name of an entry in the secrets file, not the PIN itself", *path, "pin")
        if model.mail and not MAIL.fullmatch(model.mail):
            source.error(f'"{model.mail}" is no mail address', *path, "mail")
        return Voicemail(tuple(greetings), model.pin, model.mail, model.longest, is_written=True)

    def _site_sight(self, key: str, usual: Sight) -> Sight:
        """What the site says for everybody."""
        for source in self.sources:
            site = source.model.site
            texts = None if site is None else site.seen_by if key == "seen by" else site.calls_seen_by
            if texts is not None:
                return self._sight(texts, usual, source, "site", key)
        return usual

    def _sight(self, texts: list[str] | None, usual: Sight, source: Source, *path: Part) -> Sight:
        if texts is None:
            return usual
        good: list[str] = []
        for index, text in enumerate(texts):
            try:
                sight([text], self.names)
                good.append(text)
            except ValueError as error:
                source.refuse(error, *path, index)
        if NOBODY in good and len(good) > 1:
            source.error("nobody stands alone, not beside others", *path)
        return sight(good, self.names)

    def _team(self, name: str, source: Source, model: TeamModel) -> Team:
        path = ("teams", name)
        if model.ring not in ORDERS:
            near = suggestion(model.ring, ORDERS)
            known = f"{', '.join(list(ORDERS)[:-1])} or {list(ORDERS)[-1]}"
            source.error(f'a team rings {known}, not "{model.ring}"{near}', *path, "ring")
        then = Routes(source, self.names).then(model.then, (*path, "then"))
        members = self.names.members[name]
        seconds = model.ring_seconds or RING_SECONDS
        return Team(
            name,
            model.name or name,
            model.number,
            members,
            model.ring,
            seconds,
            then,
            None,
            self.seen_by,
            self.calls_seen_by,
            self._team_voicemail(name, source, model.voicemail),
        )

    def _team_voicemail(self, name: str, source: Source, model: VoicemailModel | None) -> Voicemail:
        if model is None:
            return Voicemail()
        path = ("teams", name, "voicemail")
        if model.pin:
            source.error("each member hears a team's messages by his own PIN", *path, "pin")
        return self._voicemail(model, self.names, source, *path)


def _every_place(person: str, number: str, phones: tuple[str, ...]) -> Ring | Reject:
    if not phones:
        return Reject(480, "Temporarily Unavailable", (f"{person} has no phone",))
    way = (Hop(person, number or person, UNCONDITIONAL),)
    return Ring(phones, RING_SECONDS, person, (f"{person} has no rules, so every place rings",), way=way)
