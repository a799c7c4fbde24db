"""The JSON Schema takes every dialplan of ours as an editor reads it, and no mistake of shape."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from softswitch.dialplan.load import load_texts
from softswitch.dialplan.schema import schema
from softswitch.errors import ConfigError

ROOT = Path(__file__).parents[2]
VALIDATOR = jsonschema.Draft202012Validator(schema())
WHOLE = """\
site:
  {domain: acme.example, timezone: Europe/Berlin, country: DE, holidays: {region: BY, also: [2026-12-24]}}
schedules:
  office hours: [mon-fri 08:00-17:00]
  one line: mon 08:00-09:00
  support: {timezone: Europe/Lisbon, hours: [daily 09:00-18:00]}
lists: {customers: [+49 30 *, +49 40 1], one: +49 1}
people:
  anna:
    name: Anna
    number: 101
    timezone: Europe/London
    places: {office: {phone: anna-desk}, home: {phone: [a, b]}, mobile: {dial: +49 170 1, confirm: press 1}}
    calls:
      - {when: [office hours, one line], from: customers, to: 101, ring: [office, home], for: 1m 30s, then: 200}
      - ring: office
        for: 15s
        then: {busy: home, no answer: {ring: [home, mobile], then: team}, unreachable: [home, mobile], declined: reject}
      - steps: [{ring: office, for: 10s}, {ring: team, then: {ring: home}}]
  carla: {}
teams: {team: {name: T, number: 200, members: [anna], ring: longest idle, for: 20s, then: {busy: anna at home}}}
phones: {anna-desk: {secret: anna-desk, gateway: no, media: direct in lan, srtp: require}, x: {}}
numbers: {+49 89 1234: anna}
codes: {"600": echo}
assertions:
  - {at: mon 09:00, from: +49 30 1, to: 101, rings: [anna at office, anna at home],
     then if busy: team, then if no answer: nobody}
"""


def as_an_editor(text: str) -> Any:
    """YAML 1.2 more or less: numbers are numbers, dates and times are text."""
    loader = type(
        "Loader", (yaml.SafeLoader,), {"yaml_implicit_resolvers": dict(yaml.SafeLoader.yaml_implicit_resolvers)}
    )
    for first, found in list(loader.yaml_implicit_resolvers.items()):
        kept = [(tag, pattern) for tag, pattern in found if not tag.endswith((":timestamp", ":int"))]
        loader.yaml_implicit_resolvers[first] = kept
    loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?[0-9]+$"), list("-+0123456789"))
    return yaml.load(text, loader)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("file", sorted((ROOT / "dialplans").glob("*.yaml")), ids=lambda file: file.name)
def test_our_dialplans_fit(file: Path) -> None:
    assert list(VALIDATOR.iter_errors(as_an_editor(file.read_text()))) == []


def test_everything_that_can_be_written_fits() -> None:
    assert load_texts([("f", WHOLE)])
    assert [error.message for error in VALIDATOR.iter_errors(as_an_editor(WHOLE))] == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("domain: acme.example, ", ""),
        ("timezone: Europe/Berlin", "timezones: Europe/Berlin"),
        ("office hours: [", "office hours: [[x], "),
        ("phone: anna-desk}", "fone: anna-desk}"),
        ("ring: office\n", "rang: office\n"),
        ("for: 15s", "for: soon"),
        ("{busy: home, no", "{bussy: home, no"),
        ("ring: longest idle", "ring: shortest idle"),
        ("gateway: no", "gateway: maybe"),
        ("members: [anna], ", ""),
        ("{secret: anna-desk", "{password: x"),
        ('"600": echo', '"600": ecco'),
        ("then if busy", "then when busy"),
        ("rings: [anna at office", "rongs: [anna at office"),
        ("to: 101, rings", "rings"),
        ("phones:", "fones:"),
        ("number: 101", "number: [101]"),
        ("- ring: office\n", "- ring: {x: office}\n"),
    ],
)
def test_mistakes_of_shape_are_seen_by_both(right: str, wrong: str) -> None:
    assert right in WHOLE
    text = WHOLE.replace(right, wrong, 1)
    with pytest.raises(ConfigError):
        load_texts([("f", text)])
    assert list(VALIDATOR.iter_errors(as_an_editor(text)))
