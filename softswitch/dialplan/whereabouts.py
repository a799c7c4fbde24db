"""Locations and the words about emergencies with their names resolved; every mistake is reported where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from softswitch.dialplan.emergency import CALL_BACK_SECONDS, Emergency, emergency_numbers
from softswitch.dialplan.location import ELEMENTS, LONGEST, Location
from softswitch.dialplan.models import FileModel, LocationModel
from softswitch.dialplan.names import ALREADY_REPORTED, NAME, Directory
from softswitch.dialplan.source import Part, Source, suggestion
from softswitch.dialplan.telephone import SUPPORTED_REGIONS, international

MAIL = re.compile(r"[^\s@<>,;:\"()]{1,64}@[\w.-]{1,253}")
_TOO_LITTLE = ("city", "street", "postcode", "landmark", "more")
"""With none of these an address finds nobody."""


class Whereabouts:
    """Reads what a site's files say of places and emergencies."""

    def __init__(self, sources: list[Source], country: str) -> None:
        """`country` is the site's, and that of addresses that name none."""
        self._sources = sources
        self._country = country
        self.named: dict[str, Location] = {}
        self._used: set[str] = set()
        countries = {country, *(one.country for source in sources for one in _all(source.model) if one.country)}
        self.numbers = frozenset(
            number
            for one in countries
            if one == country or one in SUPPORTED_REGIONS
            for number in emergency_numbers(one)
        )
        """The emergency numbers of everywhere that the firm is."""

    def read(self) -> None:
        """The section `locations`."""
        for source in self._sources:
            for name, model in source.model.locations.items():
                path = ("locations", name)
                if not NAME.fullmatch(name):
                    source.error_at_key(f'"{name}" can\'t be a name', *path)
                if name in self.named:
                    source.error_at_key(f'"{name}" is already written elsewhere', *path)
                if name in SUPPORTED_REGIONS:
                    source.error_at_key(f'"{name}" is a country, and no name for a location', *path)
                if model.named:
                    source.error("write an address here: street:, house:, postcode:, city:", *path)
                else:
                    self.named[name] = self._address(model, source, name, path)

    def location(self, model: LocationModel | None, source: Source, *path: Part) -> Location | None:
        """What stands at `location:` of a place or phone."""
        if model is None:
            return None
        if not model.named:
            return self._address(model, source, "", path)
        self._used.add(model.named)
        found = self.named.get(model.named)
        if found is None and not source.was_dropped("locations", model.named):
            near = suggestion(model.named, self.named)
            source.error(f'no location "{model.named}" under locations:{near}', *path)
        return found

    def within(self, texts: Iterable[str], source: Source, *path: Part) -> frozenset[str]:
        """The countries and locations of an `in:`."""
        texts = tuple(texts)
        for at, text in enumerate(texts):
            if text in self.named:
                self._used.add(text)
            elif text not in SUPPORTED_REGIONS:
                near = suggestion(text, [*self.named, *SUPPORTED_REGIONS])
                source.error(f'"{text}" is neither a location nor a country such as AT{near}', *path, at)
        return frozenset(texts)

    def warn_of_unused(self) -> None:
        """Locations that nothing is at."""
        for source in self._sources:
            for name in source.model.locations:
                if name in self.named and name not in self._used:
                    source.warn(f'nothing is at the location "{name}"', "locations", name)

    def emergency(self, names: Directory) -> Emergency:
        """The section `emergency`."""
        written = [(source, source.model.emergency) for source in self._sources if source.model.emergency is not None]
        for source, _ in written[1:]:
            source.error_at_key(f"emergency: is already written in {written[0][0].file}", "emergency")
        if not written:
            return Emergency()
        source, model = written[0]
        assert model is not None
        people: list[str] = []
        mails: list[str] = []
        for at, text in enumerate(model.tell or ()):
            if MAIL.fullmatch(text):
                mails.append(text)
            elif text in names.members:
                people += names.members[text]
            else:
                self._person(text, names, people, source, at)
        test = self._test(model.test, source) if model.test else ""
        return Emergency(
            model.call_back if model.call_back is not None else CALL_BACK_SECONDS,
            tuple(dict.fromkeys(people)),
            tuple(dict.fromkeys(mails)),
            test,
        )

    @staticmethod
    def _person(text: str, names: Directory, people: list[str], source: Source, at: int) -> None:
        try:
            people.append(names.person(text))
        except ValueError as error:
            if str(error) != ALREADY_REPORTED:
                near = suggestion(text, [*names.places, *names.members])
                what = f'no person, team or mail address "{text}"{near}'
                source.error(what, "emergency", "tell", at)

    def _test(self, text: str, source: Source) -> str:
        """A provider's number for tests: whole, or short such as the 933 of some."""
        bare = re.sub(r"[\s()/.-]", "", text)
        number = bare if bare.isdigit() and len(bare) < 7 and not bare.startswith("0") else ""
        number = number or international(text, self._country)
        if number in self.numbers:
            source.error(f"{number} is an emergency number, and is never called for a test", "emergency", "test")
        elif not number:
            source.error(f'"{text}" is no number; write the one that your provider has for tests', "emergency", "test")
        return number

    def _address(self, model: LocationModel, source: Source, name: str, path: tuple[Part, ...]) -> Location:
        written = model.model_dump(by_alias=True, exclude_defaults=True)
        country = model.country or self._country
        if country and country not in SUPPORTED_REGIONS:
            near = suggestion(country, SUPPORTED_REGIONS)
            source.error(f'no country "{country}"{near}; write two letters, such as AT', *path, "country")
        if not written.keys() & set(_TOO_LITTLE) and not source.has_dropped_from(*path):
            source.error_at_key("an address needs a street, a city or something else that can be found", *path)
        for key, text in written.items():
            if len(text) > LONGEST or not text.isprintable():
                source.error(f"{key}: is no part of an address", *path, key)
        parts = tuple((key, written[key]) for key in ELEMENTS if key != "country" and key in written)
        return Location(name, country, parts)


def _all(model: FileModel) -> Iterator[LocationModel]:
    yield from model.locations.values()
    for person in model.people.values():
        for place in person.places.values():
            if place.location is not None:
                yield place.location
    for phone in model.phones.values():
        if phone.location is not None:
            yield phone.location
