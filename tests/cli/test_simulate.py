"""`softswitch simulate`: the sample office on a Friday evening."""

from __future__ import annotations

from pathlib import Path

from .conftest import Command


def test_friday_evening(softswitch: Command) -> None:
    result = softswitch("simulate", "--to", "101", "--at", "2026-11-27 18:05", "--then", "no answer")
    assert result.code == 0
    assert "2026-11-27 18:05" in result.out
    assert "anna at mobile rings" in result.out
    assert "service team rings" in result.out


def test_office_hours_by_address(softswitch: Command) -> None:
    result = softswitch("simulate", "--to", "101@acme.example", "--at", "2026-11-26 09:00")
    assert "anna at office rings for 15 s" in result.out


def test_nobody(softswitch: Command) -> None:
    result = softswitch("simulate", "--to", "999", "--at", "mon 10:00")
    assert result.code == 0
    assert "404" in result.out


def test_words_that_mean_nothing(softswitch: Command) -> None:
    result = softswitch("simulate", "--to", "101", "--at", "teatime")
    assert result.code == 1
    assert "teatime" in result.err
    result = softswitch("simulate", "--to", "101", "--then", "bsy")
    assert result.code == 1
    assert "bsy" in result.err
    assert softswitch("simulate", "--to", "101@other.example").code == 1


def test_two_firms(softswitch: Command, office: Path) -> None:
    (office / "config/other.yaml").write_text(
        "site: {domain: other.example, timezone: Europe/Madrid}\n"
        "people:\n  eva: {name: Eva, number: 101, places: {desk: {phone: eva-desk}}}\n"
        "  max: {name: Max, number: 300, places: {desk: {phone: max-desk}}}\n"
        "phones: {eva-desk: {secret: eva}, max-desk: {secret: max}}\n"
    )
    settings = office / "config/softswitch.yaml"
    settings.write_text(settings.read_text().replace("office.yaml", "[office.yaml, other.yaml]"))
    result = softswitch("simulate", "--to", "101")
    assert result.code == 1
    assert "which of these sites? acme.example, other.example; say 101@SITE" in result.err
    assert "eva" in softswitch("simulate", "--to", "101@other.example").out
    assert "eva" in softswitch("simulate", "--to", "101", "--site", "other.example").out
    assert "max" in softswitch("simulate", "--to", "300").out
