"""Calls that the switch answers to say something."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab import Lab
from lab.lab import OFFICE

from softswitch.dialplan.load import load_texts
from softswitch.errors import ConfigError
from softswitch.media.engine import MediaFailed
from softswitch.sound.library import Sound, said, tone
from softswitch.sound.wav import alaw_file

CLOSED = OFFICE.replace("ring: mobile, for: 25s}", "ring: announcement closed}").replace("then: mobile", "then: reject")


def closed_lab(**options: object) -> Lab:
    """An office where nobody is there: Anna's rule for every other time says so."""
    return Lab(CLOSED.replace("when: office hours, ring: office", "from: dario, ring: office"), **options)


def test_it_is_said_once_the_caller_hears_and_then_we_hang_up() -> None:
    lab = closed_lab()
    carla = lab.phone("carla-home")
    call = carla.invites("101")
    lab.advance(0.5)
    assert call.state == "answered"
    assert lab.media.said == [["closed"]]
    sound = said("closed", "de")
    assert sound is not None
    lab.advance(sound.seconds - 0.6)
    assert call.state == "answered"
    lab.advance(0.5)
    assert call.why == "they hung up"
    lab.at_rest()
    (record,) = lab.records()
    assert (record.outcome, record.answered_by) == ("answered", "the switch: announcement closed")
    assert record.steps[0].who == "announcement closed"


def test_an_end_that_nobody_tells_is_not_waited_for_long() -> None:
    lab = closed_lab()
    lab.media.tells_end = False
    call = lab.phone("carla-home").invites("101")
    sound = said("closed", "de")
    assert sound is not None
    lab.advance(sound.seconds + 1)
    lab.media.notices("played", b"another call")
    assert call.state == "answered"
    lab.advance(1.5)
    assert call.why == "they hung up"
    lab.at_rest()


def test_what_cannot_be_played_does_not_hold_the_line() -> None:
    lab = closed_lab()
    carla = lab.phone("carla-home")
    lab.media.play = lambda key, files, repeat, done: done(MediaFailed(404, "gone"))  # type: ignore[method-assign]
    call = carla.invites("101")
    lab.advance(0.5)
    assert call.why == "they hung up"
    assert ("nothing is played", {"reason": "gone"}) in [(event, more) for _, event, more in lab.log.notes]
    lab.at_rest()


def test_the_caller_hangs_up_in_the_middle() -> None:
    lab = closed_lab()
    call = lab.phone("carla-home").invites("101")
    lab.advance(1)
    bye = call.bye()
    lab.advance(10)
    assert bye.status == 200
    lab.at_rest()


def test_the_sites_language_and_its_countrys() -> None:
    for line, language in (("country: DE", "de"), ("country: DE, language: es", "es"), ("country: US", "en")):
        lab = Lab(CLOSED.replace("country: DE", line))
        assert lab.plans["acme.example"].language == language


def test_an_operators_own_sound_goes_before_ours_and_an_unready_one_is_an_error_tone(tmp_path: Path) -> None:
    wav = tmp_path / "own.wav"
    wav.write_bytes(alaw_file(b"\xd5" * 8000))
    plan = CLOSED.replace("when: office hours", "from: dario") + f"announcements: {{closed: {wav}}}\n"
    own: dict[str, Sound] = {}
    lab = Lab(plan, own_sound=own.get)
    carla = lab.phone("carla-home")
    for expected in ("error", "own"):
        call = carla.invites("101")
        lab.advance(5)
        assert lab.media.said[-1] == [expected]
        assert call.why == "they hung up"
        own[str(wav)] = Sound(str(wav), 1.0)
    lab.at_rest()


def test_music_on_hold_is_ours_or_the_operators_or_none(tmp_path: Path) -> None:
    wav = tmp_path / "own.wav"
    wav.write_bytes(alaw_file(b"\xd5" * 8000))
    own: dict[str, Sound] = {}
    for written, expected in (("yes", "music"), ("no", ""), (str(wav), "music"), (str(wav), "own")):
        lab = Lab(OFFICE.replace("country: DE}", f"country: DE, music on hold: {written}}}", 1), own_sound=own.get)
        carla, anna = lab.phone("carla-home"), lab.phone("anna-desk")
        carla.invites("101")
        lab.advance(1)
        anna.call.answer()
        lab.advance(1)
        assert set(lab.media.music) == {expected}
        if written == str(wav):
            own[written] = Sound(written, 1.0)


def test_music_on_hold_that_is_not_there_is_told_with_its_place() -> None:
    with pytest.raises(ConfigError) as refused:
        load_texts([("acme.yaml", OFFICE.replace("country: DE}", "country: DE, music on hold: x.wav}", 1))])
    (problem,) = refused.value.problems
    assert str(problem).endswith("acme.yaml:2:83: x.wav cannot be read: No such file or directory")


def test_a_tone_is_a_step_too(lab: Lab) -> None:
    """As codes answer that change something."""
    carla = lab.phone("carla-home")
    lab.switch.core.legs.answer, answer = (  # type: ignore[method-assign]
        lambda request, server, what, plan, facts: answer(request, server, "tone confirm", plan, facts),
        lab.switch.core.legs.answer,
    )
    call = carla.invites("600")
    lab.advance(0.3)
    assert lab.media.said == [["confirm"]]
    lab.advance(tone("confirm").seconds + 0.6)
    assert call.why == "they hung up"
    lab.at_rest()


PROBLEMS = [
    ("announcements: {closed: nowhere.wav}", "acme.yaml:23:25: nowhere.wav cannot be read: No such file or directory"),
    ("announcements: {a/b: x}", 'acme.yaml:23:17: "a/b" can\'t be a name'),
]


@pytest.mark.parametrize(("line", "told"), PROBLEMS)
def test_files_that_are_not_there_are_told_with_their_place(line: str, told: str) -> None:
    text = CLOSED.lstrip("\n").replace("\ncodes:", f"\n{line}\ncodes:")
    with pytest.raises(ConfigError) as refused:
        load_texts([("acme.yaml", text)])
    assert told in [str(problem) for problem in refused.value.problems]
    if "nowhere" in line:
        plans, problems = load_texts([("acme.yaml", text)], sounds_needed=False)
        assert list(plans) == ["acme.example"]
        assert "cannot be read" in str(problems)


def test_names_and_languages_that_are_unknown_are_told() -> None:
    text = CLOSED.replace("announcement closed", "announcement closd").replace(
        "country: DE", "country: DE, language: fr"
    )
    with pytest.raises(ConfigError) as refused:
        load_texts([("acme.yaml", text)])
    told = str(refused.value.problems)
    assert 'no announcement "closd"; did you mean "closed"?' in told
    assert 'does not speak "fr"; it speaks de (German), en (English), es (Spanish)' in told


def test_a_sound_that_is_none_and_one_that_nobody_uses(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_bytes(b"junk")
    file = str(tmp_path / "acme.yaml")
    with pytest.raises(ConfigError) as refused:
        load_texts([(file, CLOSED + "announcements: {x: x.wav}\n")])
    told = [problem.text for problem in refused.value.problems]
    assert f"{tmp_path}/x.wav is no WAV file" in told
    assert 'nobody uses the announcement "x"' in told
