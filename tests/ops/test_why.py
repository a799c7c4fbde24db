"""Can she be reached now, and if not, why: the sample office with some of its phones registered."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from softswitch.dialplan.load import load_plans
from softswitch.dialplan.plan import Plan
from softswitch.ops.why import Why, why
from softswitch.registrar.bindings import Binding

FRIDAY_MORNING = datetime(2026, 11, 27, 9, 0, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
FRIDAY_EVENING = datetime(2026, 11, 27, 18, 5, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
FLOW = "udp|0|192.0.2.7|5060|0"


@pytest.fixture(scope="module")
def plan() -> Plan:
    plans, _ = load_plans([Path(__file__).parent.parent / "office.yaml"])
    return plans["acme.example"]


def asked(plan: Plan, who: str, wall: float, *registered: str, seconds: float = 90, flow: str = FLOW) -> Why:
    def bindings_of(account: str) -> tuple[Binding, ...]:
        if account not in registered:
            return ()
        binding = Binding(
            site=plan.site,
            account=account,
            contact=f"sip:{account}@192.0.2.7",
            params="",
            q=1000,
            expires_at=wall + seconds,
            call_id="c",
            cseq=1,
            flow=flow,
            path=(),
            user_agent="",
            registered_at=wall,
        )
        return (binding,)

    return why(plan, who, bindings_of, wall)


def test_nothing_registered(plan: Plan) -> None:
    answer = asked(plan, "102", FRIDAY_MORNING)
    assert not answer.reachable
    assert answer.lines[:2] == (
        "Carla Ruiz (carla, 102) at acme.example",
        "carla at home: carla-home is not registered",
    )
    assert answer.lines[2].startswith("a call now finds no phone of carla registered")
    assert answer.lines[-1].startswith("a call now ends with 480 Temporarily Unavailable")


def test_registered(plan: Plan) -> None:
    answer = asked(plan, "102", FRIDAY_MORNING, "carla-home")
    assert answer.reachable
    assert "carla at home: carla-home is registered as sip:carla-home@192.0.2.7, for 90 s more" in answer.lines
    assert answer.lines[-1].startswith("a call now rings carla: carla-home")


def test_expired_is_not_registered(plan: Plan) -> None:
    answer = asked(plan, "102", FRIDAY_MORNING, "carla-home", seconds=0)
    assert not answer.reachable
    assert "carla at home: carla-home is not registered" in answer.lines


def test_a_connection_that_went_with_a_restart(plan: Plan) -> None:
    answer = asked(plan, "102", FRIDAY_MORNING, "carla-home", flow="")
    assert not answer.reachable
    assert "carla at home: carla-home lost its connection and has not come back yet" in answer.lines


def test_the_moment_decides(plan: Plan) -> None:
    morning = asked(plan, "101", FRIDAY_MORNING, "anna-desk")
    assert morning.reachable
    assert morning.lines[-1].startswith("a call now rings anna at office: anna-desk")
    evening = asked(plan, "101", FRIDAY_EVENING, "anna-desk")
    assert not evening.reachable
    assert "anna at office: anna-desk is registered as sip:anna-desk@192.0.2.7, for 90 s more" in evening.lines
    assert any(line.startswith("a call now finds no phone of anna at mobile registered") for line in evening.lines)


def test_the_way_goes_on_to_whom_the_rules_name(plan: Plan) -> None:
    answer = asked(plan, "101", FRIDAY_EVENING, "dario-home")
    assert answer.reachable
    assert answer.lines[-1].startswith("a call now rings service team: dario-home")


def test_teams_show_their_members(plan: Plan) -> None:
    answer = asked(plan, "200", FRIDAY_MORNING, "carla-home")
    assert answer.lines[0] == "Office service at home (service team, 200) at acme.example"
    assert "dario at home: dario-home is not registered" in answer.lines
    assert answer.reachable


def test_codes_and_nobody(plan: Plan) -> None:
    assert asked(plan, "600", FRIDAY_MORNING) == Why(True, ("the switch itself answers 600: echo",))
    answer = asked(plan, "carlo", FRIDAY_MORNING)
    assert answer == Why(False, ('nobody at acme.example is called "carlo"; did you mean "carla"?',))
    assert answer.as_json() == {"reachable": False, "lines": answer.lines}
