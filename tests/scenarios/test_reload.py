"""New plans while calls ring: a call keeps the plan it started with, the next one goes by the new."""

from __future__ import annotations

from lab import Lab, Phone
from lab.lab import OFFICE

from softswitch.dialplan.load import load_texts


def reload(lab: Lab, text: str) -> None:
    plans, _ = load_texts([("office.yaml", text)])
    lab.switch.core.use_plans(plans)


def test_a_ringing_call_keeps_its_plan(lab: Lab, anna: Phone, carla: Phone) -> None:
    mobile = lab.phone("anna-mobile")
    call = carla.invites("101")
    lab.advance()
    assert anna.call.state == "ringing"
    reload(lab, OFFICE.replace("for: 15s, then: mobile", "for: 15s, then: {no answer: reject busy}"))
    lab.advance(16)
    assert mobile.call.state == "ringing"
    mobile.call.answer()
    lab.advance()
    assert call.state == "answered"
    call.bye()
    lab.advance()
    again = carla.invites("101")
    lab.advance(16)
    assert again.statuses[-1] == 486
    lab.at_rest()


def test_a_person_who_is_gone_is_still_called_to_the_end(lab: Lab, anna: Phone, carla: Phone) -> None:
    mobile = lab.phone("anna-mobile")
    call = carla.invites("101")
    lab.advance()
    without = OFFICE.replace("number: 101", "number: 109").replace("anna:", "berger:")
    reload(lab, without.replace("anna-desk", "berger-desk").replace("anna-mobile", "berger-mobile"))
    lab.advance(16)
    assert mobile.call.state == "ringing"
    mobile.call.answer()
    lab.advance()
    # Within the call nobody is asked who still has an account.
    mobile.call.bye()
    lab.advance()
    assert call.why == "they hung up"
    again = carla.invites("101")
    lab.advance()
    assert again.status == 404
    lab.at_rest()


def test_a_phone_that_is_gone_cannot_call_and_comes_back_registered(lab: Lab, anna: Phone, carla: Phone) -> None:
    reload(lab, OFFICE.replace("carla-home", "carla-new"))
    refused = carla.invites("101")
    lab.advance()
    assert refused.status == 403
    assert anna.calls == []
    reload(lab, OFFICE)
    call = anna.invites("102")
    lab.advance()
    assert carla.call.state == "ringing"
    call.cancel()
    lab.advance()
    lab.at_rest()


def test_a_redirection_leads_on_within_the_firm_after_a_reload(
    lab: Lab, anna: Phone, carla: Phone, dario: Phone
) -> None:
    call = dario.invites("102")
    lab.advance()
    reload(lab, OFFICE)
    carla.call.refuse(302, "Contact: <sip:101@acme.example>")
    lab.advance()
    assert anna.call.state == "ringing"
    call.cancel()
    lab.advance()
    lab.at_rest()
