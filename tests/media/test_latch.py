"""The rule by which a sender is believed, in virtual time."""

from __future__ import annotations

import pytest

from softswitch.media.relay.latch import Latch, expect, must_relatch

PHONE, NAT, OTHER, CARRIER = "192.168.1.20", "203.0.113.5", "198.51.100.66", "198.51.100.7"
BIND = "10.0.0.1"


@pytest.mark.parametrize(
    ("named", "source", "target", "hosts", "trusted"),
    [
        (PHONE, PHONE, PHONE, {PHONE}, True),  # a phone of the office
        (PHONE, NAT, NAT, {PHONE, NAT}, False),  # at home, behind a router
        (CARRIER, CARRIER, CARRIER, {CARRIER}, True),
        (CARRIER, NAT, CARRIER, {CARRIER, NAT}, True),  # a carrier with media apart from signalling
        (PHONE, "10.0.0.9", PHONE, {PHONE, "10.0.0.9"}, False),  # behind another proxy or a router of our own
        (PHONE, "", PHONE, {PHONE}, False),
        ("phone.acme.example", NAT, None, {NAT}, False),
        ("0.0.0.0", NAT, None, {NAT}, False),
        ("224.0.0.1", NAT, None, {NAT}, False),
        ("127.0.0.1", NAT, None, {NAT}, False),
        ("2001:db8::5", NAT, None, {NAT}, False),  # another family than our socket's
    ],
)
def test_what_is_expected(named, source, target, hosts, trusted):
    expected = expect(named, 4000, source, BIND)
    assert expected.target == ((target, 4000) if target else None)
    assert expected.hosts == hosts
    assert expected.trusted == trusted


def test_an_expected_host_is_believed_at_once_from_any_port():
    latch = Latch(expect(PHONE, 4000, NAT, BIND), 0.5)
    assert latch.believes((NAT, 61234), 0.0)
    assert latch.believes((PHONE, 4000), 0.0)


def test_a_trusted_sdp_lets_nobody_else_in_however_long_they_try():
    latch = Latch(expect(PHONE, 4000, PHONE, BIND), 0.5)
    assert not any(latch.believes((OTHER, 9), moment / 10) for moment in range(1000))


def test_a_lone_stranger_is_believed_after_the_patience():
    latch = Latch(expect(PHONE, 4000, NAT, BIND), 0.5)
    answers = [latch.believes((OTHER, 9), moment / 50) for moment in range(26)]
    assert answers == [False] * 25 + [True]


def test_two_strangers_at_a_time_are_both_disbelieved():
    latch = Latch(expect(PHONE, 4000, NAT, BIND), 0.5)
    for moment in range(500):
        assert not latch.believes((OTHER, 9), moment / 50)
        assert not latch.believes((CARRIER, 9), moment / 50)
    # One of them stops; the other is alone from then on.
    answers = [latch.believes((OTHER, 9), 10 + moment / 50) for moment in range(30)]
    assert answers.index(True) >= 24


def test_a_stranger_that_fell_silent_gives_way():
    latch = Latch(expect(PHONE, 4000, NAT, BIND), 0.5)
    assert not latch.believes((OTHER, 9), 0.0)
    assert not latch.believes((CARRIER, 9), 1.0)
    assert latch.believes((CARRIER, 9), 1.6)


def test_after_a_new_sdp_stragglers_from_the_old_address_do_not_win():
    latch = Latch(expect(PHONE, 5000, PHONE, BIND), 0.5, former=(PHONE, 4000))
    assert not latch.believes((PHONE, 4000), 0.0)
    assert latch.believes((PHONE, 5000), 0.1)


def test_a_party_that_stays_where_it_was_in_spite_of_a_new_sdp_is_believed_in_the_end():
    latch = Latch(expect(PHONE, 5000, PHONE, BIND), 0.5, former=(PHONE, 4000))
    assert [latch.believes((PHONE, 4000), moment / 10) for moment in range(6)] == [False] * 5 + [True]


def test_when_a_new_sdp_opens_the_question_again():
    old = expect(PHONE, 4000, NAT, BIND)
    assert not must_relatch(old, old, (OTHER, 9))
    assert must_relatch(old, expect(PHONE, 4002, NAT, BIND), (NAT, 9))
    assert must_relatch(old, expect(PHONE, 4000, OTHER, BIND), (NAT, 9)), "the phone came to another network"
    assert not must_relatch(old, expect(PHONE, 4000, OTHER, BIND), (PHONE, 4000)), "only its signalling did"
