"""Documents are valid by the RFCs' schemas, whatever people are called, and say what is so."""

from __future__ import annotations

from email import message_from_bytes
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from softswitch.errors import PeerError
from softswitch.presence import compose
from softswitch.presence.document import Document
from softswitch.presence.packages.dialog import Lamp, changes, dialog_info
from softswitch.presence.packages.lists import resource_list
from softswitch.presence.packages.presence import pidf
from softswitch.presence.packages.reg import reginfo
from softswitch.presence.packages.winfo import Watcher, watcherinfo
from softswitch.presence.pidf import read_pidf
from softswitch.registrar.bindings import Binding

SCHEMAS = Path(__file__).parent.parent.parent.parent / "shared/schemas"
STATES = [
    compose.State(availability, place, note, lands)
    for availability, place, note, lands in product(
        ("available", "on the phone", "busy", "away", "do not disturb", "offline"),
        ("", "home office"),
        ("", 'at "Müller & <Söhne>"'),
        ("nobody", "anna at office"),
    )
]
LAMPS = [
    Lamp("anna-desk", 'a<b&"c@192.0.2.1', state, caller, other, tag, tag)
    for state, caller, other, tag in product(
        ("trying", "ringing", "answered", "ended"), (True, False), ("", "102"), ("", "t1")
    )
]
ENTITY = "sip:101@acme.example"


def valid(document: Document, schema: str) -> None:
    if not SCHEMAS.is_dir():
        pytest.skip("the RFCs' schemas are not here")
    tree = etree.fromstring(document.body(7))
    etree.XMLSchema(etree.parse(SCHEMAS / schema)).assertValid(tree)
    for child in tree.iter("{*}person"):  # what lies in PIDF is of schemas of their own
        etree.XMLSchema(etree.parse(SCHEMAS / "data-model.xsd")).assertValid(child)
        for activities in child.iter("{*}activities", "{*}place-type"):
            etree.XMLSchema(etree.parse(SCHEMAS / "rpid.xsd")).assertValid(activities)


def binding(contact: str) -> Binding:
    return Binding(
        "acme.example", "anna-desk", contact, "", 1000, 9e9, "call", 1, "udp|0|192.0.2.7|5060|0", (), "", 0.0
    )


def test_presence() -> None:
    for state in STATES:
        valid(pidf(state, ENTITY), "pidf.xsd")


def test_dialog_info() -> None:
    for details in (True, False):
        valid(dialog_info([], ENTITY, "acme.example", details), "dialog-info.xsd")
        valid(dialog_info(LAMPS, ENTITY, "acme.example", details), "dialog-info.xsd")


def test_watcher_info() -> None:
    valid(watcherinfo([], ENTITY), "watcherinfo.xsd")
    valid(watcherinfo([Watcher("a1", "sip:102@acme.example", 'Carla "C" <R>')], ENTITY), "watcherinfo.xsd")


def test_reginfo_reads_back() -> None:
    for bindings in ((), (binding("sip:a@192.0.2.7"), binding('sip:"&<@192.0.2.8'))):
        tree = etree.fromstring(reginfo(bindings, ENTITY).body(3))
        assert tree.get("version") == "3"
        assert len(tree.findall(".//{*}contact/{*}uri")) == len(bindings)


def test_a_resource_list() -> None:
    members = [
        ("sip:102@acme.example", "Carla <R>", pidf(STATES[5], "sip:102@acme.example")),
        ("sip:103@acme.example", "Dario", dialog_info(LAMPS, "sip:103@acme.example", "acme.example", True)),
    ]
    document = resource_list("sip:200@acme.example", "Service & more", members)
    message: Any = message_from_bytes(b"Content-Type: " + document.content_type + b"\r\n\r\n" + document.body(4))
    root, *parts = message.get_payload()
    first = root.get_payload(decode=True)
    valid(Document(b"", (first,)), "rlmi.xsd")
    cids = [one.get("cid") for one in etree.fromstring(first).iter("{*}instance")]
    assert [f"<{cid}>" for cid in cids] == [part["Content-ID"] for part in parts]
    assert etree.fromstring(parts[0].get_payload(decode=True)).tag.endswith("presence")
    assert etree.fromstring(parts[1].get_payload(decode=True)).get("version") == "4"


CALLS = st.lists(
    st.builds(
        Lamp, st.sampled_from(["a", "b"]), st.sampled_from([str(n) for n in range(6)]),
        st.sampled_from(["trying", "ringing", "answered", "ended"]), st.booleans(), st.just(""), st.just("t"),
        st.just("u"),
    ),
    max_size=6, unique_by=lambda lamp: (lamp.call_id, lamp.account),
)  # fmt: skip


@given(st.lists(CALLS, min_size=2, max_size=6), st.booleans())
def test_partial_documents_lead_to_the_same(history: list[list[Lamp]], details: bool) -> None:
    """Whoever puts them together knows of all calls that run, as somebody does who gets full ones."""
    documents = [dialog_info(lamps, ENTITY, "acme.example", details) for lamps in history]
    known: dict[str, str] = {}
    for before, now in zip([None, *documents], documents, strict=False):
        told = (changes(before, now) if before is not None else None) or now
        tree = etree.fromstring(told.body(1))
        if tree.get("state") == "full":
            known.clear()
        else:
            assert len(told.body(1)) <= len(now.body(1)) + len("partial") - len("full")
        known.update({one.get("id"): one.findtext("{*}state") for one in tree.iter("{*}dialog")})
        whole = {one.get("id"): one.findtext("{*}state") for one in etree.fromstring(now.body(1)).iter("{*}dialog")}
        assert {k: v for k, v in known.items() if v != "terminated"} == {
            k: v for k, v in whole.items() if v != "terminated"
        }


def test_without_details_nothing_tells_the_call() -> None:
    text = dialog_info(LAMPS, ENTITY, "acme.example", False).body(0).decode()
    assert "102" not in text
    assert "192.0.2.1" not in text
    assert "t1" not in text


@given(st.text(), st.text())
def test_any_text_makes_xml(place: str, note: str) -> None:
    body = pidf(compose.State("busy", place, note, "nobody"), ENTITY).body(0)
    assert read_pidf(body)[1] == "busy"


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_only_peer_errors_escape(body: bytes) -> None:
    with pytest.raises(PeerError):
        read_pidf(body)
