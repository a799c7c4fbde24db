"""Who is believed, and that nobody else is: latching and garbage on a real relay process."""

from __future__ import annotations

import random
import time

from .conftest import rtp


def _counters(relay, side, call_id="c"):
    (session,) = relay.command("query", call_id=call_id)["sessions"]
    return session["streams"][0][side]["rtp"]


def test_a_party_behind_nat_is_found_where_it_really_is(relay, party):
    """Its SDP names an address of its own network; packets come from where its signalling comes from."""
    a, b = party("127.0.0.2"), party("127.0.0.3")
    a_sdp = a.sdp(host="192.168.1.20", port=4000)
    offer = relay.sdp("offer", call_id="c", from_tag="a", sdp=a_sdp, received_from=["IP4", "127.0.0.2"])
    b.told(offer)
    a.told(relay.sdp("answer", call_id="c", from_tag="a", to_tag="b", sdp=b.sdp(), received_from=["IP4", "127.0.0.3"]))
    a.say(rtp(1))
    assert b.hear() == rtp(1)
    b.say(rtp(2))
    assert a.hear() == rtp(2), "it went to the latched address"


def test_a_stranger_is_not_believed_where_the_sdp_is_trusted(relay, party):
    a, b, stranger = party("127.0.0.2"), party("127.0.0.3"), party("127.0.0.9")
    relay.call("c", a, b, received_from=["IP4", "127.0.0.2"])
    stranger.relay = a.relay
    for number in range(100):
        stranger.say(rtp(number, b"evil" * 40, ssrc=666))
    a.say(rtp(1))
    assert b.hear() == rtp(1), "the first packet that passed"
    assert _counters(relay, 0)["dropped"] == 100
    assert _counters(relay, 0)["latched"] == b"127.0.0.2 %d" % a.port


def test_packets_sprayed_after_the_lock_are_neither_relayed_nor_latched(relay, party):
    a, b, stranger = party("127.0.0.2"), party("127.0.0.3"), party("127.0.0.2")
    relay.call("c", a, b)
    a.say(rtp(1))
    assert b.hear() == rtp(1)
    relay.until(lambda: _counters(relay, 0)["latched"] == b"127.0.0.2 %d" % a.port)
    for facing in (a.relay, b.relay):
        stranger.relay = facing
        for number in range(200):
            stranger.say(rtp(number, b"evil" * 40, ssrc=666))
    a.say(rtp(2))
    assert b.hear() == rtp(2)
    b.say(rtp(3))
    assert a.hear() == rtp(3)
    assert _counters(relay, 0)["packets"] == 2
    assert _counters(relay, 0)["latched"] == b"127.0.0.2 %d" % a.port


def test_strangers_already_in_the_queue_are_not_relayed_with_the_first_packet(relay, party):
    """Connecting a socket keeps what was queued: these packets must be sorted out by hand."""
    a, b, stranger = party("127.0.0.2"), party("127.0.0.3"), party("127.0.0.9")
    b.told(relay.sdp("offer", call_id="c", from_tag="a", sdp=a.sdp()))
    a.told(relay.sdp("answer", call_id="c", from_tag="a", to_tag="b", sdp=b.sdp()))
    stranger.relay = a.relay
    relay.process.send_signal(19)  # SIGSTOP: all of this is in the queue when the relay wakes up
    a.say(rtp(1))
    stranger.say(rtp(2, b"evil"))
    a.say(rtp(3))
    stranger.say(rtp(4, b"evil"))
    relay.process.send_signal(18)
    assert b.hear() == rtp(1)
    assert b.hear() == rtp(3)
    a.say(rtp(5))
    assert b.hear() == rtp(5)


def test_a_lone_unexpected_source_is_believed_after_a_while_if_the_sdp_is_private(relay, party):
    """A carrier's NAT with several public addresses."""
    a, b, elsewhere = party("127.0.0.2"), party("127.0.0.3"), party("127.0.0.77")
    offer = relay.sdp(
        "offer", call_id="c", from_tag="a", sdp=a.sdp(host="192.168.1.20"), received_from=["IP4", "127.0.0.2"]
    )
    b.told(offer)
    elsewhere.told(relay.sdp("answer", call_id="c", from_tag="a", to_tag="b", sdp=b.sdp()))
    began = time.monotonic()
    number = 0
    b.rtp.settimeout(0.02)
    heard = b""
    while not heard and time.monotonic() < began + 5:
        number += 1
        elsewhere.say(rtp(number))
        try:
            heard = b.hear()
        except TimeoutError:
            continue
    assert heard == rtp(number)
    assert time.monotonic() - began > 0.15


def test_nobody_is_believed_before_the_sdp(relay, party):
    a, b, stranger = party("127.0.0.2"), party("127.0.0.3"), party("127.0.0.9")
    b.told(relay.sdp("offer", call_id="c", from_tag="a", sdp=a.sdp()))
    stranger.relay = b.relay
    for _ in range(5):
        stranger.say(rtp(1, b"evil"))
    a.told(relay.sdp("answer", call_id="c", from_tag="a", to_tag="b", sdp=b.sdp()))
    b.say(rtp(2))
    assert a.hear() == rtp(2)


def test_sdp_cannot_make_the_relay_send_to_names_or_groups(relay, party):
    for host in ("224.0.0.1", "255.255.255.255", "phone.acme.example"):
        a, b = party(), party()
        b.told(relay.sdp("offer", call_id=host, from_tag="a", via_branch="z", sdp=a.sdp(host=host)))
        a.told(relay.sdp("answer", call_id=host, from_tag="a", to_tag="b", via_branch="z", sdp=b.sdp()))
        b.say(rtp(1))
        b.report(b"\x80\xc9\x00\x01abcd")
        relay.until(lambda call=host: _counters(relay, 1, call)["packets"] == 1)
        assert _counters(relay, 1, host)["errors"] == 0, "nothing was tried"


def test_garbage_on_the_media_ports_is_counted_and_dropped(relay, party):
    a, b = party(), party()
    relay.call("c", a, b)
    rng = random.Random(5)
    a.say(rtp(1))
    assert b.hear() == rtp(1)
    garbage = [b"", b"\x80", b"\x00" * 200, b"\x40" + b"x" * 300, rng.randbytes(2000).replace(b"\x80", b"")]
    for junk in garbage:
        a.say(b"\x00" + junk)
    a.say(b"")
    a.say(rtp(2, b"x" * 3000))  # larger than any RTP packet should be, and still one
    assert b.rtp.recv(65_536) == rtp(2, b"x" * 3000)
    assert _counters(relay, 0)["dropped"] == len(garbage) + 1


def test_a_flood_on_one_port_is_cut_off(start_relay, party):
    relay = start_relay("24000-24199", "--max-rate", "100")
    a, b, c, d = party(), party(), party(), party()
    relay.call("c", a, b)
    relay.call("quiet", c, d)
    a.say(rtp(0))
    assert b.hear() == rtp(0)
    for number in range(400):
        a.say(rtp(number))
    c.say(rtp(7))
    assert d.hear() == rtp(7)
    assert _counters(relay, 0)["packets"] <= 101 + 32, "one second's worth, and what a learning port reads in one go"
    relay.until(lambda: _counters(relay, 0)["packets"] > 133)  # and it is read again later


def test_stragglers_from_before_a_new_sdp_are_not_latched_again(relay, party):
    a, b, moved = party("127.0.0.2"), party("127.0.0.3"), party("127.0.0.2")
    relay.call("c", a, b)
    a.say(rtp(1))
    assert b.hear() == rtp(1)
    keys = {"call_id": "c", "from_tag": "a", "to_tag": "b", "via_branch": "z2"}
    relay.sdp("offer", sdp=moved.sdp(), **keys)
    moved.told(relay.sdp("answer", sdp=b.sdp(), **keys))
    a.say(rtp(2, b"on its way before the answer"))
    moved.say(rtp(3))
    assert b.hear() == rtp(3)
    assert _counters(relay, 0)["latched"] == b"127.0.0.2 %d" % moved.port
