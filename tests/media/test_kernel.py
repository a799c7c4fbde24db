"""What of kernel forwarding needs no kernel: which streams are handed over, when they come back, what is counted."""

from __future__ import annotations

import errno
import socket
import struct
from contextlib import suppress

import pytest

from softswitch.media.relay.kernel import offload as offloading
from softswitch.media.relay.kernel.flow import Flow, orders, stop
from softswitch.media.relay.kernel.netlink import attributes, nest, number, text
from softswitch.media.relay.kernel.offload import Offload
from softswitch.media.relay.kernel.told import CANNOT, COUNTED, ENDED, READY, STUCK, Tally, pack, unpack
from softswitch.media.relay.kernel.worker import reason
from softswitch.media.relay.measure import Measure
from softswitch.media.relay.pairs import Pairs
from softswitch.media.relay.plane import Plane
from softswitch.media.relay.pool import PortPool
from softswitch.media.relay.session import Session
from softswitch.media.relay.settings import Network, parse_arguments
from softswitch.sip.sdp import Sdp

from .conftest import Party, rtp

LAN = Network("lan", "127.0.0.1", "127.0.0.1")
V6 = bytes(15) + b"\1"


def test_orders_come_as_they_were_sent():
    flows = [
        Flow(7, (b"\1\2\3\4", 5), (b"\1\2\3\5", 6), (b"\1\2\3\6", 7), (b"\1\2\3\7", 65_535)),
        Flow(1 << 31, (V6, 1), (V6, 2), (V6, 3), (V6, 4)),
    ]
    assert orders(flows[0].pack() + stop(9) + flows[1].pack()) == [flows[0], 9, flows[1]]


def test_a_flow_is_what_the_kernel_sees_at_both_ends():
    flow = Flow(1, (b"SRCE", 0x1111), (b"ENTR", 0x2222), (b"EXIT", 0x3333), (b"TRGT", 0x4444))
    assert flow.arrives == b"SRCEENTR\x11\x11\0\0\x22\x22\0\0"
    assert flow.turned == b"TRGT\x33\x33\0\0\x44\x44\0\0"
    assert flow.leaves == b"SRCETRGT\x33\x33\0\0\x44\x44\0\0", "the source is still the party's"


def test_attributes_are_read_as_they_are_written():
    body = text(1, "abc") + nest(3, number(1, 7), number(2, -1))
    assert [(kind, bytes(value)) for kind, value in attributes(memoryview(body))] == [
        (1, b"abc\0"),
        (3, number(1, 7) + number(2, -1)),
    ]
    assert list(attributes(memoryview(struct.pack("=HH", 400, 1)))) == [], "longer than what is there"
    assert list(attributes(memoryview(bytes(8)))) == []


def test_tallies_come_in_small_datagrams():
    tallies = [Tally(one, one * 2, one << 40) for one in range(150)]
    datagrams = list(pack(COUNTED, tallies))
    assert [len(datagram) // 20 for datagram in datagrams] == [64, 64, 22]
    assert [tally for datagram in datagrams for tally in unpack(datagram)] == tallies


@pytest.mark.parametrize(
    ("number", "words"), [(errno.EPERM, "CAP_NET_ADMIN"), (errno.EOPNOTSUPP, "5.12"), (errno.ENOSPC, "No space")]
)
def test_a_refusal_is_put_into_words(number, words):
    assert words in reason(OSError(number, "x"))


def test_the_setting_is_on_the_command_line():
    words = ["--control", "udp:127.0.0.1:1", "--network", "lan=127.0.0.1"]
    assert not parse_arguments(words).kernel
    settings = parse_arguments([*words, "--kernel"])
    assert settings.kernel
    assert parse_arguments(settings.arguments()) == settings


class Lab:
    """A call between two parties on loopback, an `Offload`, and the test at the other process's end."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.said: list[str] = []
        self.killed = 0
        monkeypatch.setattr(offloading, "_is_own", lambda family, host: False)
        monkeypatch.setattr(offloading.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(offloading.subprocess, "Popen", self._popen)
        self.plane = Plane(1000)
        self.offload = self.plane.offload = Offload(self.plane, 25_000, 25_099, 1000, self.said.append)
        self.pairs = Pairs(self.plane, PortPool(25_000, 25_099, seed=1), (LAN,))
        self.session = Session(b"c", b"a", b"", self.pairs, 0.5, 0.0)
        self.parties = (Party(), Party())
        self.call()

    def _popen(self, command: object, stdin: int, stdout: int) -> Lab:
        self.end = socket.socket(fileno=socket.dup(stdin))
        self.end.setblocking(False)
        return self

    def poll(self) -> int:
        """As a process that has ended."""
        return 0

    def kill(self) -> None:
        self.killed += 1

    def wait(self, seconds: float) -> int:
        return 0

    def call(self, direction: str = "") -> None:
        a, b = self.parties
        b.told(self.session.offer(0, Sdp.parse(a.sdp(extra=direction)), "", LAN))
        a.told(self.session.answer(1, Sdp.parse(b.sdp()), "", LAN))

    @property
    def ports(self):
        return [pair.rtp for pair in self.session.streams[0].pairs]

    def talk(self, count: int = 1) -> None:
        for sent in range(count):
            for one in self.parties:
                one.say(rtp(sent))
            self.run()

    def run(self) -> None:
        for _ in range(6):
            self.plane.run_once(0.01)

    def later(self, seconds: float, answers: bool = True) -> list[Flow | int]:
        """What is asked for until so many seconds have passed; an end is confirmed, unless it isn't to be."""
        asked: list[Flow | int] = []
        for step in (0.0, seconds):
            self.now += step
            self.offload.look(self.now)
            with suppress(BlockingIOError):
                while datagram := self.end.recv(65_536):
                    asked += orders(datagram)
            if answers:
                self.tell(*pack(ENDED, [Tally(one, 0, 0) for one in asked if isinstance(one, int)]))
        return asked

    def tell(self, *datagrams: bytes) -> None:
        for datagram in datagrams:
            self.end.send(datagram)
        self.run()

    def begin(self) -> list[Flow]:
        """Both directions are handed over."""
        self.later(0)
        self.tell(READY + bytes([socket.AF_INET]))
        self.talk(2)
        return [flow for flow in self.later(1.1) if isinstance(flow, Flow)]

    def close(self) -> None:
        self.session.close()
        self.offload.close()
        self.plane.close()
        for party in self.parties:
            party.close()


@pytest.fixture
def lab(monkeypatch):
    made = Lab(monkeypatch)
    yield made
    made.close()


def test_both_directions_are_handed_over_once_they_have_settled(lab):
    flows = lab.begin()
    a, b = lab.parties
    local = socket.inet_aton("127.0.0.1")
    assert [(flow.source, flow.target) for flow in flows] == [
        ((local, a.port), (local, b.port)),
        ((local, b.port), (local, a.port)),
    ]
    assert [(flow.entry[1], flow.exit[1]) for flow in flows] == [
        (a.relay[1], b.relay[1]),
        (b.relay[1], a.relay[1]),
    ]
    assert lab.offload.flows == 2
    assert lab.said == [""]


def test_nothing_is_handed_over_before_a_second_has_passed_or_without_a_table(lab):
    lab.later(0)
    lab.talk(2)
    assert lab.later(5) == [], "the other process is not ready"
    lab.tell(READY + bytes([socket.AF_INET6]))
    assert lab.later(5) == [], "the kernel forwards IPv6 only"
    lab.tell(READY + bytes([socket.AF_INET]))
    lab.call()
    lab.talk(1)
    assert lab.later(0.5) == []
    assert len(lab.later(0.6)) == 2


def test_an_offer_takes_both_back_and_they_go_again_later(lab):
    flows = lab.begin()
    lab.call("a=sendonly\r\n")
    assert sorted(set(lab.later(0))) == [flow.number for flow in flows]
    assert lab.offload.flows == 0
    assert len(lab.later(1.1)) == 2


def test_the_end_takes_both_back(lab):
    flows = lab.begin()
    lab.session.close()
    assert sorted(lab.later(0)) == [flow.number for flow in flows]
    assert lab.later(5) == []


def test_a_new_address_takes_both_back(lab):
    flows = lab.begin()
    moved = Party()
    lab.parties = (moved, lab.parties[1])
    lab.call()
    assert sorted(set(lab.later(0))) == [flow.number for flow in flows]
    assert lab.later(5) == [], "it isn't latched yet"
    lab.talk(2)
    again = lab.later(1.1)
    assert {flow.source[1] for flow in again} == {moved.port, lab.parties[1].port}


def test_who_is_heard_by_us_stays_with_us(lab):
    lab.later(0)
    lab.tell(READY + bytes([socket.AF_INET]))
    port = lab.ports[1]
    port.tap = lambda packet: 0
    lab.ports[0].aim()
    lab.talk(2)
    flows = lab.later(1.1)
    assert [flow.source[1] for flow in flows] == [lab.parties[0].port]


def test_a_party_on_this_machine_stays_with_us(lab, monkeypatch):
    monkeypatch.setattr(offloading, "_is_own", lambda family, host: True)
    assert lab.begin() == []


def test_the_counters_feed_the_figures(lab):
    first, second = lab.begin()
    port = lab.ports[0]
    before = port.packets
    lab.tell(*pack(COUNTED, [Tally(first.number, 100, 20_000), Tally(second.number, 10, 2000)]))
    lab.tell(*pack(COUNTED, [Tally(first.number, 150, 30_000)]))
    assert port.packets == before + 150
    assert lab.session.packets() == 2 * before + 160
    figures = lab.session.quality()
    assert [one["packets"] for one in figures] == [before + 150, before + 10]
    assert [one["lost"] for one in figures] == [0, 0]
    # It comes back, and the first packet's number tells that three were lost on the way to the kernel.
    lab.call()
    lab.tell(*pack(ENDED, [Tally(first.number, 160, 32_000)]))
    lab.parties[0].say(rtp(1 + 160 + 3 + 1))
    lab.run()
    assert port.packets == before + 161
    assert lab.session.quality()[0]["lost"] == 3
    lab.tell(*pack(COUNTED, [Tally(first.number, 500, 1)]))
    assert port.packets == before + 161, "of a flow that has ended nothing more is heard"


def test_too_many_packets_come_back_to_where_they_are_limited(lab):
    first, _ = lab.begin()
    lab.tell(*pack(COUNTED, [Tally(first.number, 4001, 800_000)]))
    assert lab.later(0) == [first.number]
    assert lab.later(5) == []


@pytest.mark.parametrize(
    ("datagram", "words", "seconds"),
    [
        (CANNOT + b"no right to", "no right to", 60),
        (b"", "ended", 60),
        (next(pack(STUCK, [Tally(1, 9, 9)])), "firewall", 600),
    ],
)
def test_a_failure_has_everything_back_and_is_tried_again(lab, datagram, words, seconds):
    lab.begin()
    if datagram:
        lab.tell(datagram)
    else:
        lab.end.close()
        lab.run()
    assert words in lab.said[-1]
    assert lab.offload.flows == 0
    assert words in lab.offload.reason
    lab.now += seconds - 1
    lab.offload.look(lab.now)
    assert lab.offload._sock is None
    lab.now += 1
    lab.offload.look(lab.now)
    lab.tell(READY + bytes([socket.AF_INET]))
    assert lab.said[-1] == ""
    assert len(lab.later(1.1)) == 2


def test_a_process_that_does_not_answer_is_ended(lab):
    lab.begin()
    lab.call()
    lab.later(2.5, answers=False)
    assert lab.killed == 0
    lab.later(1, answers=False)
    assert lab.killed == 1
    assert "doesn't answer" in lab.offload.reason


def test_packets_that_went_past_us_are_not_lost():
    measure = Measure()
    measure.note(rtp(65_500), 172, 1.0)
    measure.passed(100)
    assert measure.expected == 101
    measure.note(rtp(65_500 + 101), 172, 3.0)
    assert measure.expected == 102
