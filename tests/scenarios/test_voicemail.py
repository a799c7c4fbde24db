"""Messages are left, kept whatever happens, and heard by phone."""

from __future__ import annotations

import asyncio
from array import array
from datetime import datetime
from math import pi, sin
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from lab import Lab, Phone, Provider
from lab.lab import OFFICE

from softswitch.dialplan.load import load_texts
from softswitch.errors import ConfigError
from softswitch.events import VoicemailChanged
from softswitch.sound.g711 import RATE, alaw_of_pcm
from softswitch.sound.times import day_said, time_said
from softswitch.sound.wav import alaw_file, alaw_of
from softswitch.voicemail.message import Message

PLAN = (
    OFFICE.replace("for: 15s, then: mobile}", "for: 15s, then: voicemail}")
    .replace("number: 102,", "number: 102, calls: [{ring: voicemail of anna}],")
    .replace("number: 103,", "number: 103, voicemail: {longest: 10s, mail: dario@acme.example, pin: dario-pin},")
    .replace('{"600": echo}', '{"600": echo, "*97": voicemail}')
)
SPEECH = alaw_of_pcm(array("h", [int(9000 * sin(2 * pi * 440 * n / RATE)) for n in range(3 * RATE)]))
SILENCE = b"\xd5" * 2 * RATE
GREETING_SECONDS = 8


def office(folder: Path, plan: str = PLAN, **options: object) -> Lab:
    lab = Lab(plan, voicemail=folder / "voicemail", **options)
    lab.media.spoken = alaw_file(SILENCE + SPEECH + SILENCE)
    return lab


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return office(tmp_path)


def messages(lab: Lab, person: str = "anna") -> list[Message]:
    boxes = lab.switch.legs.boxes
    assert boxes is not None
    return list(boxes.messages("acme.example", person))


def files(lab: Lab) -> list[Path]:
    assert lab.switch.legs.boxes is not None
    folder = lab.switch.legs.boxes.files._folder
    return sorted(path for path in folder.rglob("*") if path.is_file())


def leaves(lab: Lab, caller: Phone, called: str = "102", seconds: float = 5) -> None:
    """A message, by who hangs up at the end."""
    call = caller.invites(called)
    lab.advance(GREETING_SECONDS)
    assert call.state == "answered"
    assert lab.media.recordings
    lab.advance(seconds)
    bye = call.bye()
    lab.advance(1)
    assert bye.status == 200


def test_a_message_is_kept_before_the_bye_is_answered(lab: Lab, anna: Phone, dario: Phone) -> None:
    call = dario.invites("101")
    lab.advance(2)
    assert call.state == "ringing"
    lab.advance(25)
    assert call.state == "answered"
    assert lab.media.said[0] == ["leave a message", "beep"]
    assert files(lab)[0].suffix == ".json", "noted before it is recorded"
    call.bye()
    lab.advance(1)
    (message,) = messages(lab)
    assert (message.person, message.caller, message.seconds) == ("anna", "103", pytest.approx(3.6, abs=0.05))
    (file,) = files(lab)
    assert SPEECH in alaw_of(file.read_bytes())
    assert len(alaw_of(file.read_bytes())) < len(SPEECH) + RATE, "the silence is cut off"
    assert file.stat().st_mode & 0o077 == 0
    assert asyncio.run(lab.voicemail_store.load()) == [message]
    assert lab.voicemail_changed == [VoicemailChanged("acme.example", "anna", 1, 0)]
    lab.at_rest()
    (record,) = lab.records()
    assert record.answered_by == "the switch: voicemail of anna"
    assert record.steps[-1].who == "voicemail of anna"


def test_the_bye_waits_for_the_disk(lab: Lab, dario: Phone) -> None:
    call = dario.invites("102")
    lab.advance(GREETING_SECONDS + 3)
    lab.media.delay = 0.3
    bye = call.bye()
    lab.advance(0.2)
    assert (bye.status, messages(lab)) == (0, [])
    lab.advance(0.3)
    assert (bye.status, len(messages(lab))) == (200, 1)
    lab.at_rest()


def test_who_says_nothing_leaves_nothing(lab: Lab, dario: Phone) -> None:
    lab.media.spoken = alaw_file(SILENCE)
    leaves(lab, dario)
    assert (messages(lab), files(lab)) == ([], [])
    call = dario.invites("102")
    lab.advance(2)
    call.bye()
    lab.advance(1)
    assert (messages(lab), files(lab), len(lab.media.recordings)) == ([], [], 1)
    lab.at_rest()


def test_a_key_ends_the_message_and_another_skips_the_greeting(lab: Lab, dario: Phone) -> None:
    call = dario.invites("102")
    lab.advance(1)
    call.sends("INFO", "Content-Type: application/dtmf-relay", body=b"Signal=#\r\nDuration=160\r\n")
    lab.advance(1)
    assert lab.media.said[1] == ["beep"]
    assert lab.media.recordings
    lab.media.notices("dtmf", call.call_id, key=b"1")
    lab.advance(1)
    assert call.state == "answered"
    lab.media.notices("dtmf", call.call_id, key=b"#")
    lab.advance(1)
    assert call.why == "they hung up"
    assert len(messages(lab)) == 1
    lab.at_rest()


def test_it_has_its_greatest_length(tmp_path: Path) -> None:
    lab = office(tmp_path, PLAN.replace("voicemail of anna", "voicemail of dario"))
    call = lab.phone("anna-desk").invites("102")
    lab.advance(15)
    assert call.state == "answered"
    lab.advance(5)
    assert call.why == "they hung up"
    (message,) = messages(lab, "dario")
    assert message.mail_to == "dario@acme.example"
    lab.at_rest()


def test_a_full_box_says_so(lab: Lab, dario: Phone) -> None:
    boxes = lab.switch.legs.boxes
    assert boxes is not None
    boxes.take_over(Message("acme.example", "anna", f"m{n}", 1.0, "1", "c", 2.0) for n in range(100))
    call = dario.invites("102")
    lab.advance(1)
    assert lab.media.said == [["mailbox full"]]
    lab.advance(10)
    assert call.why == "they hung up"
    assert files(lab) == []
    lab.at_rest()


def test_a_crash_in_the_middle_loses_nothing(lab: Lab, dario: Phone) -> None:
    call = dario.invites("102")
    lab.advance(GREETING_SECONDS + 5)
    assert call.state == "answered"
    assert messages(lab) == []
    lab.starts_switch()
    assert lab.switch.legs.boxes is not None
    lab.switch.legs.boxes.recover()
    (message,) = messages(lab)
    assert (message.caller, message.seconds) == ("103", pytest.approx(3.6, abs=0.05))
    assert [file.suffix for file in files(lab)] == [".wav"]
    lab.switch.legs.boxes.recover()
    assert messages(lab) == [message]


def test_the_switch_stops_while_somebody_speaks(lab: Lab, dario: Phone) -> None:
    dario.invites("102")
    lab.advance(GREETING_SECONDS + 5)
    lab.switch.drain()
    lab.advance(1)
    assert len(messages(lab)) == 1
    lab.at_rest()


def test_messages_outlive_a_restart_and_the_disk_may_be_full(lab: Lab, dario: Phone, tmp_path: Path) -> None:
    leaves(lab, dario)
    lab.starts_switch()
    assert len(messages(lab)) == 1
    assert lab.switch.legs.boxes is not None
    lab.switch.legs.boxes.files._incoming = tmp_path / "file" / "x"
    (tmp_path / "file").write_text("in the way")
    call = lab.phone("dario-laptop").invites("102")
    lab.advance(3)
    assert lab.media.said[-1] == ["not possible"]
    lab.advance(5)
    assert call.why == "they hung up"
    assert len(messages(lab)) == 1
    lab.at_rest()


# Greetings


def test_greetings_by_schedule(tmp_path: Path) -> None:
    for name in ("away", "day"):
        (tmp_path / f"{name}.wav").write_bytes(alaw_file(SILENCE))
    greeting = f"[{{when: office hours, play: {tmp_path}/day.wav}}, {tmp_path}/away.wav]"
    plan = PLAN.replace("name: Anna Berger", f"name: Anna Berger\n    voicemail: {{greeting: {greeting}}}")

    def own(path: str):  # type: ignore[no-untyped-def]
        from softswitch.sound.library import ready

        return ready(Path(path))

    lab = office(tmp_path, plan, own_sound=own)
    dario = lab.phone("dario-home")
    for expected in ("day", "away"):
        call = dario.invites("102")
        lab.advance(1)
        assert lab.media.said[-1] == [expected, "beep"]
        call.bye()
        lab.advance(12 * 3600)


# Hearing them


def presses(lab: Lab, call: object, keys: str) -> None:
    for key in keys:
        lab.media.notices("dtmf", call.call_id, key=key.encode())  # type: ignore[attr-defined]
        lab.advance(0.1)


def told(lab: Lab, message: Message, caller: str = "103") -> list[str]:
    """How a message is said."""
    zone = ZoneInfo("Europe/Berlin")
    moment, now = (datetime.fromtimestamp(at, zone) for at in (message.received_at, lab.clock.wall()))
    return ["message from", *caller, *day_said(moment, now), *time_said(moment, "de"), message.id, "message keys"]


def test_ones_own_phone_hears_keeps_and_deletes(lab: Lab, anna: Phone, dario: Phone) -> None:
    leaves(lab, dario)
    leaves(lab, dario)
    first, second = messages(lab)
    call = anna.invites("*97")
    lab.advance(1)
    assert lab.media.said[-1] == ["new messages", *told(lab, first)]
    presses(lab, call, "8")
    lab.advance(30)
    assert messages(lab)[0].heard_at > 0
    assert lab.voicemail_changed[-1] == VoicemailChanged("acme.example", "anna", 1, 1)
    call.bye()
    lab.advance(1)
    call = anna.invites("*97")
    lab.advance(1)
    assert lab.media.said[-1] == ["new messages", *told(lab, second)]
    presses(lab, call, "1")
    assert lab.media.said[-1] == told(lab, second)
    presses(lab, call, "2")
    assert lab.media.said[-1][:2] == ["kept", "kept messages"]
    assert first.id in lab.media.said[-1]
    presses(lab, call, "3")
    assert lab.media.said[-1] == ["deleted", "end of messages", "greeting keys"]
    presses(lab, call, "*")
    assert lab.media.said[-1] == told(lab, second)
    presses(lab, call, "*#")
    assert lab.media.said[-1] == ["end of messages", "greeting keys"]
    lab.advance(30)
    assert call.why == "they hung up"
    assert [message.id for message in messages(lab)] == [second.id]
    assert [file.stem for file in files(lab)] == [second.id]
    assert lab.voicemail_changed[-1] == VoicemailChanged("acme.example", "anna", 0, 1)
    lab.at_rest()


def test_who_presses_nothing_is_hung_up_on(lab: Lab, anna: Phone, dario: Phone) -> None:
    leaves(lab, dario)
    call = anna.invites("*97")
    lab.advance(60)
    assert call.why == "they hung up"
    call = anna.invites("*97")
    lab.advance(1)
    assert lab.media.said[-1][0] == "kept messages"
    call.bye()
    lab.at_rest()


def test_a_pin_is_asked_for_and_guessing_is_stopped(lab: Lab, dario: Phone) -> None:
    right = lab.secret("dario-pin")
    lab.switch.legs.boxes.pin = {"dario-pin": "2468"}.get  # type: ignore[union-attr]
    assert right
    call = dario.invites("*97")
    lab.advance(1)
    assert lab.media.said[-1] == ["enter pin"]
    presses(lab, call, "2468#")
    assert lab.media.said[-1] == ["no messages", "greeting keys"]
    lab.advance(30)
    assert call.why == "they hung up"
    for _ in range(3):
        call = dario.invites("*97")
        lab.advance(1)
        for _ in range(3):
            presses(lab, call, "1111#")
            assert lab.media.said[-1] == ["wrong pin"]
            lab.advance(5)
        assert call.why == "they hung up"
    call = dario.invites("*97")
    lab.advance(1)
    presses(lab, call, "1#")
    lab.advance(3)
    call.bye()
    lab.advance(1)
    call = dario.invites("*97")
    lab.advance(1)
    assert lab.media.said[-1] == ["not possible"], "ten wrong ones in a row"
    call.bye()
    lab.advance(1000)
    call = dario.invites("*97")
    lab.advance(1)
    presses(lab, call, "2468#")
    assert lab.media.said[-1] == ["no messages", "greeting keys"]
    call.bye()
    lab.at_rest()


def test_a_phone_of_nobody_has_no_messages(lab: Lab) -> None:
    gate = lab.phone("gate", number="gate")
    call = gate.invites("*97")
    lab.advance(1)
    assert lab.media.said[-1] == ["not possible"]
    call.bye()
    lab.at_rest()


def test_there_and_back_and_when_it_came(lab: Lab, anna: Phone, dario: Phone) -> None:
    leaves(lab, dario)
    lab.advance(26 * 3600)
    leaves(lab, dario)
    first, second = messages(lab)
    call = anna.invites("*97")
    lab.advance(1)
    assert lab.media.said[-1] == ["new messages", *told(lab, first)]
    assert "yesterday" in lab.media.said[-1]
    presses(lab, call, "#")
    assert lab.media.said[-1] == told(lab, second)
    assert "today" in lab.media.said[-1]
    presses(lab, call, "*")
    assert lab.media.said[-1] == told(lab, first)
    presses(lab, call, "*")
    assert lab.media.said[-1] == told(lab, first), "there is none before"
    presses(lab, call, "###")
    lab.advance(1)
    assert call.why == "they hung up"
    lab.at_rest()


def test_the_phone_calls_back(lab: Lab, anna: Phone, dario: Phone) -> None:
    leaves(lab, dario)
    call = anna.invites("*97", "Allow: INVITE, ACK, BYE, REFER, NOTIFY")
    lab.advance(1)
    anna.replies["REFER"] = (202, (), b"")
    presses(lab, call, "5")
    (refer,) = anna.requests_of("REFER")
    assert refer.get(b"refer-to") == b"<sip:103@acme.example>"
    assert call.state == "answered"
    for status in (b"100 Trying", b"200 OK"):
        sent = call.sends(
            "NOTIFY", "Event: refer", "Subscription-State: active", "Content-Type: message/sipfrag",
            body=b"SIP/2.0 " + status + b"\r\n",
        )  # fmt: skip
        lab.advance(1)
        assert sent.status == 200
    assert call.why == "they hung up"
    assert messages(lab)[0].heard_at
    lab.at_rest()


@pytest.mark.parametrize("why", ["unknown", "refused", "failed", "hidden"])
def test_a_phone_that_cannot_be_sent_goes_on_listening(lab: Lab, anna: Phone, dario: Phone, why: str) -> None:
    leaves(lab, dario)
    if why == "hidden":
        boxes = lab.switch.legs.boxes
        assert boxes is not None
        boxes.change(messages(lab)[0]._replace(caller=""))
    allow = "INVITE, ACK, BYE" if why == "unknown" else "INVITE, ACK, BYE, REFER"
    call = anna.invites("*97", f"Allow: {allow}")
    lab.advance(1)
    anna.replies["REFER"] = (603 if why == "refused" else 202, (), b"")
    presses(lab, call, "5")
    if why == "failed":
        call.sends("NOTIFY", "Event: refer", "Subscription-State: terminated", body=b"SIP/2.0 486 Busy Here\r\n")
    lab.advance(1)
    assert lab.media.said[-1] == ["not possible", "message keys"]
    presses(lab, call, "3")
    assert lab.media.said[-1][0] == "deleted"
    call.bye()
    lab.at_rest()


# A team's


TEAM = PLAN.replace(
    "ring: all, for: 20s}",
    "ring: all, for: 20s, then: voicemail of service team, voicemail: {longest: 20s, mail: x@acme.example}}",
)


def test_a_team_has_a_mailbox_that_its_members_hear(tmp_path: Path) -> None:
    lab = office(tmp_path, TEAM.replace('"*97": voicemail', '"*97": voicemail, "*90": voicemail'))
    anna, carla, dario = lab.phone("anna-desk"), lab.phone("carla-home"), lab.phone("dario-home")
    boxes = lab.switch.legs.boxes
    assert boxes is not None
    boxes.pin = {"dario-pin": "2468"}.get
    watch = carla.watches_over("200", "message-summary")
    lab.advance()
    stranger = anna.watches_over("200", "message-summary")
    lab.advance(1)
    assert stranger.exchange.status == 403, "she is no member"
    call = anna.invites("200")
    lab.advance(20 + GREETING_SECONDS + 5)
    assert call.state == "answered"
    call.bye()
    lab.advance(1)
    (message,) = messages(lab, "service team")
    assert (message.caller, message.mail_to) == ("101", "x@acme.example")
    assert "Voice-Message: 1/0" in watch.body
    assert "Message-Account: sip:200@acme.example" in watch.body
    call = dario.invites("*97")
    lab.advance(1)
    presses(lab, call, "2468#")
    assert lab.media.said[-1] == ["team messages", "new messages", *told(lab, message, "101")]
    presses(lab, call, "2")
    assert "Voice-Message: 0/1" in watch.body, "for all of them"
    call.bye()
    lab.advance(1)
    call = anna.invites("*97")
    lab.advance(1)
    assert lab.media.said[-1] == ["no messages", "greeting keys"]
    call.bye()
    lab.at_rest()


def test_two_members_at_once(tmp_path: Path) -> None:
    """What one deletes while the other hears it does not come back."""
    lab = office(tmp_path, TEAM.replace(", pin: dario-pin", ""))
    anna, carla, dario = lab.phone("anna-desk"), lab.phone("carla-home"), lab.phone("dario-home")
    call = anna.invites("200")
    lab.advance(20 + GREETING_SECONDS + 5)
    call.bye()
    lab.advance(1)
    assert len(messages(lab, "service team")) == 1
    first, second = carla.invites("*97"), dario.invites("*97")
    lab.advance(1)
    presses(lab, first, "3")
    assert lab.media.said[-1] == ["deleted", "end of messages", "greeting keys"]
    presses(lab, second, "2")
    assert lab.media.said[-1] == ["kept", "end of messages", "greeting keys"]
    lab.advance(1)
    assert messages(lab, "service team") == []
    assert asyncio.run(lab.voicemail_store.load()) == []
    presses(lab, second, "*")
    assert lab.media.said[-1] == ["kept", "end of messages", "greeting keys"], "there is none to go back to"
    for one in (first, second):
        one.bye()
    lab.at_rest()


# Greetings that are recorded by phone


def records(lab: Lab, call: object, keys: str = "2") -> None:
    """Press, speak and end it."""
    presses(lab, call, keys)
    lab.advance(8)
    presses(lab, call, "#")
    assert lab.media.said[-1][-1] == "keep greeting"


def test_a_greeting_is_recorded_by_phone(lab: Lab, anna: Phone, dario: Phone) -> None:
    call = anna.invites("*97")
    lab.advance(1)
    presses(lab, call, "9")
    assert lab.media.said[-1] == ["greeting menu"]
    presses(lab, call, "1")
    assert lab.media.said[-1] == ["leave a message"]
    lab.advance(10)
    records(lab, call)
    records(lab, call)
    presses(lab, call, "1")
    assert lab.media.said[-1] == ["kept", "greeting menu"]
    presses(lab, call, "1")
    assert lab.media.said[-1] == ["general"]
    call.bye()
    lab.advance(1)
    (file,) = files(lab)
    assert SPEECH in alaw_of(file.read_bytes())
    assert file.stat().st_mode & 0o077 == 0
    call = dario.invites("102")
    lab.advance(1)
    assert lab.media.said[-1] == ["general", "beep"]
    call.bye()
    lab.advance(1)
    call = anna.invites("*97")
    lab.advance(1)
    presses(lab, call, "93")
    assert lab.media.said[-1] == ["deleted", "greeting menu"]
    presses(lab, call, "#")
    assert lab.media.said[-1][0] == "end of messages"
    call.bye()
    lab.advance(1)
    assert files(lab) == []
    lab.at_rest()


def test_who_hangs_up_keeps_nothing_and_who_says_nothing(lab: Lab, anna: Phone) -> None:
    for keys in ("92", "92#"):
        call = anna.invites("*97")
        lab.advance(1)
        presses(lab, call, keys[:2])
        lab.advance(8)
        presses(lab, call, keys[2:])
        call.bye()
        lab.advance(5)
        assert files(lab) == []
    lab.media.spoken = alaw_file(SILENCE)
    call = anna.invites("*97")
    lab.advance(1)
    presses(lab, call, "92")
    lab.advance(100)
    assert ["not possible", "greeting menu"] in lab.media.said
    lab.advance(30)
    assert call.why == "they hung up"
    lab.at_rest()


def test_greetings_for_schedules_and_teams_have_numbers(tmp_path: Path) -> None:
    greeting = "[{when: office hours, play: recorded}]"
    plan = TEAM.replace(
        "voicemail: {longest: 10s, mail: dario@acme.example, pin: dario-pin}", f"voicemail: {{greeting: {greeting}}}"
    )
    lab = office(tmp_path, plan)
    dario = lab.phone("dario-home")
    call = dario.invites("*97")
    lab.advance(1)
    presses(lab, call, "9")
    assert lab.media.said[-1] == ["which greeting", "1", "2", "3"]
    presses(lab, call, "2")
    records(lab, call)
    presses(lab, call, "1##")
    call = dario.invites("*97")
    lab.advance(1)
    presses(lab, call, "93")
    records(lab, call)
    presses(lab, call, "1##")
    lab.advance(1)
    assert [file.stem for file in files(lab)] == ["office hours", "general"]
    boxes = lab.switch.legs.boxes
    assert boxes is not None
    again = office(tmp_path, plan)  # the switch is started again
    assert again.switch.legs.boxes is not None
    again.switch.legs.boxes.take_over((), boxes.files.greetings())
    caller = again.phone("anna-desk")
    call = caller.invites("200")
    again.advance(22)
    assert again.media.said[-1] == ["general", "beep"]
    call.bye()
    again.at_rest()


# The language


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("teams:\n  a team: {members: [carla], then: voicemail}", "whose voicemail? write voicemail of and a person"),
        ("teams:\n  a team: {members: [carla], then: voicemail of otto}", 'no person "otto"'),
        (
            "lists:\n  x: [+49 1]\nteams:\n  a team: {members: [carla], then: [carla, voicemail of anna]}",
            "stands alone",
        ),
    ],
)
def test_whose_voicemail(wrong: str, told: str) -> None:
    text = PLAN.replace("  service team:", "  service team:").replace("teams:", wrong)
    with pytest.raises(ConfigError) as refused:
        load_texts([("acme.yaml", text)])
    assert told in str(refused.value.problems)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("pin: 12 34", "pin: is the name of an entry in the secrets file, not the PIN itself"),
        ("mail: dario", '"dario" is no mail address'),
        ("greeting: nowhere.wav", "nowhere.wav cannot be read: No such file or directory"),
        ("greeting: {when: lunch, play: nowhere.wav}", 'no schedule "lunch"'),
        ("greting: x", 'unknown key "greting"; did you mean "greeting"?'),
        ("longest: 20m", "a message lasts at most something between 1s and 10m"),
    ],
)
def test_mistakes_in_it(written: str, told: str) -> None:
    text = PLAN.replace("longest: 10s, mail: dario@acme.example, pin: dario-pin", written)
    with pytest.raises(ConfigError) as refused:
        load_texts([("acme.yaml", text)])
    assert told in str(refused.value.problems)


def test_an_assertion_can_expect_it() -> None:
    load_texts([("acme.yaml", PLAN + "assertions: [{at: sun 10:00, to: 102, rings: voicemail of anna}]\n")])
    with pytest.raises(ConfigError):
        load_texts([("acme.yaml", PLAN + "assertions: [{at: sun 10:00, to: 101, rings: voicemail of anna}]\n")])


# With everything else


def test_a_caller_of_the_public_network_leaves_one(tmp_path: Path) -> None:
    plan = (
        PLAN
        + "trunks: {city: {peer: 198.51.100.7}}\n"
        + 'numbers: {"+49 89 12340": carla}\noutside: [{dial: +49 *, via: city}]\n'
    )
    lab = office(tmp_path, plan)
    city = Provider(lab)
    call = city.dials("+498912340", caller="+4930123456")
    lab.advance(GREETING_SECONDS + 5)
    assert call.state == "answered"
    call.bye()
    lab.advance(1)
    (message,) = messages(lab)
    assert message.caller == "+4930123456"
    anna = lab.phone("anna-desk")
    call = anna.invites("*97")
    lab.advance(1)
    assert lab.media.said[-1] == ["new messages", *told(lab, message, "+4930123456")]
    call.bye()
    lab.at_rest()
    assert "the switch: voicemail of anna" in [record.answered_by for record in lab.records()]


def test_a_provider_that_calls_without_an_offer_reaches_it(tmp_path: Path) -> None:
    """RFC 3261 §13.2.1: some carriers' switches do, and calls that were transferred outside."""
    plan = (
        PLAN
        + "trunks: {city: {peer: 198.51.100.7}}\n"
        + 'numbers: {"+49 89 12340": carla}\noutside: [{dial: +49 *, via: city}]\n'
    )
    lab = office(tmp_path, plan)
    call = Provider(lab).dials("+498912340", caller="+4930123456", late_offer=True)
    lab.advance(GREETING_SECONDS + 5)
    assert call.state == "answered"
    assert call.media.startswith("203.0.113.9:")
    assert [what for what, *_ in lab.media.asked if what != "delete"] == ["propose", "settle"]
    call.bye()
    lab.advance(1)
    assert len(messages(lab)) == 1
    lab.at_rest()


def test_the_lamp_for_messages(lab: Lab, anna: Phone, dario: Phone) -> None:
    """RFC 3842."""
    watch = anna.watches_over("101", "message-summary")
    lab.advance()
    assert watch.body.startswith("Messages-Waiting: no\r\n")
    leaves(lab, dario)
    assert watch.body.startswith("Messages-Waiting: yes\r\n")
    assert "Voice-Message: 1/0" in watch.body
    call = anna.invites("*97")
    lab.advance(1)
    presses(lab, call, "2")
    lab.advance(1)
    assert "Voice-Message: 0/1" in watch.body
    call.bye()
