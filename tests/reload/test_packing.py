"""Plans in pieces: nothing is lost, what was one stays one, and no piece is large."""

from __future__ import annotations

from pathlib import Path

import pytest

from softswitch.dialplan.load import load_plans, load_texts
from softswitch.dialplan.plan import Plans
from softswitch.reload.packing import PIECE_ENTRIES, pack, unpack
from softswitch.secrets import Entry

SAMPLES = sorted((Path(__file__).parent.parent.parent / "dialplans").glob("*.yaml"))


def firm(size: int, domain: str = "acme.example") -> Plans:
    people = "".join(
        f"  p{n}: {{number: {1000 + n}, places: {{home: {{phone: t{n}}}}}, calls: [{{when: day, ring: home}}]}}\n"
        for n in range(size)
    )
    phones = "".join(f"  t{n}: {{secret: t{n}}}\n" for n in range(size))
    text = (
        f"site: {{domain: {domain}, timezone: Europe/Berlin}}\nschedules: {{day: [mon-fri 08:00-17:00]}}\n"
        f"people:\n{people}phones:\n{phones}"
    )
    return load_texts([("firm.yaml", text)])[0]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_every_sample_comes_through(path: Path) -> None:
    plans, _ = load_plans([path])
    assert unpack(pack(plans)) == plans


def test_two_sites() -> None:
    plans = {**firm(3), **firm(30, "other.example")}
    assert list(unpack(pack(plans))) == ["acme.example", "other.example"]
    assert unpack(pack(plans)) == plans


@pytest.mark.parametrize("size", [PIECE_ENTRIES - 1, PIECE_ENTRIES, PIECE_ENTRIES + 1, 3 * PIECE_ENTRIES])
def test_around_the_size_of_a_piece(size: int) -> None:
    plans = firm(size)
    assert unpack(pack(plans)) == plans


def test_what_was_one_object_is_one_object() -> None:
    plan = unpack(pack(firm(50)))["acme.example"]
    assert plan.destinations["1049"] is plan.people["p49"]
    (first,) = plan.people["p0"].rules[0].checks[0][0].schedules
    (last,) = plan.people["p49"].rules[0].checks[0][0].schedules
    assert first is last is plan.schedules["day"]


def test_the_order_of_names_stays() -> None:
    assert list(unpack(pack(firm(50)))["acme.example"].people) == [f"p{n}" for n in range(50)]


def test_no_piece_grows_with_the_plan() -> None:
    assert max(map(len, pack(firm(400)))) < 2 * max(map(len, pack(firm(40))))


def test_secrets() -> None:
    entries = {f"t{n}": Entry("acme.example", f"t{n}", {"MD5": b"0" * 32}, None) for n in range(100)}
    pieces = pack(entries)
    assert unpack(pieces) == entries
    assert len(pieces) > 100 / PIECE_ENTRIES


def test_nothing_is_unpacked_to_nothing() -> None:
    assert unpack([]) is None
    assert unpack(pack({})) == {}
