"""What operators write and what it means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from softswitch import values


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (values.duration, "25s", 25.0),
        (values.duration, "5m", 300.0),
        (values.duration, "5 min", 300.0),
        (values.duration, "1h", 3600.0),
        (values.duration, "2 h", 7200.0),
        (values.duration, "1h 30m", 5400.0),
        (values.duration, "1d12h", 129_600.0),
        (values.duration, "500ms", 0.5),
        (values.duration, "1.5s", 1.5),
        (values.duration, "0", 0.0),
        (values.size, "1MiB", 1 << 20),
        (values.size, "64 KiB", 65_536),
        (values.size, "2 kB", 2000),
        (values.size, "1500", 1500),
        (values.count, "10", 10),
        (values.yes_or_no, "yes", True),
        (values.yes_or_no, "No", False),
        (values.yes_or_no, "off", False),
        (values.bind_address, "0.0.0.0:5060", ("0.0.0.0", 5060)),
        (values.bind_address, "192.0.2.1", ("192.0.2.1", None)),
        (values.bind_address, "[::]:5060", ("::", 5060)),
        (values.bind_address, "[2001:db8::1]", ("2001:db8::1", None)),
        (values.bind_address, "2001:db8::1", ("2001:db8::1", None)),
        (values.advertised_address, "sip.acme.example:5062", ("sip.acme.example", 5062)),
        (values.port_range, "20000-29999", (20000, 29999)),
        (values.port_range, "20000 - 20010", (20000, 20010)),
        (values.network_name, "office-lan", "office-lan"),
    ],
)
def test_right(read: Callable[[object], Any], text: str, value: object) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text", "complaint"),
    [
        (values.duration, "25", "lacks a unit"),
        (values.duration, "5 minutes", "no duration"),
        (values.duration, "", "no duration"),
        (values.duration, "-5s", "no duration"),
        (values.duration, "٥s", "no duration"),
        (values.duration, ["5s"], "found a list"),
        (values.size, "1GiB", "no size"),
        (values.size, "big", "no size"),
        (values.count, "-1", "no whole number"),
        (values.count, "1.5", "no whole number"),
        (values.count, {}, "found a mapping"),
        (values.yes_or_no, "maybe", "neither yes nor no"),
        (values.bind_address, "sip.acme.example", "is a name"),
        (values.bind_address, "192.0.2.256:5060", "no address"),
        (values.bind_address, "192.0.2.1:0", "no port"),
        (values.bind_address, "192.0.2.1:70000", "no port"),
        (values.bind_address, "192.0.2.1:", "no port"),
        (values.bind_address, "[192.0.2.1]:5060", "no address"),
        (values.bind_address, "[::]5060", "no address"),
        (values.advertised_address, "a b", "no address"),
        (values.advertised_address, "a\r\nb", "no address"),
        (values.network_range, "192.0.2.1/24", "written 192.0.2.0/24"),
        (values.network_range, "city", "neither an address nor a range"),
        (values.port_range, "20000", "no range"),
        (values.port_range, "29999-20000", "no room"),
        (values.port_range, "20000-20002", "no room"),
        (values.port_range, "0-100", "no port"),
        (values.network_name, "office lan", "cannot name a network"),
        (values.network_name, "a=b", "cannot name a network"),
        (values.network_name, "", "cannot name a network"),
    ],
)
def test_wrong(read: Callable[[object], Any], text: object, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        read(text)
