"""The log's lines, on a console and as JSON."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from softswitch.ops.log import configure, log, silence


@pytest.fixture(autouse=True)
def _quiet_afterwards() -> Iterator[None]:
    yield
    silence()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_lines_carry_the_call() -> None:
    out = io.StringIO()
    configure("json", "info", out)
    log.info("call answered", call_id=b"a1@host", to="anna at home", seconds=3)
    (line,) = lines(out)
    assert line.pop("timestamp")
    assert line == {
        "event": "call answered",
        "level": "info",
        "call_id": "a1@host",
        "to": "anna at home",
        "seconds": 3,
    }


def test_levels_that_are_off_write_nothing_and_say_so() -> None:
    out = io.StringIO()
    configure("json", "warning", out)
    assert (log.debug_on, log.info_on) == (False, False)
    log.debug("a")
    log.info("b")
    log.warning("c")
    log.error("d")
    assert [line["event"] for line in lines(out)] == ["c", "d"]
    configure("json", "debug", out)
    assert (log.debug_on, log.info_on) == (True, True)


def test_before_it_is_configured_it_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    log.info("a")
    log.error("b")
    log.bug("c", ValueError("x"))
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("format", ["console", "json"])
def test_nobody_writes_lines_of_their_own_into_it(format: str) -> None:
    out = io.StringIO()
    configure(format, "info", out)
    log.info("odd", call_id=b"x\r\n10:00:00 forged\x1b[2J\xff", user="a\nb")
    assert len(out.getvalue().splitlines()) == 1
    assert "\x1b" not in out.getvalue()
    assert "forged" in out.getvalue()


def test_secrets_are_blanked() -> None:
    out = io.StringIO()
    configure("console", "info", out)
    log.info("who", password="hunter2", authorization="Digest hunter2", ha1=b"hunter2")
    assert "hunter2" not in out.getvalue()


def test_a_bug_shows_where_but_no_values() -> None:
    hidden = "hunter2"
    for format in ("console", "json"):
        out = io.StringIO()
        configure(format, "info", out)
        try:
            raise RuntimeError(len(hidden))
        except RuntimeError as error:
            log.bug("cannot be", error, call_id="a1")
        assert "test_log.py" in out.getvalue()
        assert "a1" in out.getvalue()
        assert "hunter2" not in out.getvalue()


def test_libraries_come_along_once() -> None:
    out = io.StringIO()
    configure("json", "info", io.StringIO())
    configure("json", "info", out)
    logging.getLogger("asyncio").error("task %s lost", 7)
    logging.getLogger("asyncio").info("not this")
    (line,) = lines(out)
    assert (line["event"], line["level"], line["source"]) == ("task 7 lost", "error", "asyncio")


def test_journald_gets_priorities(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    configure("json", "info")
    log.warning("careful")
    written = capsys.readouterr().err
    assert written.startswith("<4>{")
    assert json.loads(written[3:])["event"] == "careful"


def test_a_full_disk_stops_no_call() -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    configure("json", "info", Full())
    log.info("call answered")
