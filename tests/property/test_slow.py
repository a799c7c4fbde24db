"""No input is slow: 64 KiB made to send patterns back and forth cost about what 64 KiB of anything cost."""

from __future__ import annotations

import time

import pytest
from torture.builder import request

from softswitch.sip.parse import parse

from .accessors import FLOW, check_promise, refusal

SIZE = 64_000
PARSE_SECONDS = 0.15
"""CPU time for `parse` alone."""
LIMIT_SECONDS = 1.0
"""For parsing and every accessor, several times over. A quadratic step takes ten seconds and more here."""

RUNS = {
    "blanks": b" ",
    "tabs": b"\t ",
    "quotes": b'"',
    "escapes": b"\\",
    "escaped quotes": b'\\"',
    "semicolons": b";",
    "spaced semicolons": b" ; ",
    "commas": b",",
    "spaced commas": b" , ",
    "brackets": b"<",
    "closed brackets": b"<>",
    "ends of brackets": b">",
    "square brackets": b"[",
    "equals": b"=",
    "ats": b"@",
    "colons": b":",
    "percents": b"%",
    "escapes of URIs": b"%41",
    "folds": b"\r\n ",
    "wide folds": b"\r\n          \t",
    "folded blanks": b"        \r\n ",
    "zeros": b"0",
    "nines": b"9",
    "letters": b"a",
    "zero bytes": b"\0",
    "high bytes": b"\xff",
    "rports": b";rport   ",
    "filled rports": b";rport=   ",
    "branches": b";branch=  ",
    "tags": b";tag  ",
    "received": b";received=  ",
    "parameters": b";a=b",
    "quoted parameters": b';a="b"',
    "open quoted parameters": b';a="b',
    "vias": b"SIP/2.0/UDP a,",
    "addresses": b"<sip:a@b>,",
    "names": b'"a" <sip:a@b>,',
    "question marks": b"?a=b&",
}

PLACES = {
    "Via": (b"Via: SIP/2.0/UDP 192.0.2.20", b";branch=z9hG4bK1"),
    "Via, before the host": (b"Via: SIP/2.0/UDP ", b"a;branch=z9hG4bK1"),
    "Via, before the port": (b"Via: SIP/2.0/UDP a:", b"5060;branch=z9hG4bK1"),
    "Via, after the branch": (b"Via: SIP/2.0/UDP a;branch=z9hG4bK1;rport", b"x"),
    "From": (b"From: ", b"<sip:carla@acme.example>;tag=1"),
    "From, quoted": (b'From: "', b'" <sip:carla@acme.example>;tag=1'),
    "From, after the name": (b'From: "Carla"', b"<sip:carla@acme.example>;tag=1"),
    "From, bracketed": (b"From: <", b"sip:carla@acme.example>;tag=1"),
    "From, user": (b"From: <sip:", b"@acme.example>;tag=1"),
    "From, after the URI": (b"From: <sip:carla@acme.example", b">;tag=1"),
    "From, behind": (b"From: <sip:carla@acme.example>", b";tag=1"),
    "From, bare": (b"From: sip:carla@acme.example", b";tag=1"),
    "Contact": (b"Contact: ", b"<sip:carla@acme.example>"),
    "Contact, behind": (b"Contact: <sip:carla@acme.example>", b";q=0.1"),
    "Route": (b"Route: ", b"<sip:acme.example;lr>"),
    "Call-ID": (b"Call-ID: a", b"b"),
    "CSeq": (b"CSeq: 1", b"INVITE"),
    "Max-Forwards": (b"Max-Forwards: ", b"70"),
    "Content-Length": (b"Content-Length: ", b"0"),
    "X": (b"X: ", b"x"),
    "Xname": (b"X", b": x"),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_run_in_a_field(place: str) -> None:
    before, after = PLACES[place]
    field = place.partition(",")[0]
    for name, unit in RUNS.items():
        line = before + unit * (SIZE // len(unit)) + after
        within_limit(name, request("slow", b"INVITE", change={field: line}))


def test_a_run_in_the_start_line() -> None:
    for name, unit in RUNS.items():
        run = unit * (SIZE // len(unit))
        within_limit(name, request("slow", uri=b"sip:" + run + b"@acme.example"))
        within_limit(name, request("slow", uri=b"sip:carla@acme.example" + run))
        within_limit(name, request("slow", start=run))


@pytest.mark.parametrize(
    "line",
    [
        b"X: a",
        b"a:",
        b"v: SIP/2.0/UDP a",
        b"Via: SIP/2.0/UDP a;branch=z9hG4bK1",
        b"m: <sip:a@b>",
        b"no colon",
        b" ",
        b"",
    ],
    ids=repr,
)
def test_many_lines(line: bytes) -> None:
    lines = (line,) * (SIZE // (len(line) + 2))
    within_limit("many", request("slow", change={"X": lines}))
    within_limit("many", request("slow", first=lines))
    within_limit("many", request("slow", change={"X": lines[:490]}))


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\n\r", b"\r\n"], ids=repr)
def test_many_line_ends(end: bytes) -> None:
    run = end * (SIZE // len(end))
    within_limit("ends", run)
    within_limit("ends", run + request("slow"))
    within_limit("ends", request("slow")[:-2] + run)


def within_limit(name: str, data: bytes) -> None:
    begun = time.process_time()
    refusal(lambda: parse(data, FLOW))
    parsed = time.process_time()
    check_promise(data)
    ended = time.process_time()
    assert parsed - begun < PARSE_SECONDS, f"{name}: {parsed - begun:.3f} s to parse"
    assert ended - parsed < LIMIT_SECONDS, f"{name}: {ended - parsed:.3f} s in all"
