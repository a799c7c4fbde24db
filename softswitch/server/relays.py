"""Our own relay processes: what each is told, who keeps it going, and how the switch speaks to it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from softswitch.media.attach import RelayLink
from softswitch.media.client import RelayClient
from softswitch.media.quality import added_ms
from softswitch.media.relay.settings import Network, RelaySettings
from softswitch.media.supervise import RelayStatus, RelaySupervisor
from softswitch.server.errors import CannotStart
from softswitch.settings import Settings

LONGEST_SOCKET_PATH = 100
"""Somewhat below what a unix socket's address can hold."""


class RelayPart:
    """One of the processes."""

    def __init__(self, number: int, control: str, client: RelayClient) -> None:
        self.number = number
        """From 1."""
        self.control = control
        self.client = client
        self.keeper: RelaySupervisor | RelayLink | None = None
        """None: none runs (`use: never`)."""

    @property
    def name(self) -> str:
        """As an operator knows it."""
        return self.client.name

    @property
    def status(self) -> RelayStatus:
        return self.keeper.status if self.keeper is not None else RelayStatus("off")

    @property
    def differs(self) -> bool:
        """Whether it runs with other settings than ours."""
        return isinstance(self.keeper, RelayLink) and self.keeper.differs

    async def figures(self) -> dict[str, object]:
        """What it tells of itself, for the status; without sessions and ports while it is away."""
        found: dict[str, object] = {
            "state": self.status.state,
            "pid": self.status.pid,
            "restarts": self.status.restarts,
        }
        try:
            told = await self.client.ask({"command": "statistics"})
        except TimeoutError:
            return found
        found |= {name: told.get(name, 0) for name in ("sessions", "pairs-free")}
        trouble, note = (told.get(name) for name in ("kernel-trouble", "kernel-note"))
        if isinstance(trouble, bytes) and isinstance(note, bytes):
            words = [b"off" if trouble else b"on", trouble or note]
            found["kernel forwarding"] = b": ".join(filter(None, words)).decode("utf-8", "replace")
            found["streams in the kernel"] = told.get("kernel-streams", 0)
        added = told.get("added")
        counts = [one for one in added if isinstance(one, int)] if isinstance(added, list) else []
        if any(counts):
            for name, share in (("p50", 0.5), ("p99", 0.99)):
                found[f"added {name}"] = f"<= {added_ms(counts, share):g} ms"
        return found


async def figures(parts: Sequence[RelayPart]) -> dict[str, object]:
    """Of all of them for the status: the same where there is one, else sums, and each under its name."""
    found = [await part.figures() for part in parts]
    if len(found) == 1:
        return found[0]
    sums = {name: sum(int(str(one.get(name, 0))) for one in found) for name in ("restarts", "sessions", "pairs-free")}
    waiting = [str(one["state"]) for one in found if one["state"] != "running"]
    each = {
        part.name: ", ".join(f"{name} {value}" for name, value in one.items())
        for part, one in zip(parts, found, strict=True)
    }
    return {"state": waiting[0] if waiting else "running", **sums, **each}


Changed = Callable[[RelayPart, RelayStatus], None]


def relay_settings(settings: Settings, number: int, control: str) -> RelaySettings:
    """What process `number` is told. Raises CannotStart where there is no address."""
    relay = settings.relay
    if not relay.addresses:
        raise CannotStart("relay: no address to relay media on; name one under relay: networks:")
    first, last = list(_shares(relay.ports.first, relay.ports.last, relay.processes))[number - 1]
    networks = tuple(Network(one.network, one.bind, one.advertised) for one in relay.addresses)
    return RelaySettings(control, networks, first, last, relay.silence_seconds, kernel=relay.kernel_forwarding)


def _shares(first: int, last: int, count: int) -> Iterator[tuple[int, int]]:
    """A part of the ports for each process, in whole pairs."""
    first += first % 2
    pairs = (last + 1 - first) // 2
    for number in range(count):
        begin, end = (first + 2 * (pairs * one // count) for one in (number, number + 1))
        yield begin, end - 1


def service_control(folder: Path, number: int) -> str:
    """Where a relay that is a service of its own takes commands."""
    return f"unix:{folder / str(number) / 'ng.sock'}"


def relay_parts(settings: Settings, stack: AsyncExitStack) -> list[RelayPart]:
    """All of them, not started yet; always at the same sockets: the next switch takes over what this one leaves."""
    relay = settings.relay
    count = relay.processes if relay.use != "never" else 1
    folder, stem = settings.control.parent, f"{settings.control.stem}-relay"
    if len(str(folder / stem)) + 8 > LONGEST_SOCKET_PATH:
        folder, stem = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="softswitch-"))), "relay"
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for number in range(1, count + 1):
        more = f"-{number}" if number > 1 else ""
        control = f"unix:{folder / stem}{more}.sock"
        if relay.service is not None:
            control = service_control(relay.service, number)
        client = RelayClient(control)
        client.name = f"media relay {number}" if count > 1 else "media relay"
        parts.append(RelayPart(number, control, client))
    return parts


async def start_relay(part: RelayPart, settings: Settings, stack: AsyncExitStack, changed: Changed) -> None:
    """Have it run, and speak to it. Raises CannotStart."""
    told = relay_settings(settings, part.number, part.control)
    if settings.relay.service is not None:
        part.keeper = RelayLink(told, lambda status: changed(part, status))
    else:
        part.keeper = RelaySupervisor(told, lambda status: changed(part, status), lambda: len(part.client.memory) > 0)
    try:
        await part.keeper.start()
    except RuntimeError as error:
        raise CannotStart(str(error)) from error
    stack.push_async_callback(part.keeper.stop)
    part.client.open()
    stack.callback(part.client.close)
    part.client.keep_alive(part.keeper.replace)
    if part.keeper.took_over:
        await part.client.recall()
