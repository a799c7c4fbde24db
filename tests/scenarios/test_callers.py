"""Who is said to call: what a phone shows is what the rules ask about, and what the record keeps."""

from __future__ import annotations

import pytest
from lab import Lab
from lab.lab import OFFICE

PICKY = OFFICE.replace(
    "people:\n",
    """people:
  boss:
    number: 100
    places: {desk: {phone: boss-desk}, den: {phone: boss-den}, car: {phone: boss-car}}
    calls:
      - {from: anonymous, ring: reject}
      - {from: carla, ring: den}
      - {from: +49 30 *, ring: car}
      - {ring: desk}
""",
)


@pytest.mark.parametrize(
    ("account", "sender", "who"),
    [
        ("gate", '"Anonymous" <sip:anonymous@anonymous.invalid>', ""),
        ("gate", "<sip:Anonymous@acme.example>", ""),
        ("carla-home", "<sip:anonymous@anonymous.invalid>", ""),
        ("gate", "<sip:+4930123456@provider.example;user=phone>", "boss-car"),
        ("gate", "<sip:004930123456@provider.example>", "boss-car"),
        ("gate", "<tel:+49-30-123456;cpc=ordinary>", "boss-car"),
        ("gate", "<sip:+4989123456@provider.example>", "boss-desk"),
        ("carla-home", "<sip:carla@acme.example>", "boss-den"),
        ("carla-home", "<tel:102>", "boss-den"),
    ],
)
@pytest.mark.parametrize("method", ["INVITE", "INFO"])
def test_rules_ask_about_whom_the_phone_shows(account: str, sender: str, who: str, method: str) -> None:
    lab = Lab(PICKY)
    phones = [lab.phone(name) for name in ("boss-desk", "boss-den", "boss-car")]
    caller = lab.phone(account)
    sent = caller.invites("100", sender=sender) if method == "INVITE" else caller.sends(method, "100", sender=sender)
    lab.advance()
    assert [phone.account for phone in phones if phone.requests_of(method)] == ([who] if who else [])
    if not who:
        assert sent.status == 603
