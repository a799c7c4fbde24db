"""The switch speaks and listens: what outside phones hear of it, and what it hears of them."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from softswitch.sound.g711 import pcm_of_alaw
from softswitch.sound.library import said, tone
from softswitch.sound.wav import alaw_of

from .certificates import Certificates
from .conftest import StartSwitch
from .netlab import Lab
from .office import DIALPLAN, DOMAIN, write_office
from .peers.pjsua import Pjsua
from .peers.process import Process, wait_until
from .server import Server
from .sound import RATE, Samples, chirps, compare, read_wav, write_wav
from .test_sound import HEARD_SECONDS, OLD_DIGEST, SPOKEN, Home, Phone, public_listeners

pytestmark = [pytest.mark.interop, pytest.mark.netns]

NEEDS = ("baresip", "linphonec", "ip", "nft")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Ends phones before the switch and the networks go."""
    with ExitStack() as made:
        yield made


def samples_of(file: str) -> Samples:
    """What the switch plays from this file."""
    pcm = pcm_of_alaw(alaw_of(Path(file).read_bytes()))
    return np.frombuffer(pcm, "<i2") / 32768


def test_an_announcement_of_ours_and_one_of_the_operators_are_heard(
    netlab: Lab, start_switch: StartSwitch, stack: ExitStack, tmp_path: Path
) -> None:
    """From behind a router, in the sound of a WAV file at another rate; then we hang up."""
    own = chirps(9, 5.0)
    (tmp_path / "sounds").mkdir()
    write_wav(tmp_path / "sounds/own.wav", np.repeat(own, 2), rate=2 * RATE)
    plan = DIALPLAN.replace(
        "      home: {phone: carla-home}\n", "      home: {phone: carla-home}\n" + RULE.format("own")
    )
    plan = plan.replace(
        "      home: {phone: dario-home}\n", "      home: {phone: dario-home}\n" + RULE.format("closed")
    )
    plan += f"announcements: {{own: {tmp_path}/sounds/own.wav}}\n"
    server = start_switch(public_listeners(), netns=netlab.internet.netns, digest=OLD_DIGEST, dialplan=plan)
    if server.standin:
        pytest.skip("the stand-in says nothing")
    home = Home(server, tmp_path, stack)
    anna = home.phone("baresip", "anna-home", netlab.home(1), "udp")
    anna.dial("102")
    anna.established()
    anna.closed()
    carla = home.phone("linphone", "carla-home", netlab.home(2), "tcp")
    carla.dial("103")
    carla.established()
    carla.closed()
    closed = said("closed", "en")
    assert closed is not None
    for phone, sound in ((anna, own), (carla, samples_of(closed.file))):
        phone.stop()
        match = compare(sound, read_wav(phone.heard))
        assert match.coefficient > 0.9, match
        assert match.seconds >= 3, match


VOICEMAIL = """\
    voicemail: {pin: carla-pin, mail: carla@acme.example}
    calls:
      - ring: voicemail
"""


def test_a_message_is_left_by_one_phone_and_heard_by_another(
    netlab: Lab, start_switch: StartSwitch, stack: ExitStack, tmp_path: Path
) -> None:
    """With the PIN by telephone events, and the keys after it by INFO."""
    plan = DIALPLAN.replace("      home: {phone: carla-home}\n", "      home: {phone: carla-home}\n" + VOICEMAIL)
    server = start_switch(
        public_listeners(), netns=netlab.internet.netns, digest=OLD_DIGEST, secrets_too='carla-pin: "2468"\n',
        dialplan=plan.replace("codes:\n", 'codes:\n  "*97": voicemail\n'),
    )  # fmt: skip
    if server.standin:
        pytest.skip("the stand-in has no voicemail")
    home = Home(server, tmp_path, stack)
    dario = home.phone("baresip", "dario-home", netlab.home(1), "udp")
    dario.dial("102")
    dario.established()
    greeting = said("leave a message", "en")
    assert greeting is not None
    time.sleep(greeting.seconds + 5.5)
    dario.hang_up()
    server.process.wait_for("message left", 5)
    dario.closed()

    carla = home.phone("pjsua2", "carla-home", netlab.home(2), "tcp")
    assert isinstance(carla, Pjsua)
    carla.dial("*97")
    carla.established()
    for digit in "2468#":
        carla.command("dtmf", digits=digit)
        time.sleep(0.3)
    wait_until(lambda: carla.recorded_bytes() > 15 * RATE * 2, "the message being said", 30)
    carla.command("dtmf", digits="3", info=True)
    folder = tmp_path / "switch/voicemail"
    wait_until(lambda: not list(folder.rglob("*.wav")), "deletion", 10)
    carla.command("hangup")
    carla.closed()
    carla.stop()
    match = compare(SPOKEN["dario"], read_wav(carla.heard))
    assert match.seconds >= 4, match


def test_a_phone_that_speaks_g722_alone(
    netlab: Lab, start_switch: StartSwitch, stack: ExitStack, tmp_path: Path
) -> None:
    """It hears the greeting, and what it says is kept."""
    pytest.importorskip("G722")
    plan = DIALPLAN.replace("      home: {phone: carla-home}\n", "      home: {phone: carla-home}\n" + VOICEMAIL)
    server = start_switch(public_listeners(), netns=netlab.internet.netns, digest=OLD_DIGEST, dialplan=plan)
    if server.standin:
        pytest.skip("the stand-in has no voicemail")
    home = Home(server, tmp_path, stack)
    dario = home.phone("baresip", "dario-home", netlab.home(1), "udp", codecs="g722/16000/1")
    dario.dial("102")
    dario.established()
    folder = tmp_path / "switch/voicemail"
    wait_until(lambda: any(one.stat().st_size > 4 * RATE for one in folder.glob("incoming/*.wav")), "message", 20)
    dario.hang_up()
    wait_until(lambda: any(folder.glob("kept/*/*/*.wav")), "message", 10)
    (file,) = folder.glob("kept/*/*/*.wav")
    greeting = said("leave a message", "en")
    assert greeting is not None
    dario.stop()
    # COMPAT: baresip 1.0 spoils a file of 8 kHz by bringing it to 16: what it encoded is what counts.
    (encoded,) = (tmp_path / "dario-home").glob("dump-*-enc.wav")
    for sent, heard in (
        (read_wav(encoded), samples_of(str(file))),
        (samples_of(greeting.file), read_wav(dario.heard)),
    ):
        matches = [compare(sent, late(heard, part / 4)) for part in range(4)]
        assert max(match.seconds for match in matches) >= 2, matches


def late(samples: Samples, part: float) -> Samples:
    """Late by a part of a sample: the filters of G.722 and of another rate delay by such parts."""
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(len(samples)) * part)
    return np.asarray(np.fft.irfft(np.fft.rfft(samples) * turn, len(samples)))


def test_a_greeting_is_recorded_by_phone_and_its_hearer_is_called_back(
    netlab: Lab, start_switch: StartSwitch, stack: ExitStack, tmp_path: Path
) -> None:
    """Keys by telephone events; a pjsua2 is told by REFER to call who left the message."""
    plan = DIALPLAN.replace("      home: {phone: carla-home}\n", "      home: {phone: carla-home}\n" + VOICEMAIL)
    plan = plan.replace("    voicemail: {pin: carla-pin, mail: carla@acme.example}\n", "")
    server = start_switch(
        public_listeners(), netns=netlab.internet.netns, digest=OLD_DIGEST,
        dialplan=plan.replace("codes:\n", 'codes:\n  "*97": voicemail\n'),
    )  # fmt: skip
    if server.standin:
        pytest.skip("the stand-in has no voicemail")
    home = Home(server, tmp_path, stack)
    carla = home.phone("pjsua2", "carla-home", netlab.home(1), "tcp")
    dario = home.phone("baresip", "dario-home", netlab.home(2), "udp")
    assert isinstance(carla, Pjsua)
    carla.dial("*97")
    carla.established()
    folder = tmp_path / "switch/voicemail"
    carla.command("dtmf", digits="92")
    wait_until(lambda: any(folder.glob("incoming/greeting-*.wav")), "recording", 15)
    enough = carla.recorded_bytes() + 4.5 * RATE * 2
    wait_until(lambda: carla.recorded_bytes() > enough, "what is said", 15)
    carla.command("dtmf", digits="#1")
    wait_until(lambda: any(folder.glob("greetings/*/carla/general.wav")), "greeting", 10)
    carla.command("hangup")
    carla.closed()
    dario.dial("102")
    dario.established()
    wait_until(lambda: any(folder.glob("incoming/*.json")), "message", 10)
    wait_until(lambda: any(one.stat().st_size > 3 * RATE for one in folder.glob("incoming/*.wav")), "message", 20)
    dario.hang_up()
    dario.closed()
    assert compare(SPOKEN["carla"], read_wav(dario.heard)).seconds >= 2, "the greeting"
    carla.dial("*97")
    carla.established()
    carla.command("dtmf", digits="5")
    dario.answer()
    carla.wait_event("state", state="DISCONNECTED", code=200)
    dario.established()
    dario.hang_up()


def test_a_message_outlives_kill_9_of_the_switch(
    netlab: Lab, certificates: Certificates, stack: ExitStack, tmp_path: Path
) -> None:
    """It is killed while the caller speaks; the next start makes a message of what was said until then."""
    (tmp_path / "switch").mkdir()
    plan = DIALPLAN.replace("      home: {phone: carla-home}\n", "      home: {phone: carla-home}\n" + VOICEMAIL)
    config = write_office(
        tmp_path / "switch", public_listeners(), certificates.certificate, certificates.key, OLD_DIGEST, "always",
        "20000-20399", dialplan=plan,
    )  # fmt: skip
    command = [Path(sys.executable).with_name("softswitch"), "run", "--config", config]
    netns = netlab.internet.netns

    def started() -> Process:
        process = stack.enter_context(Process(command, netns=netns, cwd=tmp_path / "switch"))
        process.wait_for('"event": ?"ready"', 15)
        return process

    switch = started()
    server = Server(public_listeners(), switch, certificates, tmp_path / "switch", standin=False)
    dario = Home(server, tmp_path, stack).phone("baresip", "dario-home", netlab.home(1), "udp")
    dario.dial("102")
    dario.established()
    greeting = said("leave a message", "en")
    assert greeting is not None
    time.sleep(greeting.seconds + 5)
    switch.signal(signal.SIGKILL)
    switch.wait(5)
    again = started()
    kept = tmp_path / "switch/voicemail/kept"
    wait_until(lambda: any(kept.rglob("*.wav")), "message", 10)
    (file,) = kept.rglob("*.wav")
    match = compare(SPOKEN["dario"], samples_of(str(file)))
    assert match.seconds >= 2, match
    listed = subprocess.run([command[0], "voicemail", "list", "--config", config], capture_output=True, text=True)
    assert listed.stdout.count("  new  carla@acme.example  from dario  ") == 1, listed
    assert not list((tmp_path / "switch/voicemail/incoming").iterdir())
    assert again.stop(5) == 0


PARKING = DIALPLAN.replace("codes:\n", 'codes:\n  "701": park\n  "*8": pickup\n') + (
    "teams:\n  service team: {members: [carla, dario]}\n"
)


def talk_a_while(*phones: Phone) -> None:
    """Until each has recorded some seconds more than now."""
    for phone in phones:
        enough = phone.recorded_bytes() + (HEARD_SECONDS + 1.5) * RATE * 2
        wait_until(lambda phone=phone, enough=enough: phone.recorded_bytes() > enough, "recording", 15)  # type: ignore[misc]


def heard_of(phone: Phone, speaker: str) -> float:
    """How many seconds of what `speaker` said are in the recording."""
    phone.stop()
    return compare(SPOKEN[speaker], read_wav(phone.heard)).seconds


def test_a_call_is_transferred_to_a_parking_place_and_taken_from_there(
    netlab: Lab, start_switch: StartSwitch, stack: ExitStack, tmp_path: Path
) -> None:
    server = start_switch(public_listeners(), netns=netlab.internet.netns, digest=OLD_DIGEST, dialplan=PARKING)
    if server.standin:
        pytest.skip("the stand-in parks nothing")
    home = Home(server, tmp_path, stack)
    anna = home.phone("baresip", "anna-home", netlab.home(1), "udp")
    dario = home.phone("pjsua2", "dario-home", netlab.home(2), "udp")
    carla = home.phone("linphone", "carla-home", netlab.home(3), "tcp")
    assert isinstance(dario, Pjsua)
    dario.dial("101")
    anna.answer()
    anna.established()
    dario.established()
    dario.command("transfer", target=f"sip:701@{DOMAIN}")
    server.process.wait_for("the switch: park", 10)
    time.sleep(1)
    carla.dial("701")
    carla.established()
    talk_a_while(carla)
    carla.hang_up()
    carla.closed()
    assert heard_of(carla, "anna") >= 3
    assert heard_of(anna, "carla") >= 3


def test_a_parked_call_rings_back_at_who_parked_it(
    netlab: Lab, start_switch: StartSwitch, stack: ExitStack, tmp_path: Path
) -> None:
    plan = PARKING.replace('"701": park', '"701": park for 2s')
    server = start_switch(public_listeners(), netns=netlab.internet.netns, digest=OLD_DIGEST, dialplan=plan)
    if server.standin:
        pytest.skip("the stand-in parks nothing")
    home = Home(server, tmp_path, stack)
    anna = home.phone("baresip", "anna-home", netlab.home(1), "udp")
    dario = home.phone("pjsua2", "dario-home", netlab.home(2), "tcp")
    assert isinstance(dario, Pjsua)
    dario.dial("101")
    anna.answer()
    anna.established()
    dario.established()
    dario.command("transfer", target=f"sip:701@{DOMAIN}")
    server.process.wait_for("rings back", 10)
    assert dario.wait_event("incoming")["caller"].startswith('"Parked at 701: 101" <sip:101@')
    dario.command("answer", code=200)
    talk_a_while(dario)
    anna.hang_up()
    dario.closed()
    assert heard_of(dario, "anna") >= 3
    assert heard_of(anna, "dario") >= 3


def test_a_ringing_call_is_picked_up_by_a_colleague(
    netlab: Lab, start_switch: StartSwitch, stack: ExitStack, tmp_path: Path
) -> None:
    server = start_switch(public_listeners(), netns=netlab.internet.netns, digest=OLD_DIGEST, dialplan=PARKING)
    if server.standin:
        pytest.skip("the stand-in picks nothing up")
    home = Home(server, tmp_path, stack)
    anna = home.phone("baresip", "anna-home", netlab.home(1), "tcp")
    carla = home.phone("linphone", "carla-home", netlab.home(2), "udp")
    dario = home.phone("pjsua2", "dario-home", netlab.home(3), "udp")
    anna.dial("102")
    server.process.wait_for("ringing", 5)
    time.sleep(1)
    dario.dial("*8")
    dario.established()
    anna.established()
    carla.closed()
    talk_a_while(anna, dario)
    anna.hang_up()
    dario.closed()
    assert heard_of(anna, "dario") >= 3
    assert heard_of(dario, "anna") >= 3


@pytest.mark.parametrize(
    ("holder", "held"),
    [
        ("pjsua2", "linphone"),
        pytest.param("baresip", "linphone", marks=pytest.mark.long),
        pytest.param("linphone", "pjsua2", marks=pytest.mark.long),
    ],
)
def test_who_is_held_hears_music(
    holder: str, held: str, netlab: Lab, start_switch: StartSwitch, stack: ExitStack, tmp_path: Path
) -> None:
    """The switch's own, but where the phone that holds has music: linphone plays its file on. Behind a router each."""
    server = start_switch(public_listeners(), netns=netlab.internet.netns, digest=OLD_DIGEST)
    if server.standin:
        pytest.skip("the stand-in has no music")
    home = Home(server, tmp_path, stack)
    carla = home.phone(held, "carla-home", netlab.home(1), "tcp")
    dario = home.phone(holder, "dario-home", netlab.home(2), "udp")
    dario.dial("102")
    carla.answer()
    for one in (dario, carla):
        one.established()
    dario.hold()
    enough = carla.recorded_bytes() + 5.5 * RATE * 2
    wait_until(lambda: carla.recorded_bytes() > enough, "recording", 20)
    dario.resume()
    enough = carla.recorded_bytes() + 2.5 * RATE * 2
    wait_until(lambda: carla.recorded_bytes() > enough, "recording", 20)
    dario.hang_up()
    carla.closed()
    carla.stop()
    heard = read_wav(carla.heard)
    music, own = compare(samples_of(tone("music").file), heard), compare(SPOKEN["dario"], heard)
    assert (own.seconds >= 5 and music.seconds == 0) if holder == "linphone" else music.seconds >= 2, (music, own)
    assert compare(SPOKEN["dario"], heard[-2 * RATE :]).seconds >= 1


RULE = "    calls:\n      - ring: announcement {}\n"
