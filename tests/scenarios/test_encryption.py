"""`srtp:` of a phone: in which form offers leave to it, and what it may not offer itself."""

from __future__ import annotations

import pytest
from lab import Lab
from lab.lab import OFFICE

SECURE = b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + b"A" * 40 + b"\r\n"


def lab_with(**words: str) -> Lab:
    """A laboratory in which these phones have these words."""
    text = OFFICE
    for account, word in words.items():
        name = account.replace("_", "-")
        text = text.replace(f"{name}: {{secret: {name}}}", f"{name}: {{secret: {name}, srtp: {word}}}")
    return Lab(text)


@pytest.mark.parametrize(
    ("words", "transport"),
    [
        ({}, ""),
        ({"anna_desk": "require"}, "RTP/SAVP"),
        ({"anna_desk": "prefer"}, "OSRTP"),
        ({"anna_desk": "never"}, "RTP/AVP"),
        ({"carla_home": "prefer"}, "OSRTP"),
        ({"carla_home": "never"}, ""),
        ({"carla_home": "prefer", "anna_desk": "never"}, "RTP/AVP"),
    ],
)
def test_the_form_of_the_offer_is_that_of_the_phone_that_rings(words: dict[str, str], transport: str) -> None:
    lab = lab_with(**words)
    carla, anna = lab.phone("carla-home"), lab.phone("anna-desk")
    call = carla.invites("101")
    lab.advance(1)
    assert lab.media.transports == [transport]
    anna.call.answer()
    lab.advance(1)
    call.bye()
    lab.at_rest()


def test_a_call_in_the_clear_from_a_phone_that_has_to_encrypt_is_refused() -> None:
    lab = lab_with(carla_home="require", dario_home="never")
    carla, dario, anna = lab.phone("carla-home"), lab.phone("dario-home"), lab.phone("anna-desk")
    call = carla.invites("101")
    lab.advance(1)
    assert call.status == 488
    assert lab.notes("refused") == [{"account": "carla-home", "reason": "This Phone Has to Encrypt (srtp: require)"}]
    clear = carla.invites("101", offer=carla_offer(lab) + SECURE)
    lab.advance(1)
    anna.call.answer()
    lab.advance(1)
    assert clear.status == 200
    clear.bye()
    lab.advance(1)
    call = dario.invites("101", offer=carla_offer(lab).replace(b"RTP/AVP", b"RTP/SAVP") + SECURE)
    lab.advance(1)
    assert call.status == 488
    lab.at_rest()


@pytest.mark.parametrize(("word", "why"), [("require", "This Phone Has to Encrypt"), ("never", "")])
def test_a_late_offer_in_the_clear_of_a_phone_that_has_to_encrypt_is_hung_up(word: str, why: str) -> None:
    lab = lab_with(anna_desk=word)
    carla, anna = lab.phone("carla-home"), lab.phone("anna-desk")
    call = carla.invites("101", late_offer=True)
    lab.advance(1)
    anna.call.answer()
    lab.advance(1)
    if not why:
        assert call.status == 200
        call.bye()
        lab.at_rest()
        return
    assert call.status == 488
    assert call.invitation.responses[-1].reason == why.encode()
    assert anna.call.state == "ended"
    ack, *again = anna.acks
    assert b"m=audio 0 RTP/AVP" in ack.body, "an answer that refuses the offer"
    assert not again
    (bye,) = anna.requests_of("BYE")
    assert bye.get(b"reason") == b'SIP;cause=488;text="This Phone Has to Encrypt"'
    assert lab.notes("refused") == [{"account": "anna-desk", "reason": f"{why} (srtp: {word})"}]
    lab.at_rest()


def test_so_it_is_when_it_comes_while_the_phone_rings() -> None:
    lab = lab_with(anna_desk="require")
    carla, anna = lab.phone("carla-home"), lab.phone("anna-desk")
    call = carla.invites("101", late_offer=True)
    lab.advance(1)
    anna.call.ring(183, carla_offer(lab))
    lab.advance(1)
    assert call.status == 488
    assert anna.call.state == "ended"
    lab.at_rest()


def test_a_late_offer_that_is_encrypted_is_passed_on() -> None:
    lab = lab_with(anna_desk="require")
    carla, anna = lab.phone("carla-home"), lab.phone("anna-desk")
    call = carla.invites("101", late_offer=True)
    lab.advance(1)
    anna.call.ring(183, carla_offer(lab) + SECURE)
    lab.advance(1)
    assert call.statuses[-1] == 183
    call.cancel()
    lab.at_rest()


def carla_offer(lab: Lab) -> bytes:
    return b"v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
