"""The laboratory's networks hold what they promise."""

from __future__ import annotations

import subprocess

import pytest

from .netlab import OFFICE_MAPPED, OFFICE_PUBLIC, PUBLIC, Host, Lab

pytestmark = [pytest.mark.interop, pytest.mark.netns]

NEEDS = ("ip", "nft")

_ECHO = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind((sys.argv[1], 7000)); print("ready", flush=True)
data, source = s.recvfrom(99); s.sendto(f"{source[0]} {source[1]}".encode(), source)
"""
_ASK = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(2); s.bind((sys.argv[2], 5060))
s.sendto(b"?", (sys.argv[1], 7000)); print(s.recvfrom(99)[0].decode())
"""


def seen_as(server: Host, dialled: str, client: Host, source: str = "", bound: str = "0.0.0.0") -> tuple[str, int]:
    """The address from which `server`, listening on `bound` and reached on `dialled`, sees port 5060 of `client`."""
    listen = subprocess.Popen(
        ["ip", "netns", "exec", server.netns, "python3", "-c", _ECHO, bound], stdout=subprocess.PIPE
    )
    try:
        assert listen.stdout is not None
        assert listen.stdout.readline() == b"ready\n"
        done = subprocess.run(
            ["ip", "netns", "exec", client.netns, "python3", "-c", _ASK, dialled, source],
            capture_output=True, text=True, check=True, timeout=10,
        )  # fmt: skip
    finally:
        listen.kill()
        listen.wait()
        listen.stdout.close()
    host, port = done.stdout.split()
    return host, int(port)


def test_a_home_is_hidden_behind_its_router_and_its_ports_change_or_not(netlab: Lab) -> None:
    host, port = seen_as(netlab.internet, PUBLIC, netlab.home(1, "symmetric"))
    assert host == "203.0.113.11"
    assert port != 5060
    assert seen_as(netlab.internet, PUBLIC, netlab.home(2, "port-restricted")) == ("203.0.113.12", 5060)


def test_two_phones_behind_one_router_look_alike(netlab: Lab) -> None:
    one, other = netlab.home(1), netlab.beside(1)
    assert one.address != other.address
    assert seen_as(netlab.internet, PUBLIC, one)[0] == seen_as(netlab.internet, PUBLIC, other)[0]


def test_two_homes_cannot_reach_each_other(netlab: Lab) -> None:
    one, two = netlab.home(1, "port-restricted"), netlab.home(2)
    with pytest.raises(subprocess.CalledProcessError):
        seen_as(one, "203.0.113.11", two)


def test_the_office_switch_is_one_to_one_outside_and_itself_inside(netlab: Lab) -> None:
    switch, desk = netlab.office()
    assert seen_as(switch, OFFICE_PUBLIC, netlab.home(1), bound=OFFICE_MAPPED)[0] == "203.0.113.11"
    assert seen_as(netlab.internet, PUBLIC, switch, OFFICE_MAPPED) == (OFFICE_PUBLIC, 5060)
    assert seen_as(switch, switch.address, desk) == (desk.address, 5060)
