"""Networks in a box: an internet, homes behind NAT and an office with a LAN, as network namespaces.

    internet  203.0.113.0/24   a bridge; the switch stands on 203.0.113.1
              2001:db8::/64    the same over IPv6: 2001:db8::1
    home N    192.168.N.0/24   a router on 203.0.113.1N that masquerades, phone hosts from 192.168.N.10 on
              2001:db8:N::/64  without NAT, as usual, and with a firewall: nobody outside may begin
    office    10.0.0.0/24      a router that maps 203.0.113.5 to 10.0.0.3 one to one; the switch's host has that
                              address and 10.0.0.2 for the LAN; a phone host on 10.0.0.10

Addresses are those for documentation (RFC 5737, RFC 3849) and private use (RFC 1918); nothing leaves the machine.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

PUBLIC = "203.0.113.1"
PUBLIC_6 = "2001:db8::1"
OFFICE_PUBLIC = "203.0.113.5"
OFFICE_SWITCH = "10.0.0.2"
OFFICE_MAPPED = "10.0.0.3"
_PREFIX = "softsw"
_BRIDGE = "02:00:00:00:00:01"
"""A bridge without an address of its own takes its ports' lowest: it would change with the next cable, and hosts that
had asked (ARP) would go on sending to the old one, for nobody."""

_NAT = """
table ip nat {{
  chain post {{ type nat hook postrouting priority srcnat; oifname "wan" masquerade {ports}; }}
}}
table inet filter {{
  chain input {{
    type filter hook input priority filter; policy accept;
    iifname "wan" ct state new drop;
  }}
  chain forward {{
    type filter hook forward priority filter; policy accept;
    iifname "wan" ct state new drop;
  }}
}}
"""
"""A home router: nobody outside may begin, and ports change on the way out as its kind is."""
_PORTS = {"symmetric": "fully-random", "port-restricted": ""}
"""A port-restricted one keeps port numbers where it can, and lets in only who was sent to."""

_ONE_TO_ONE = f"""
table ip nat {{{{
  chain pre {{{{ type nat hook prerouting priority dstnat; ip daddr {OFFICE_PUBLIC} dnat to {OFFICE_MAPPED}; }}}}
  chain post {{{{
    type nat hook postrouting priority srcnat;
    oifname "wan" ip saddr {OFFICE_MAPPED} snat to {OFFICE_PUBLIC};
    oifname "wan" masquerade;
  }}}}
}}}}
"""
"""An office router: one public address is the switch's, in both directions."""


_COUNTER = """
table inet counting {{
  counter sound {{ }}
  chain came {{ type filter hook input priority filter; udp dport {ports} counter name sound; }}
}}
"""


@dataclass(frozen=True, slots=True)
class Host:
    """A place where programs run: `ip netns exec <netns>`."""

    netns: str
    address: str
    ipv6: str = ""
    """Empty where there is none."""


def _run(*command: str, text: str | None = None) -> None:
    done = subprocess.run(command, input=text, text=True, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")


def may_make_namespaces() -> bool:
    """Whether this user can build networks here (root, and a kernel that allows it)."""
    name = f"{_PREFIX}{os.getpid()}-try"
    try:
        _run("ip", "netns", "add", name)
        try:
            _run("ip", "-n", name, "link", "add", "v0", "type", "veth", "peer", "name", "v1")
            _run("ip", "netns", "exec", name, "nft", "add", "table", "ip", "try")
        finally:
            _run("ip", "netns", "del", name)
    except (RuntimeError, FileNotFoundError):
        return False
    return True


def sweep() -> None:
    """Remove the namespaces of runs that were killed: those whose process is gone."""
    listed = subprocess.run(["ip", "netns", "list"], text=True, capture_output=True, check=False).stdout
    for found in re.finditer(rf"^{_PREFIX}(\d+)-\S+", listed, re.MULTILINE):
        if not os.path.exists(f"/proc/{found[1]}"):
            _run("ip", "netns", "del", found[0])


class Lab:
    """The networks of one test; made by `lab()`, which removes them."""

    def __init__(self) -> None:
        self._made: list[str] = []
        self._count = 0
        self._phones: dict[int, int] = {}
        """How many hosts each home has."""
        self.internet = Host(self._namespace("internet"), PUBLIC, PUBLIC_6)
        self._bridge(self.internet.netns, PUBLIC, PUBLIC_6)
        # With forwarding on, who looks for a place that there is not (such as a name server) is told so at once.
        for setting in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
            _run("ip", "netns", "exec", self.internet.netns, "sysctl", "-q", "-w", f"{setting}=1")

    def _bridge(self, netns: str, address: str, ipv6: str = "") -> None:
        _run("ip", "-n", netns, "link", "add", "br0", "address", _BRIDGE, "type", "bridge")
        self._address(netns, "br0", address, ipv6)
        _run("ip", "-n", netns, "link", "set", "br0", "up")

    @staticmethod
    def _address(netns: str, device: str, address: str, ipv6: str = "") -> None:
        """Both families; nobody looks for duplicates first, which would take a second."""
        _run("ip", "-n", netns, "addr", "add", f"{address}/24", "dev", device)
        if ipv6:
            _run("ip", "-n", netns, "addr", "add", f"{ipv6}/64", "dev", device, "nodad")

    def _namespace(self, name: str) -> str:
        netns = f"{_PREFIX}{os.getpid()}-{name}"
        _run("ip", "netns", "add", netns)
        self._made.append(netns)
        _run("ip", "-n", netns, "link", "set", "lo", "up")
        return netns

    def _on_bridge(self, bridge: str, netns: str, device: str, address: str, ipv6: str = "") -> None:
        """A cable from `device` in `netns` to the bridge in the namespace `bridge`."""
        self._count += 1
        port = f"p{self._count}"
        _run("ip", "link", "add", device, "netns", netns, "type", "veth", "peer", "name", port, "netns", bridge)
        _run("ip", "-n", bridge, "link", "set", port, "master", "br0", "up")
        self._address(netns, device, address, ipv6)
        _run("ip", "-n", netns, "link", "set", device, "up")

    def _router(self, netns: str, rules: str) -> None:
        _run("ip", "netns", "exec", netns, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
        _run("ip", "netns", "exec", netns, "nft", "-f", "-", text=rules)

    def public_host(self, number: int) -> Host:
        """A host of its own on the internet, without NAT; `number` is 20 to 99."""
        host = Host(self._namespace(f"host{number}"), f"203.0.113.{number}", f"2001:db8::{number}")
        self._on_bridge(self.internet.netns, host.netns, "eth0", host.address, host.ipv6)
        for gateway in (PUBLIC, PUBLIC_6):
            _run("ip", "-n", host.netns, "route", "add", "default", "via", gateway)
        return host

    def router(self, number: int) -> str:
        """The namespace of the router of home `number`."""
        return f"{_PREFIX}{os.getpid()}-router{number}"

    def home(self, number: int, kind: str = "symmetric") -> Host:
        """A phone host behind a NAT router of its own; `number` is 1 to 9, `kind` one of `_PORTS`."""
        router = self._namespace(f"router{number}")
        self._on_bridge(self.internet.netns, router, "wan", f"203.0.113.{10 + number}", f"2001:db8::1{number}")
        self._bridge(router, f"192.168.{number}.1", f"2001:db8:{number}::1")
        self._router(router, _NAT.format(ports=_PORTS[kind]))
        _run("ip", "netns", "exec", router, "sysctl", "-q", "-w", "net.ipv6.conf.all.forwarding=1")
        _run("ip", "-n", router, "route", "add", "default", "via", PUBLIC_6)
        route = ["route", "add", f"2001:db8:{number}::/64", "via", f"2001:db8::1{number}"]
        _run("ip", "-n", self.internet.netns, *route)
        return self.beside(number)

    def beside(self, number: int) -> Host:
        """One more phone host in home `number`."""
        at = 10 + self._phones.get(number, 0)
        self._phones[number] = at - 9
        name = self._namespace(f"home{number}-{at}")
        host = Host(name, f"192.168.{number}.{at}", f"2001:db8:{number}::{at}")
        self._on_bridge(self.router(number), name, "eth0", host.address, host.ipv6)
        for gateway in (f"192.168.{number}.1", f"2001:db8:{number}::1"):
            _run("ip", "-n", name, "route", "add", "default", "via", gateway)
        return host

    def office(self) -> tuple[Host, Host]:
        """An office: the switch's host, 10.0.0.2 and (outside: 203.0.113.5) 10.0.0.3, and a phone host beside it."""
        lan = self._namespace("office")
        self._bridge(lan, "10.0.0.1")
        self._on_bridge(self.internet.netns, lan, "wan", OFFICE_PUBLIC)
        hosts = (Host(self._namespace("switch"), OFFICE_SWITCH), Host(self._namespace("desk"), "10.0.0.10"))
        for host in hosts:
            self._on_bridge(lan, host.netns, "eth0", host.address)
            _run("ip", "-n", host.netns, "route", "add", "default", "via", "10.0.0.1")
        _run("ip", "-n", hosts[0].netns, "addr", "add", f"{OFFICE_MAPPED}/24", "dev", "eth0")
        self._router(lan, _ONE_TO_ONE.format())
        return hosts

    def remove(self) -> None:
        """Take all of it down; programs inside must have ended."""
        for netns in reversed(self._made):
            subprocess.run(["ip", "netns", "del", netns], capture_output=True, check=False)
        self._made.clear()


def block_udp(made: Lab, number: int, ports: str) -> None:
    """From now on the router of home `number` drops what goes out to these UDP ports."""
    rule = f"add rule inet filter forward udp dport {ports} drop"
    _run("ip", "netns", "exec", made.router(number), "nft", *rule.split())


def lose_udp(made: Lab, number: int, ports: str) -> None:
    """From now on the router of home `number` drops one in ten datagrams that go out to these ports, at random."""
    rule = f"add rule inet filter forward udp dport {ports} numgen random mod 10 0 drop"
    _run("ip", "netns", "exec", made.router(number), "nft", *rule.split())


class Counter:
    """Counts the datagrams that come to a host's UDP ports from now on."""

    def __init__(self, netns: str, ports: str) -> None:
        """`ports` as in "20000-29999"."""
        self._nft = ["ip", "netns", "exec", netns, "nft"]
        _run(*self._nft, "-f", "-", text=_COUNTER.format(ports=ports))

    @property
    def packets(self) -> int:
        listed = subprocess.run([*self._nft, "list", "counters"], text=True, capture_output=True, check=True).stdout
        found = re.search(r"packets (\d+)", listed)
        assert found is not None, listed
        return int(found[1])


@contextmanager
def lab() -> Iterator[Lab]:
    """A `Lab` with nothing but the internet in it; removed at the end."""
    sweep()
    made = Lab()
    try:
        yield made
    finally:
        made.remove()
