"""Any order of offers, answers, echoes and deletions: ports are never lost, and only PeerError escapes."""

from __future__ import annotations

import os

from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.errors import PeerError
from softswitch.media.relay.calls import Calls, Key
from softswitch.media.relay.pairs import Pairs
from softswitch.media.relay.plane import Plane
from softswitch.media.relay.pool import PortPool
from softswitch.media.relay.settings import Network, RelaySettings

_NETWORKS = (Network("lan", "127.0.0.1", "127.0.0.1"), Network("six", "::1", "::1"))
_FIRST, _LAST = 25_300, 25_339
_SETTINGS = RelaySettings("udp:127.0.0.1:1", _NETWORKS, _FIRST, _LAST, silence_seconds=10, held_seconds=20)

_LINES = st.sampled_from(
    [
        b"m=audio 4000 RTP/AVP 0\r\n",
        b"m=audio 4002 RTP/AVP 8\r\na=inactive\r\n",
        b"m=audio 0 RTP/AVP 0\r\n",
        b"m=video 4004 RTP/SAVP 96\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9\r\n",
        b"m=image 4006 udptl t38\r\nc=IN IP6 ::1\r\n",
        b"m=audio nonsense\r\n",
    ]
)
_AUDIO = st.just([b"m=audio 4000 RTP/AVP 0\r\n"])
_SDP = st.one_of(_AUDIO, st.lists(_LINES, max_size=3)).map(
    lambda lines: b"v=0\r\nc=IN IP4 127.0.0.1\r\n" + b"".join(lines)
)
_TAGS = st.sampled_from([b"a", b"a", b"b"])
_ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["offer", "offer", "answer", "answer", "echo", "delete", "sweep"]),
        _TAGS,
        st.one_of(st.just(b""), _TAGS),
        st.sampled_from([b"", b"z1", b"z2"]),
        _SDP,
        st.sampled_from(["lan", "lan", "lan", "six", "", "moon"]),
        st.sampled_from(["", "127.0.0.1", "::1", "junk"]),
    ),
    max_size=25,
)


@settings(max_examples=300, deadline=None)
@given(_ACTIONS)
def test_ports_are_in_a_session_or_free(actions):
    plane = Plane(1000)
    pool = PortPool(_FIRST, _LAST, seed=1)
    calls = Calls(_SETTINGS, Pairs(plane, pool, _NETWORKS))
    total = pool.free
    files = len(os.listdir("/proc/self/fd"))
    now = 0.0
    for action, from_tag, to_tag, branch, sdp, network, source in actions:
        now += 3.0
        try:
            if action == "delete":
                calls.delete(b"c", from_tag if branch else b"", branch)
            elif action == "sweep":
                calls.sweep(now)
            else:
                method = {"offer": calls.offer, "answer": calls.answer, "echo": calls.echo}[action]
                method(Key(b"c", from_tag, to_tag, branch), sdp, network, source, now)
        except PeerError as error:
            refused = error.status
            assert refused in (488, 503), "either is right here, nothing else"
        held = sum(
            (pair is not None) + (number is not None)
            for session in calls.sessions_of(b"c")
            for stream in session.streams
            for pair, number in zip(stream.pairs, stream.reserved, strict=True)
        )
        assert pool.taken == held
        assert pool.taken + pool.free == total
        assert len(calls.sessions_of(b"c")) == calls.sessions
        plane.run_once(0)
    calls.close()
    assert (pool.free, calls.sessions, len(calls)) == (total, 0, 0)
    assert len(os.listdir("/proc/self/fd")) == files
    plane.close()
