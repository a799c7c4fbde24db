"""What the relay process is told at its start, as values and as the words of its command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

GO = b"go\n"
"""What a process on standby waits for."""
CONTROL_HELP = "unix:/path or udp:ADDRESS:PORT, where the address must be a loopback address"


@dataclass(frozen=True, slots=True)
class Network:
    """One of the networks that the relay has an address on."""

    name: str
    bind: str
    """The literal address that sockets are bound to; 0.0.0.0 or :: leaves the choice to the system's routes."""
    advertised: str
    """The literal address written into SDP: another one behind 1:1 NAT."""

    @classmethod
    def parse(cls, text: str) -> Network:
        """From NAME=BIND/ADVERTISED, or NAME=ADDRESS when both are the same; raises ValueError."""
        name, _, addresses = text.partition("=")
        bind, _, advertised = addresses.partition("/")
        advertised = advertised or bind
        if not name or not bind:
            raise ValueError(f"{text!r} is not NAME=BIND/ADVERTISED")
        if ip_address(bind).version != ip_address(advertised).version:
            raise ValueError(f"{text!r}: one address is IPv4 and the other IPv6")
        if ip_address(advertised).is_unspecified:
            raise ValueError(f"{text!r}: say which address is advertised")
        return cls(name, bind, advertised)

    def __str__(self) -> str:
        return f"{self.name}={self.bind}/{self.advertised}"


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """Everything the relay wants to know."""

    control: str
    """Where it takes commands: unix:/path or udp:ADDRESS:PORT."""
    networks: tuple[Network, ...]
    """The first one is taken where a command names none."""
    first_port: int = 20_000
    last_port: int = 29_999
    """Each stream of each side takes an even port for RTP and the next one for RTCP, on all networks alike."""
    silence_seconds: float = 120.0
    """An answered call in which nobody sent a packet for so long is given up."""
    held_seconds: float = 3600.0
    """The same while it rings or is held."""
    patience_seconds: float = 0.5
    """How long an unexpected source must be the only one before it is believed (see `latch`)."""
    max_packets_per_second: int = 3000
    """A port that gets more is left unread for the rest of the second."""
    lease_seconds: float = 60.0
    """When nobody has said a word for so long, the switch is gone: all streams are freed."""
    kernel: bool = False
    """Have the kernel forward what it can (see `kernel`)."""
    until_stdin_closes: bool = False
    """When standard input ends, the switch that started us is gone: then end with the lease, or soon where no stream is
    left, unless a new one takes over."""
    standby: bool = False
    """Begin only with a line on standard input; end when that ends first."""

    def __post_init__(self) -> None:
        if not 1024 <= self.first_port < self.last_port <= 65_535:
            raise ValueError(f"ports {self.first_port}-{self.last_port}: not a range within 1024-65535")
        if not self.networks:
            raise ValueError("no network given")
        if len({network.name for network in self.networks}) < len(self.networks):
            raise ValueError("two networks have one name")
        parse_control(self.control)

    def arguments(self) -> list[str]:
        """The command line that gives these settings."""
        words = ["--control", self.control, "--ports", f"{self.first_port}-{self.last_port}"]
        for network in self.networks:
            words += ["--network", str(network)]
        words += ["--silence", str(self.silence_seconds), "--held", str(self.held_seconds)]
        words += ["--patience", str(self.patience_seconds), "--max-rate", str(self.max_packets_per_second)]
        words += ["--lease", str(self.lease_seconds)]
        words += ["--kernel"] if self.kernel else []
        return words + (["--until-stdin-closes"] if self.until_stdin_closes else [])


def parse_control(text: str) -> str | tuple[str, int]:
    """A path, or a loopback address and port; raises ValueError for anything that others could reach."""
    kind, _, where = text.partition(":")
    if kind == "unix" and where:
        return where
    if kind == "udp":
        host, _, port = where.rpartition(":")
        host = host.strip("[]")
        if ip_address(host).is_loopback and port.isdigit() and 0 < int(port) <= 65_535:
            return host, int(port)
    raise ValueError(f"control address {text!r} is not {CONTROL_HELP}")


def parse_arguments(words: Sequence[str]) -> RelaySettings:
    """Read a command line; exits with a message, as argparse does, when it makes no sense."""
    parser = argparse.ArgumentParser(prog="softswitch.media.relay", description="Relay RTP between parties.")
    parser.add_argument("--control", required=True, help=CONTROL_HELP)
    parser.add_argument("--ports", default="20000-29999", help="FIRST-LAST, both included")
    parser.add_argument("--network", action="append", required=True, help="NAME=BIND/ADVERTISED, any number of times")
    parser.add_argument("--silence", type=float, default=120.0, help="seconds until a silent call is given up")
    parser.add_argument("--held", type=float, default=3600.0, help="the same for a call that rings or is held")
    parser.add_argument("--patience", type=float, default=0.5, help="seconds until an unexpected source is believed")
    parser.add_argument("--max-rate", type=int, default=3000, help="packets a second read from one port")
    parser.add_argument("--lease", type=float, default=60.0, help="seconds without a word until all is freed")
    parser.add_argument("--standby", action="store_true", help="wait for a line on standard input before beginning")
    parser.add_argument("--kernel", action="store_true", help="have nftables forward what it can; experimental")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end some time after standard input ends")
    given = parser.parse_args(words)
    try:
        first, _, last = given.ports.partition("-")
        return RelaySettings(
            control=given.control,
            networks=tuple(Network.parse(text) for text in given.network),
            first_port=int(first),
            last_port=int(last),
            silence_seconds=given.silence,
            held_seconds=given.held,
            patience_seconds=given.patience,
            max_packets_per_second=given.max_rate,
            lease_seconds=given.lease,
            kernel=given.kernel,
            until_stdin_closes=given.until_stdin_closes,
            standby=given.standby,
        )
    except ValueError as error:
        parser.error(str(error))
