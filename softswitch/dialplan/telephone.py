"""Numbers of the public network: however they are written or dialled, within the switch they are E.164."""

from __future__ import annotations

import functools
import re

import phonenumbers

SUPPORTED_REGIONS = frozenset(phonenumbers.SUPPORTED_REGIONS)
"""The countries that are known: "DE"."""

FEWEST_DIGITS = 6
"""Of a whole number; what the tables think possible is less in some countries."""

_WRITTEN = re.compile(r"\+?[\d\s()/.-]{2,30}")
_SIGNS = re.compile(r"[\s()/.-]")


@functools.lru_cache(maxsize=10_000)
def international(text: str, country: str) -> str:
    """`text` as somebody in `country` ("DE") writes or dials it, as "+49891234"; "" for what is no such number.

    A number of one's own town without its area code is none: nobody knows which town is meant.
    """
    if not _WRITTEN.fullmatch(text):
        return ""
    bare = _SIGNS.sub("", text)
    if not bare.startswith("+") and not _is_whole(bare, country):
        return ""
    try:
        number = phonenumbers.parse(bare, country or None)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(number):
        return ""
    written: str = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return written if len(written) > FEWEST_DIGITS else ""


def _is_whole(bare: str, country: str) -> bool:
    """Whether digits without a plus can be more than an extension or a number of the same town."""
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(country, None) if country else None
    if metadata is None:
        return False
    trunk_prefix = metadata.national_prefix
    if trunk_prefix != "0":
        return True  # no prefix there, or one that callers leave out, as the 1 of America
    return bare.startswith("0")


@functools.lru_cache(maxsize=10_000)
def national(number: str, country: str) -> str:
    """An E.164 number as it is dialled within `country`: "0891234"; abroad "0033123456" with its own prefix."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return number
    if country in phonenumbers.region_codes_for_country_code(parsed.country_code or 0):
        written = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
    else:
        written = phonenumbers.format_out_of_country_calling_number(parsed, country or "ZZ")
    return re.sub(r"[^\d+]", "", written)


@functools.lru_cache(maxsize=10_000)
def country_of(number: str) -> str:
    """The country of an E.164 number, "DE"; "" where it is none or of no country."""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(number, None)) or ""
    except phonenumbers.NumberParseException:
        return ""
