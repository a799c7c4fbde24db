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
_IN_WORDS = (
    ("name",),
    ("street", "house", "house letter"),
    ("district",),
    ("postcode", "city"),
    ("county",),
    ("state",),
    ("country",),
    ("more",),
    ("landmark",),
)
"""What stands together, in the order in which people say it."""
_NAMED = ("building", "unit", "floor", "room")
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
        """In one line, for people: "Acme, Marienplatz 8, 80331 München, DE, floor 2"."""
        said = {**dict(self.parts), "country": self.country}
        pieces = [" ".join(said[key] for key in group if said.get(key)) for group in _IN_WORDS]
        pieces += [f"{key} {said[key]}" for key in _NAMED if key in said]
        return ", ".join(piece for piece in pieces if piece)
