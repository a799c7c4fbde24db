"""Holidays of a site: those of its country and region, with the firm's own days added or taken out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Holidays:
    """A set of days; `country` "" means that only the firm's own days count."""

    country: str = ""
    """ISO 3166 code, e.g. "DE"."""
    region: str = ""
    """The part of the country as ISO 3166-2 has it after the hyphen, e.g. "BY"; "" for the whole country's days."""
    also: frozenset[date] = frozenset()
    but: frozenset[date] = frozenset()
    """Days that the firm works though the country does not."""

    def includes(self, day: date) -> bool:
        """Whether the firm has a holiday on this day."""
        if day in self.but:
            return False
        return day in self.also or (bool(self.country) and day in public(self.country, self.region, day.year))


Days = dict[tuple[str, str, int], frozenset[date]]
"""Public holidays by country, region and year."""

_known: Days = {}
"""Memory of what was worked out or given."""


def give(days: Days) -> None:
    """Take these days as they are from now on: those that a plan was checked with, whatever is installed here."""
    _known.update(days)


def known(years: Iterable[int]) -> Days:
    """The days of these years, wherever any year was asked for; all that `give` needs elsewhere."""
    places = {(country, region) for country, region, _ in _known}
    return {(*place, year): public(*place, year) for place in sorted(places) for year in years}


def public(country: str, region: str, year: int) -> frozenset[date]:
    """The public holidays of a year.

    Raises ValueError when the country or the region is not known.
    """
    key = country, region, year
    days = _known.get(key)
    if days is None:
        days = _known[key] = _worked_out(country, region, year)
    return days


def _worked_out(country: str, region: str, year: int) -> frozenset[date]:
    # A large package which most starts don't need: a site without holidays never pays for it.
    import holidays

    try:
        return frozenset(holidays.country_holidays(country, subdiv=region or None, years=year))
    except NotImplementedError:
        supported = holidays.list_supported_countries(include_aliases=False)
        if country not in supported:
            raise ValueError(f'no holidays are known for the country "{country}"') from None
        regions = ", ".join(supported[country]) or "none"
        raise ValueError(f'no region "{region}" in {country}; known are {regions}') from None
