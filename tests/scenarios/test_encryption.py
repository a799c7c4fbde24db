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


def carla_offer(lab: Lab) -> bytes:
    return b"v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
