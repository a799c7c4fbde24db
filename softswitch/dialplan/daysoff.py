"""The holidays that a site and its schedules speak of: put together, checked, and reported where they stand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from softswitch.dialplan.holiday import Holidays, public
from softswitch.dialplan.hours import parse_dates
from softswitch.dialplan.models import HolidaysModel, ScheduleModel
from softswitch.dialplan.source import Part, Source

ANY_YEAR = 2026
"""Whether a country and its region are known doesn't depend on it."""


class DaysOff:
    """Those of the site, and of schedules that have a country or holidays of their own."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.of_site = self._of_site(sources)
        self._site_source = next((one for one in sources if one.model.site and one.model.site.country), None)
        self._checked: set[tuple[str, str]] = set()

    def of_schedule(self, name: str, source: Source, model: ScheduleModel) -> Holidays:
        """What it says itself counts in place of what the site says."""
        if not model.country and model.holidays is None:
            return self.of_site
        path = ("schedules", name, "holidays")
        also, but = self._own_days(model.holidays, source, *path)
        region = model.holidays.region if model.holidays else ""
        return Holidays(model.country or self.of_site.country, region, also, but)

    def check(self, holidays: Holidays, name: str, source: Source, *path: Part) -> None:
        """Asked only where a line of the schedule speaks of holidays, since their tables take long to load."""
        if not holidays.country and not holidays.also:
            source.error("which holidays? the site needs a country, or holidays of its own", *path)
            return
        place = holidays.country, holidays.region
        if not holidays.country or place in self._checked:
            return
        self._checked.add(place)
        try:
            public(*place, ANY_YEAR)
        except ValueError as error:
            where, whose = self._written(holidays, name, source)
            where.refuse(error, *whose, *(("holidays", "region") if "region" in str(error) else ("country",)))

    def _written(self, holidays: Holidays, name: str, source: Source) -> tuple[Source, tuple[Part, ...]]:
        if holidays is self.of_site and self._site_source is not None:
            return self._site_source, ("site",)
        return source, ("schedules", name)

    def _of_site(self, sources: Sequence[Source]) -> Holidays:
        country = region = ""
        also: set[date] = set()
        but: set[date] = set()
        for source in sources:
            site = source.model.site
            if site is None:
                continue
            country = country or site.country
            if site.holidays is not None:
                region = region or site.holidays.region
            added, taken = self._own_days(site.holidays, source, "site", "holidays")
            also |= added
            but |= taken
        return Holidays(country, region, frozenset(also), frozenset(but))

    @staticmethod
    def _own_days(model: HolidaysModel | None, source: Source, *path: Part) -> tuple[frozenset[date], frozenset[date]]:
        also: set[date] = set()
        but: set[date] = set()
        if model is not None:
            for key, days, texts in (("also", also, model.also), ("except", but, model.but)):
                for index, text in enumerate(texts or ()):
                    try:
                        days.update(parse_dates(text))
                    except ValueError as error:
                        source.refuse(error, *path, key, index)
        return frozenset(also), frozenset(but)
