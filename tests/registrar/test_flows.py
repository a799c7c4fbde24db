"""Flows as text, and what a restart leaves of them."""

import pytest

from registrar.phone import DESK, SITE, TCP, UDP
from softswitch.flow import Flow, Listener
from softswitch.registrar.bindings import Binding
from softswitch.registrar.flows import behind_nat, connection_of, flow_of, flow_text, revived

TLS = Listener(2, "TLS", "192.0.2.1", 5061, "192.0.2.1", 5061, "office")
UDP6 = Listener(3, "UDP", "2001:db8::1", 5060, "2001:db8::1", 5060, "office")
LISTENERS = [UDP, TCP, TLS, UDP6]


def binding(flow: str, contact: str = "sip:anna@192.0.2.7") -> Binding:
    return Binding(SITE, "anna", contact, "", 1000, 2000.0, "c", 1, flow, (), "", 1000.0)


@pytest.mark.parametrize(
    "flow", [DESK, Flow(TCP, "192.0.2.7", 40000, 12), Flow(TLS, "192.0.2.7", 40000, 1), Flow(UDP6, "2001:db8::7", 5060)]
)
def test_there_and_back(flow: Flow) -> None:
    assert flow_of(binding(flow_text(flow)), LISTENERS) == flow


def test_the_text() -> None:
    assert flow_text(Flow(TCP, "192.0.2.7", 40000, 12)) == "tcp|1|192.0.2.7|40000|12"


@pytest.mark.parametrize("flow", ["", "udp|7|192.0.2.7|5060|0", "udp|1|192.0.2.7|5060|0", "udp|3|192.0.2.7|5060|0"])
def test_no_way_any_more(flow: str) -> None:
    assert flow_of(binding(flow), LISTENERS) is None


@pytest.mark.parametrize(
    ("flow", "contact", "expected"),
    [
        ("udp|0|192.0.2.7|5060|0", "sip:anna@192.0.2.7", False),
        ("udp|0|192.0.2.7|5062|0", "sip:anna@192.0.2.7:5062", False),
        ("udp|0|192.0.2.7|40000|0", "sip:anna@192.0.2.7", True),
        ("udp|0|192.0.2.7|5060|0", "sip:anna@10.0.0.3", True),
        ("udp|0|192.0.2.7|5060|0", "sip:anna@phone.local", True),
        ("udp|3|2001:db8::7|5060|0", "sip:anna@[2001:DB8:0::7]", False),
        ("tls|2|192.0.2.7|5061|4", "sip:anna@192.0.2.7;transport=tls", False),
        ("", "sip:anna@192.0.2.7", True),
    ],
)
def test_nat(flow: str, contact: str, expected: bool) -> None:
    assert behind_nat(binding(flow, contact)) is expected


@pytest.mark.parametrize(
    ("flow", "contact", "expected"),
    [
        ("udp|0|192.0.2.7|40000|0", "sip:anna@10.0.0.3", "udp|0|192.0.2.7|40000|0"),
        ("tcp|1|192.0.2.7|40000|12", "sip:anna@192.0.2.7;transport=tcp", "tcp|1|192.0.2.7|5060|0"),
        ("tls|2|192.0.2.7|40000|12", "sip:anna@192.0.2.7;transport=tls", "tls|2|192.0.2.7|5061|0"),
        ("tls|2|192.0.2.7|40000|12", "sip:anna@192.0.2.7:7000;transport=tls", "tls|2|192.0.2.7|7000|0"),
        ("tcp|1|192.0.2.7|40000|12", "sip:anna@10.0.0.3;transport=tcp", ""),
        ("", "sip:anna@10.0.0.3", ""),
    ],
)
def test_after_a_restart(flow: str, contact: str, expected: str) -> None:
    assert revived(binding(flow, contact)).flow == expected


def test_connections() -> None:
    assert connection_of(binding("tcp|1|192.0.2.7|40000|12")) == (1, 12)
    assert connection_of(binding("tcp|1|192.0.2.7|40000|0")) is None
    assert connection_of(binding("udp|0|192.0.2.7|5060|0")) is None
    assert connection_of(binding("")) is None
