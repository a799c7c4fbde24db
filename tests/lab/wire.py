"""The wire: datagrams that get lost, doubled and overtaken by a seed, streams that don't, and NATs in between."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from softswitch.flow import Flow, Listener

from .events import Events

Address = tuple[str, int]
OnDatagram = Callable[[bytes, Address], None]
OnStream = Callable[[bytes, "Stream"], None]


@dataclass
class Weather:
    """How bad it is. Times in seconds, the rest are probabilities."""

    loss: float = 0.0
    doubled: float = 0.0
    delay: float = 0.005
    jitter: float = 0.0
    """A delay of up to so much more, each datagram its own: so they overtake each other."""


class Stream:
    """A TCP or TLS connection between a phone and one of the switch's listeners."""

    def __init__(self, wire: Wire, listener: Listener, number: int, address: Address, on_data: OnStream) -> None:
        self.wire = wire
        self.listener = listener
        self.number = number
        self.address = address
        self.on_data = on_data
        self.open = True

    @property
    def flow(self) -> Flow:
        return Flow(self.listener, *self.address, self.number)

    def send(self, data: bytes) -> None:
        """From the phone to the switch."""
        if self.open:
            self.wire.events.after(self.wire.weather.delay, lambda: self._arrive(data))

    def _arrive(self, data: bytes) -> None:
        if self.open:
            self.wire.to_switch(data, self.flow)

    def close(self) -> None:
        """By the phone, or a firewall; the switch notices."""
        if self.open:
            self.open = False
            del self.wire.streams[self.number]
            self.wire.events.after(self.wire.weather.delay, lambda: self.wire.closed(self.flow))


@dataclass
class Wire:
    """Everything between phones and switch."""

    events: Events
    random: random.Random
    weather: Weather = field(default_factory=Weather)
    to_switch: Callable[[bytes, Flow], None] = lambda data, flow: None
    closed: Callable[[Flow], None] = lambda flow: None
    trace: list[tuple[float, str, str, bytes]] = field(default_factory=list)
    """When, from, to, what: everything that was sent, also what got lost."""
    keeps_trace: bool = True
    reason: str = "closed"
    """Why connections close, or can't be opened."""
    sent: int = 0

    def __post_init__(self) -> None:
        self.listeners: dict[Address, Listener] = {}
        """Datagram listeners by the address that the outside sees."""
        self.ends: dict[Address, OnDatagram] = {}
        self.accepting: dict[Address, OnStream] = {}
        """Where phones wait for connections."""
        self.streams: dict[int, Stream] = {}
        self._streams_opened = 0

    # -- datagrams

    def send(self, data: bytes, source: Address, to: Address) -> None:
        """Put a datagram on the wire."""
        self._note(f"{source[0]}:{source[1]}", f"{to[0]}:{to[1]}", data)
        weather, chance = self.weather, self.random.random
        copies = 1
        if weather.loss and chance() < weather.loss:
            copies -= 1
        if weather.doubled and chance() < weather.doubled:
            copies += 1
        for _ in range(copies):
            delay = weather.delay + (weather.jitter * chance() if weather.jitter else 0.0)
            self.events.after(delay, lambda: self._deliver(data, source, to))

    def _deliver(self, data: bytes, source: Address, to: Address) -> None:
        listener = self.listeners.get(to)
        if listener is not None:
            self.to_switch(data, Flow(listener, *source))
            return
        end = self.ends.get(to)
        if end is not None:
            end(data, source)

    # -- streams

    def connect(self, listener: Listener, address: Address, on_data: OnStream) -> Stream:
        """Open a connection between `address` and a listener of the switch."""
        self._streams_opened += 1
        stream = Stream(self, listener, self._streams_opened, address, on_data)
        self.streams[stream.number] = stream
        return stream

    # -- for the switch

    def from_switch(self, data: bytes, flow: Flow) -> None:
        """What the switch sends."""
        listener = flow.listener
        if not listener.reliable:
            self.send(data, (listener.advertised_host, listener.advertised_port), (flow.host, flow.port))
            return
        self._note("switch", str(flow), data)
        stream = self._stream_for(flow)
        if stream is None:
            self.events.after(0.0, lambda: self.closed(flow))
        else:
            self.events.after(self.weather.delay, lambda: stream.on_data(data, stream) if stream.open else None)

    def _stream_for(self, flow: Flow) -> Stream | None:
        if flow.connection:
            return self.streams.get(flow.connection)
        address = (flow.host, flow.port)
        for stream in self.streams.values():
            if stream.address == address and stream.listener is flow.listener:
                return stream
        on_data = self.accepting.get(address)
        return None if on_data is None else self.connect(flow.listener, address, on_data)

    def _note(self, source: str, to: str, data: bytes) -> None:
        self.sent += 1
        if self.keeps_trace:
            self.trace.append((self.events.clock.monotonic(), source, to, data))


class Nat:
    """A home router: gives each phone behind it a public port of its own, and lets in what comes to that."""

    def __init__(self, wire: Wire, public: str, first_port: int = 40000) -> None:
        self.wire = wire
        self.public = public
        self._next = first_port
        self._mapped: dict[Address, Address] = {}

    def send(self, data: bytes, source: Address, to: Address, back: OnDatagram) -> None:
        """From the phone at `source`; answers go to `back`."""
        mapped = self._mapped.get(source)
        if mapped is None:
            mapped = self._mapped[source] = (self.public, self._next)
            self._next += 1
            self.wire.ends[mapped] = back
        self.wire.send(data, mapped, to)

    def forget(self) -> None:
        """The router was restarted: its mappings are gone, the next ones are others."""
        for mapped in self._mapped.values():
            del self.wire.ends[mapped]
        self._mapped.clear()
