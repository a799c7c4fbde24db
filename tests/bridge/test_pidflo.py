"""What an emergency service is told of a place is valid, whatever stands in the address."""

from __future__ import annotations

from email.parser import BytesParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from softswitch.bridge.pidflo import location_object, with_location
from softswitch.dialplan.location import ELEMENTS, Location

SCHEMAS = Path(__file__).parent.parent.parent.parent / "shared/schemas"
GEOPRIV, CIVIC = "urn:ietf:params:xml:ns:pidf:geopriv10", "urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr"
TEXT = st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=30)
PLACES = st.dictionaries(st.sampled_from([key for key in ELEMENTS if key != "country"]), TEXT, min_size=1).map(
    lambda parts: Location("", "DE", tuple((key, parts[key]) for key in ELEMENTS if key in parts))
)


@given(PLACES)
def test_each_part_is_said_in_its_element_and_in_order(place: Location) -> None:
    document = etree.fromstring(location_object(place, 'sip:a"&<b@acme.example', 0.0))
    address = document.find(f".//{{{CIVIC}}}civicAddress")
    told = [(str(one.tag).partition("}")[2], one.text) for one in address]
    assert told == [("country", "DE"), *((ELEMENTS[key], text) for key, text in place.parts)]
    # RFC 4119 §2.2.1: location-info, usage-rules, method, in this order.
    (geopriv,) = document.iter(f"{{{GEOPRIV}}}geopriv")
    assert [str(one.tag) for one in geopriv] == [
        f"{{{GEOPRIV}}}{name}" for name in ("location-info", "usage-rules", "method")
    ]


def test_it_is_valid_presence() -> None:
    if not SCHEMAS.is_dir():
        pytest.skip("the RFCs' schemas are not here")
    schema = etree.XMLSchema(etree.parse(SCHEMAS / "pidf.xsd"))
    place = Location("", "DE", tuple((key, "<&>") for key in ELEMENTS if key != "country"))
    schema.assertValid(etree.fromstring(location_object(place, "sip:anna@acme.example", 1e9)))


@pytest.mark.parametrize("sdp", [b"v=0\r\ns=-\r\n", b""])
def test_the_body_has_both_parts(sdp: bytes) -> None:
    told = with_location(Location("", "DE", (("city", "München"),)), "sip:a@b", 0.0, b"192.0.2.1", b"word", sdp)
    message = BytesParser().parsebytes(told.lines[-1] + b"\r\n\r\n" + told.body)
    kinds = [part.get_content_type() for part in message.get_payload()]  # type: ignore[union-attr]
    assert kinds == [*(["application/sdp"] if sdp else []), "application/pidf+xml"]
    assert told.lines[0] == b"Geolocation: <cid:place-word@192.0.2.1>"
