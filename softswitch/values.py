"""Texts that operators write, as values: durations, sizes, counts, yes and no, addresses, port ranges.

Each function takes what stood in the file and raises ValueError in words that say what would be right.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal, NamedTuple, TypeAlias

from softswitch.suggest import did_you_mean

_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_BYTES = {"": 1, "b": 1, "kb": 1000, "mb": 1000**2, "kib": 1024, "mib": 1024**2}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s*(ms|s|min|m|h|d)\s*", re.ASCII)
_SIZE = re.compile(r"(\d{1,12})\s*([a-zA-Z]*)", re.ASCII)
_HOST_NAME = re.compile(r"(?=.{1,253}$)[a-zA-Z0-9]([a-zA-Z0-9-]{0,62})(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,62}))*\.?")

_NETWORK_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,31}", re.ASCII)


RelayUse: TypeAlias = Literal["always", "when needed", "never"]
_USES: tuple[RelayUse, ...] = ("always", "when needed", "never")


class Address(NamedTuple):
    """A host and a port; the host without brackets."""

    host: str
    port: int | None


class PortRange(NamedTuple):
    """First and last port, both included."""

    first: int
    last: int


def duration(value: object) -> float:
    """Seconds, of "25s", "5m", "1h 30m", "500ms", "2 d"; 0 needs no unit."""
    text = _text(value, "a duration such as 25s, 5m or 1h 30m")
    if text == "0":
        return 0.0
    seconds, position = 0.0, 0
    while position < len(text):
        part = _DURATION.match(text, position)
        if part is None:
            break
        seconds += float(part[1]) * _SECONDS[part[2]]
        position = part.end()
    if position < len(text) or not text:
        hint = "it lacks a unit" if text.isdigit() else "it is no duration"
        raise ValueError(f'"{text}": {hint}; write for example 25s, 5m or 1h 30m')
    return seconds


def size(value: object) -> int:
    """Bytes, of "1MiB", "64 KiB", "1500"."""
    text = _text(value, "a size such as 64KiB or 1MiB")
    part = _SIZE.fullmatch(text)
    if part is None or part[2].lower() not in _BYTES:
        raise ValueError(f'"{text}" is no size; write for example 64KiB or 1MiB')
    return int(part[1]) * _BYTES[part[2].lower()]


def count(value: object) -> int:
    """A whole number from 0 up."""
    text = _text(value, "a whole number")
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise ValueError(f'"{text}" is no whole number')
    return int(text)


def yes_or_no(value: object) -> bool:
    """True for yes, on and true."""
    text = _text(value, "yes or no")
    if text.lower() in ("yes", "on", "true"):
        return True
    if text.lower() in ("no", "off", "false"):
        return False
    raise ValueError(f'"{text}" is neither yes nor no')


def bind_address(value: object) -> Address:
    """A literal address of this machine, with a port or without: "0.0.0.0:5060", "[::]:5060", "192.0.2.1"."""
    address = advertised_address(value)
    if literal(address.host) is None:
        raise ValueError(f'"{address.host}" is a name; a listener binds an address such as 0.0.0.0 or 192.0.2.1')
    return address


def advertised_address(value: object) -> Address:
    """An address or a host name, with a port or without."""
    text = _text(value, "an address such as 192.0.2.1:5060 or [2001:db8::1]:5060")
    host, port = text, None
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")) or ":" not in host:
            raise ValueError(f'"{text}" is no address; IPv6 is written [2001:db8::1]:5060')
        port = rest[1:] if rest else None
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if literal(host) is None and (re.fullmatch(r"[\d.]+", host) or not _HOST_NAME.fullmatch(host)):
        raise ValueError(f'"{text}" is no address; write for example 192.0.2.1:5060 or [2001:db8::1]:5060')
    return Address(host, None if port is None else _port(port))


def network_range(value: object) -> IPv4Network | IPv6Network:
    """One address or a range such as 192.0.2.0/24."""
    text = _text(value, "an address or a range such as 192.0.2.0/24")
    try:
        return ip_network(text)
    except ValueError as error:
        if "host bits" in str(error):
            right = ip_network(text, strict=False)
            raise ValueError(f'"{text}" is an address within a range; the range is written {right}') from error
        raise ValueError(f'"{text}" is neither an address nor a range such as 192.0.2.0/24') from error


def port_range(value: object) -> PortRange:
    """Ports such as 20000-29999."""
    text = _text(value, "a range of ports such as 20000-29999")
    first, dash, last = (part.strip() for part in text.partition("-"))
    if not dash:
        raise ValueError(f'"{text}" is no range of ports; write for example 20000-29999')
    ports = PortRange(_port(first), _port(last))
    if ports.last - ports.first < 3:
        raise ValueError(f'"{text}" has no room for a call: it takes four ports')
    return ports


class EngineAddress(NamedTuple):
    """An rtpengine that takes commands there."""

    host: str
    """A literal address."""
    port: int
    weight: int = 1
    """Of several engines one with weight 2 gets twice as many calls as one with weight 1."""


def media_engine(value: object) -> tuple[EngineAddress, ...]:
    """`built-in` (nothing), or one or more of `rtpengine ADDRESS:PORT`, perhaps with `weight N`."""
    lines = value if isinstance(value, list) else [value]
    if lines == ["built-in"]:
        return ()
    return tuple(_rtpengine(_text(line, "built-in, or rtpengine 192.0.2.5:2223")) for line in lines)


def _rtpengine(text: str) -> EngineAddress:
    words = text.split()
    if words[:1] != ["rtpengine"] or len(words) not in (2, 4) or words[2:3] not in ([], ["weight"]):
        near = " did you mean built-in?" if text.startswith("b") else ""
        raise ValueError(f'"{text}" is neither built-in nor like "rtpengine 192.0.2.5:2223 weight 2".{near}')
    address = advertised_address(words[1])
    if literal(address.host) is None or address.port is None:
        raise ValueError(f'"{words[1]}" is no address with a port, such as 192.0.2.5:2223')
    weight = count(words[3]) if len(words) == 4 else 1
    if weight < 1:
        raise ValueError("a weight of 0 would never get a call; leave the engine out")
    return EngineAddress(address.host, address.port, weight)


def relay_processes(value: object) -> int:
    """A number of processes: at least one, and no more than there are cores in a large machine."""
    number = count(value)
    if not 1 <= number <= 64:
        raise ValueError(f"{number} is no number of processes: 1 to 64")
    return number


def relay_use(value: object) -> dict[str, RelayUse]:
    """A word for everywhere (under ""), or a word for each of some networks: `{office-lan: when needed}`."""
    if isinstance(value, dict):
        return {network_name(name): _use(word, _USES[:2], f" for {name}") for name, word in value.items()}
    return {"": _use(value, _USES, "")}


def _use(value: object, known: tuple[RelayUse, ...], where: str) -> RelayUse:
    for word in known:
        if value == word:
            return word
    raise ValueError(f'"{value}"{where} is none of {", ".join(known)}{did_you_mean(str(value), known)}')


def network_name(value: object) -> str:
    """The operator's name for a network, such as internet or office-lan."""
    text = _text(value, "a name such as internet or office-lan")
    if not _NETWORK_NAME.fullmatch(text):
        raise ValueError(f'"{text}" cannot name a network: letters, digits, - and _, at most 32')
    return text


def literal(host: str) -> IPv4Address | IPv6Address | None:
    """The address that `host` writes out, or None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65536):
        raise ValueError(f'"{text}" is no port; ports go from 1 to 65535')
    return int(text)


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected {what}, found a {'mapping' if isinstance(value, dict) else 'list'}")
    return value.strip()


def host_and_port(value: object) -> tuple[str, int | None]:
    """A server's name or address, and its port if one is said: "mail.acme.example:587"."""
    text = _text(value, "a server, such as mail.acme.example:587")
    host, colon, port = text.rpartition(":")
    if not colon or ("]" in port or ":" in host.partition("]")[2]):
        host, port = text, ""
    if not re.fullmatch(r"[\w.-]{1,253}|\[[0-9A-Fa-f:.]+\]", host):
        raise ValueError(f'"{text}" is no server; write mail.acme.example:587')
    return host.strip("[]"), _port(port) if colon and port else None


def mail_address(value: object) -> str:
    """An address for mail: "anna@acme.example"."""
    text = _text(value, "a mail address")
    if not re.fullmatch(r"[^\s@<>,;:\"()]{1,64}@[\w.-]{1,253}", text):
        raise ValueError(f'"{text}" is no mail address')
    return text
