"""`softswitch outside` and `softswitch emergency` against a control socket that answers as a switch would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .conftest import Command
from .test_status import control, running

__all__ = ["control"]

SITE = {
    "site": "acme.example",
    "stopped": "21 within an hour",
    "stopped_seconds": 65,
    "used": [{"who": "person anna", "calls_an_hour": 3, "minutes_a_day": 12.5}],
}


def test_who_has_called_how_much(softswitch: Command, control: Path) -> None:
    with running(control, {"outside": lambda _: {"sites": [SITE], "strangers": 7}}):
        result = softswitch("outside")
    assert result.code == 1
    for words in ("calls abroad of acme.example are stopped since 1:05 min: 21 within", "person anna", "12.5", ": 7"):
        assert words in result.out, words


def test_calls_abroad_pass_again(softswitch: Command, control: Path) -> None:
    def release(request: dict[str, Any]) -> dict[str, Any]:
        return {"released": ["acme.example"] if request["site"] == "acme.example" else []}

    with running(control, {"outside release": release}):
        yes, no = softswitch("outside", "release", "--site", "acme.example"), softswitch("outside", "release")
    assert (yes.code, yes.out) == (0, "calls abroad of acme.example pass again\n")
    assert (no.code, no.out) == (1, "calls abroad were not stopped\n")


def test_what_an_emergency_call_would_do(softswitch: Command, control: Path) -> None:
    def test(request: dict[str, Any]) -> dict[str, Any]:
        return {"lines": [f"{request['who']}, call {request['call']}:"], "good": request["who"] == "101"}

    with running(control, {"emergency test": test}):
        good, bad = softswitch("emergency", "test", "101"), softswitch("emergency", "test", "102", "--call")
    assert (good.code, good.out) == (0, "101, call False:\nall is there\n")
    assert (bad.code, bad.out) == (1, "102, call True:\nsomething is missing\n")


def test_the_emergency_calls_of_the_last_day(softswitch: Command, control: Path) -> None:
    call = {
        "site": "acme.example",
        "account": "anna-desk",
        "number": "112",
        "location": "",
        "seconds_ago": 65,
        "over": False,
        "mailed": False,
    }
    with running(control, {"emergency calls": lambda _: {"calls": [call]}}):
        result = softswitch("emergency", "calls")
    assert result.out == "112 from anna-desk of acme.example, an unknown place, 1:05 min ago, it goes on\n"
