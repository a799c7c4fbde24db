"""Who answered is asked to press 1."""

from __future__ import annotations

import pytest
from lab.events import Events
from lab.media import FakeMedia

from softswitch.clock import VirtualClock
from softswitch.legs.confirm import PATIENCE_SECONDS, Confirmations
from softswitch.media.engine import MediaEvent, MediaFailed, MediaKey
from softswitch.transaction.timers import Wheel

KEY = MediaKey("c", "a", "", "z1")
OFFER = b"v=0\r\nc=IN IP4 192.0.2.7\r\nm=audio 4000 RTP/AVP 8\r\n"


class Asking:
    """A question in virtual time, to a party that an engine knows."""

    def __init__(self, key: MediaKey = KEY) -> None:
        self.media = FakeMedia(Events(VirtualClock()))
        self.media.offer(KEY, OFFER, "", "", lambda result: None)
        self.wheel = Wheel()
        self.all = Confirmations(self.media, self.wheel)
        self.answers: list[bool] = []
        self.one = self.all.ask(key, OFFER, "de", 100.0, self.answers.append)

    def press(self, key: bytes, branch: bytes = b"z1") -> None:
        for heard in self.media.heard["dtmf"]:
            heard(MediaEvent("dtmf", "c", "a", "b", {"key": key, "branch": branch}))


@pytest.fixture
def asking() -> Asking:
    return Asking()


def test_one_is_yes_and_only_that(asking: Asking) -> None:
    assert asking.media.said == [["press one"]]
    assert asking.media.whispered == [KEY]
    asking.press(b"2")
    asking.press(b"1", branch=b"another phone's")
    assert asking.answers == []
    asking.press(b"1")
    asking.press(b"1")
    assert asking.answers == [True]
    assert asking.media.whispered == []
    asking.wheel.advance(200.0)
    assert asking.answers == [True]


def test_a_mailbox_presses_nothing(asking: Asking) -> None:
    asking.wheel.advance(100.0 + PATIENCE_SECONDS - 0.1)
    assert asking.answers == []
    asking.wheel.advance(100.1 + PATIENCE_SECONDS)
    assert asking.answers == [False]
    assert asking.media.whispered == []


def test_who_hung_up_is_not_waited_for(asking: Asking) -> None:
    asking.one.cancel()
    asking.press(b"1")
    asking.wheel.advance(200.0)
    assert (asking.answers, asking.media.whispered) == ([], [])


def test_a_key_that_comes_in_the_signalling(asking: Asking) -> None:
    asking.one.pressed("1")
    assert asking.answers == [True]


def test_an_engine_that_cannot_ask() -> None:
    asking = Asking()
    asking.one.asked(MediaFailed(488, "no G.711"))
    assert asking.answers == [False]
