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
    if not phonenumbers.is_possible_number(number) or _keeps_its_zero(number):
        return ""
    written: str = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return written if len(written) > FEWEST_DIGITS else ""


def _keeps_its_zero(number: phonenumbers.PhoneNumber) -> bool:
    """Whether so little follows the 0 of an area code that it was taken for a part of the number, as in Italy it is."""
    region = phonenumbers.region_code_for_country_code(number.country_code or 0)
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region, None)
    return bool(number.italian_leading_zero) and metadata is not None and metadata.national_prefix == "0"


_FAULTS = {
    phonenumbers.ValidationResult.TOO_SHORT: "it is too short",
    phonenumbers.ValidationResult.TOO_LONG: "it is too long",
    phonenumbers.ValidationResult.INVALID_LENGTH: "no number has so many digits",
    phonenumbers.ValidationResult.INVALID_COUNTRY_CODE: "there is no such country code",
    phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "its area code is missing",
}


def fault_of(text: str, country: str) -> str:
    """What is wrong with a number that somebody in `country` dialled to call outside, in words.

    "" for a number that can be called, and for what does not look like one: an extension, or a name.
    """
    bare = _SIGNS.sub("", text)
    if not re.fullmatch(r"\+?\d{1,40}", bare) or (bare[0] not in "+0" and len(bare) < FEWEST_DIGITS):
        return ""
    if international(text, country):
        return ""
    try:
        number = phonenumbers.parse(bare, country or None)
    except phonenumbers.NumberParseException as error:
        if error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE:
            return "there is no such country code"
        return "it is too long" if len(bare) > FEWEST_DIGITS else "it is too short"
    if _keeps_its_zero(number):
        return "it is too short"
    return _FAULTS.get(phonenumbers.is_possible_number_with_reason(number), "its area code is missing")


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
