"""Where a phone stands, as an emergency service is told it: a postal address (RFC 5139 §3.1, RFC 4776 §3.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ELEMENTS: Mapping[str, str] = {
    "country": "country",
    "state": "A1",
    "county": "A2",
    "city": "A3",
    "district": "A4",
    "street": "RD",
    "house": "HNO",
    "house letter": "HNS",
    "landmark": "LMK",
    "more": "LOC",
    "floor": "FLR",
    "name": "NAM",
    "postcode": "PC",
    "building": "BLD",
    "unit": "UNIT",
    "room": "ROOM",
}
"""How an operator writes each part, and its element, in the order of the schema."""
LONGEST = 255
"""Of one part; a longer one would be no part of an address."""


@dataclass(frozen=True, slots=True)
class Location:
    """One address."""

    name: str
    """Under `locations`; "" for one that is written at its place."""
    country: str
    """ISO 3166, "DE"."""
    parts: tuple[tuple[str, str], ...]
    """As in `ELEMENTS`, without the country: ("city", "München")."""

    @property
    def words(self) -> str:
        """In one line, for people."""
        return ", ".join([text for _, text in self.parts] + ([self.country] if self.country else []))
