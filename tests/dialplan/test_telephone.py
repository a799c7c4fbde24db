"""Numbers as they are written and dialled, and what they mean."""

from __future__ import annotations

import pytest

from softswitch.dialplan.telephone import country_of, international


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("+49 170 1234567", "DE", "+491701234567"),
        ("0170 1234567", "DE", "+491701234567"),
        ("0170/123 45-67", "DE", "+491701234567"),
        ("0049 170 1234567", "DE", "+491701234567"),
        ("0044 20 7946 0958", "DE", "+442079460958"),
        ("020 7946 0958", "GB", "+442079460958"),
        ("(212) 555-0123", "US", "+12125550123"),
        ("011 49 89 123456", "US", "+4989123456"),
        ("06 6982 1234", "IT", "+390669821234"),
        ("1234567", "DE", ""),
        ("105", "DE", ""),
        ("112", "DE", ""),
        ("01", "DE", ""),
        ("anna", "DE", ""),
        ("", "DE", ""),
        ("+", "DE", ""),
        ("+999 123 456", "DE", ""),
        ("0170 1234567", "", ""),
        ("+49 170 1234567", "", "+491701234567"),
    ],
)
def test_what_a_number_means(text: str, country: str, number: str) -> None:
    assert international(text, country) == number


def test_countries() -> None:
    assert country_of("+431588000") == "AT"
    assert country_of("112") == ""
