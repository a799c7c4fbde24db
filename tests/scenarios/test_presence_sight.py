"""Who may watch whom: what the dialplan grants, and what everybody else sees."""

from __future__ import annotations

import pytest
from lab import Lab, Phone
from lab.lab import OFFICE

from softswitch.dialplan.load import load_texts
from softswitch.errors import ConfigError

ANNA = "    name: Anna Berger\n"


def office(line: str, site: str = "") -> Lab:
    text = OFFICE.replace(ANNA, ANNA + f"    {line}\n" if line else ANNA)
    if site:
        text = text.replace("country: DE}", f"country: DE, {site}}}")
    return Lab(text)


def sees(lab: Lab, watcher: Phone, to: str = "101") -> str:
    """What he sees of somebody who talks: "nothing", "state" or "calls"."""
    presence, lamp = watcher.watches_over(to), watcher.watches_over(to, "dialog")
    lab.advance()
    assert presence.exchange.status == lamp.exchange.status == 200  # in either case
    if presence.note == "Offline" and lamp.lamp == "off":
        return "nothing"
    assert presence.note.startswith("On the phone")
    assert lamp.lamp == "on"
    return "calls" if "call-id=" in lamp.body else "state"


def talking(lab: Lab) -> Phone:
    """Anna talks with the echo."""
    anna = lab.phone("anna-desk")
    anna.invites("600")
    lab.advance()
    return anna


@pytest.mark.parametrize(
    ("line", "carla", "gate", "partner", "stranger"),
    [
        ("", "state", "state", "nothing", "nothing"),
        ("seen by: nobody", "nothing", "nothing", "nothing", "nothing"),
        ("seen by: carla", "state", "nothing", "nothing", "nothing"),
        ("seen by: [service team]", "state", "nothing", "nothing", "nothing"),
        ("seen by: team", "nothing", "nothing", "nothing", "nothing"),
        ("seen by: partners", "nothing", "nothing", "state", "state"),
        ("seen by: [firm, bob@partner.example]", "state", "state", "state", "nothing"),
        ('seen by: [firm, "*@partner.example"]', "state", "state", "state", "nothing"),
        ("calls seen by: [102, bob@partner.example]", "calls", "state", "nothing", "nothing"),
    ],
)
def test_who_sees_anna(line: str, carla: str, gate: str, partner: str, stranger: str) -> None:
    lab = office(line)
    anna = talking(lab)
    lab.directory.peers["192.0.2.200"] = "partner"
    phones = [
        lab.phone("carla-home"),
        lab.phone("gate"),
        lab.phone("bob", "192.0.2.200", registered=False, site="partner.example", port=5070),
        lab.phone("eve", "192.0.2.200", registered=False, site="other.example", port=5072),
    ]
    for phone in phones[2:]:
        # A peer calls by its own name, and asks for ours.
        phone.uri_of = lambda to: f"sip:{to}@acme.example"  # type: ignore[method-assign]
    assert [sees(lab, phone) for phone in phones] == [carla, gate, partner, stranger]
    assert sees(lab, anna) == "calls"


def test_the_site_says_it_for_everybody_and_a_person_for_herself() -> None:
    lab = office("seen by: firm", "seen by: team, calls seen by: nobody")
    talking(lab)
    carla, dario = lab.phone("carla-home"), lab.phone("dario-home")
    assert sees(lab, carla) == "state"
    dario.invites("600")
    lab.advance()
    assert sees(lab, carla, "103") == "state"  # of her team, who says nothing of calls
    assert sees(lab, lab.phone("anna-mobile"), "103") == "nothing"


def test_a_member_who_hides_is_not_seen_through_her_team() -> None:
    lab = Lab(OFFICE.replace("carla: {name: Carla Ruiz,", "carla: {name: Carla Ruiz, seen by: nobody,"))
    anna, carla = lab.phone("anna-desk"), lab.phone("carla-home")
    whole, lamp = anna.watches_over("200"), anna.watches_over("200", "dialog")
    listed = anna.watches_over("200", "presence", 3600, "Supported: eventlist")
    carla.invites("600")
    lab.advance()
    assert whole.note == "Offline"
    assert lamp.lamp == "off"
    assert "open" not in listed.body
    dario = lab.phone("dario-home")
    lab.advance()
    assert whole.note == "Available"
    assert listed.body.count("<basic>open</basic>") == 1
    inside = dario.watches_over("200", "dialog")
    lab.advance()
    assert inside.lamp == "off"


def test_a_reload_changes_what_is_seen() -> None:
    lab = office("")
    talking(lab)
    carla = lab.phone("carla-home")
    watch = carla.watches_over("101")
    lab.advance()
    assert watch.note.startswith("On the phone")
    plans, _ = load_texts([("0.yaml", OFFICE.replace(ANNA, ANNA + "    seen by: nobody\n"))])
    lab.switch.use_plans(plans)
    lab.advance()
    assert watch.note == "Offline"
    assert watch.state.startswith("active")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("seen by: carlla", 'no person "carlla"; did you mean "carla"?'),
        ("seen by: a@b@c", '"a@b@c" is no address; write bob@partner.example, or *@partner.example for all there'),
        ("seen by: [nobody, carla]", "nobody stands alone, not beside others"),
    ],
)
def test_mistakes(line: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        office(line)
    assert problem in str(caught.value)
