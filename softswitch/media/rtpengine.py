"""rtpengine as media engine: what it wants said otherwise than our own relay, and how it tells its figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .client import RelayClient, Replied
from .engine import Done, MediaEvent, MediaFailed, MediaKey
from .ng import Value
from .quality import StreamQuality, Told, mos
from .unheard import Unheard

_UNWANTED = (
    "AEAD_AES_256_GCM",  # COMPAT: baresip 1.0 chooses it, and then can't open what rtpengine 10.5 sends
    "AEAD_AES_128_GCM",
    "AES_256_CM_HMAC_SHA1_80",
    "AES_256_CM_HMAC_SHA1_32",
    "AES_192_CM_HMAC_SHA1_80",
    "AES_192_CM_HMAC_SHA1_32",
    "F8_128_HMAC_SHA1_80",
    "F8_128_HMAC_SHA1_32",
    "NULL_HMAC_SHA1_80",
    "NULL_HMAC_SHA1_32",
)
"""Suites of SDES that are not offered: those left are what every phone knows, and what our own relay offers."""


class RtpengineClient(RelayClient):
    """One daemon (its `listen-ng`, over UDP). Networks are its own business: its first interface serves all.

    It has no echo: calls that the switch takes itself go through our own relay. Silence it does not notice by itself,
    so it is asked (`unheard`).
    """

    speaks = False

    def __init__(
        self,
        host: str,
        port: int,
        waits: Sequence[float] = (0.25, 0.5, 1.0),
        ipv6_networks: frozenset[str] = frozenset(),
    ) -> None:
        """`host` is a literal address. Phones in `ipv6_networks` are told an IPv6 address, all others an IPv4 one."""
        super().__init__((host, port), waits)
        self.name = f"rtpengine [{host}]:{port}" if ":" in host else f"rtpengine {host}:{port}"
        self._transports: dict[str, dict[str, str]] = {}
        """By Call-ID and party: the form in which offers go to it, for its later ones say nothing of that."""
        self._ipv6_networks = ipv6_networks

    def open(self) -> None:
        super().open()
        self._unheard = Unheard(self._query, self._tell_of, self._loop.call_later)

    def close(self) -> None:
        if self._sock is not None:
            self._unheard.close()
        super().close()

    def answer(self, key: MediaKey, sdp: bytes, to_network: str, source: str, done: Done) -> None:
        def placed(result: bytes | MediaFailed) -> None:
            if isinstance(result, bytes):
                self._unheard.said(key.call_id, key.to_tag, sdp)
                self._unheard.answered(key)
            done(result)

        super().answer(key, sdp, to_network, source, placed)

    def echo(self, key: MediaKey, sdp: bytes, to_network: str, source: str, done: Done) -> None:
        self._loop.call_soon(done, MediaFailed(488, "rtpengine has no echo"))

    def delete(self, call_id: str, from_tag: str = "", via_branch: str = "", told: Told | None = None) -> None:
        """It tells no figures with a deletion: they are asked for before."""

        def ask_first(found: Sequence[StreamQuality]) -> None:
            assert told is not None
            told(found)
            self._delete(call_id, from_tag, via_branch)

        if told is not None:
            self.query(call_id, ask_first)
        else:
            self._delete(call_id, from_tag, via_branch)

    def query(self, call_id: str, told: Told) -> None:
        self._query(call_id, lambda reply: told(figures(reply) if reply is not None else []))

    def _query(self, call_id: str, replied: Replied) -> None:
        self.request({"command": "query", "call-id": call_id}, replied)

    def _tell_of(self, event: str, key: MediaKey, tag: str) -> None:
        for heard in self._heard.get(event, ()):
            heard(MediaEvent(event, key.call_id, key.from_tag, tag, {}))

    def _delete(self, call_id: str, from_tag: str, via_branch: str) -> None:
        if not from_tag:
            self._transports.pop(call_id, None)
            self._unheard.forget(call_id)
        message: dict[str, Value] = {"command": "delete", "call-id": call_id, "delete-delay": 0}
        if from_tag:
            message["from-tag"] = from_tag
        if via_branch:
            message["via-branch"] = via_branch
        self.request(message, lambda reply: None)

    def _finished(self, message: dict[str, Value], key: MediaKey, transport: str, sdp: bytes) -> None:
        message["address family"] = "IP6" if message.pop("to-interface", None) in self._ipv6_networks else "IP4"
        message["rtcp-mux"] = ["demux"]
        message.pop("music", None)
        flags = message.get("flags", [])
        # Once a party is known, nobody else's packets are taken; before, it is looked for where its signalling is from.
        wanted = ["strict source", *(["SIP source address"] if "received-from" in message else [])]
        message["flags"] = [*(flags if isinstance(flags, list) else []), *wanted]
        if message["command"] != "offer":
            return
        self._unheard.said(key.call_id, key.from_tag, sdp)
        message["DTLS"] = "off"
        message["SDES"] = [f"no-{suite}" for suite in _UNWANTED]
        forms = self._transports.setdefault(key.call_id, {})
        if transport:
            forms[key.from_tag] = transport
        elif key.from_tag in forms:
            self._ask_for(message, forms[key.from_tag])
        elif b" UDP/TLS/" in sdp:
            self._ask_for(message, "RTP/AVP")  # a browser calls a telephone


def figures(reply: dict[str, Value]) -> list[StreamQuality]:
    """What an answer to `query` has of each party's sound. Scores come from RTCP, where the parties send it."""
    found: list[StreamQuality] = []
    tags: Any = reply.get("tags")
    sources: Any = reply.get("SSRC")
    for tag, party in tags.items() if isinstance(tags, dict) else ():
        for media in party.get("medias", ()):
            streams = media.get("streams") or [{}]
            packets = streams[0].get("stats", {}).get("packets", 0)
            if not packets:
                continue
            codec = media.get("codec", b"").decode("ascii", "replace").partition("/")[0]
            known = sources.get(str(streams[0].get("SSRC")), {}) if isinstance(sources, dict) else {}
            average = known.get("average MOS", {})
            loss = average.get("packet loss", -100) / 100
            jitter, trip = float(average.get("jitter", 0)), average.get("round-trip time", -1000) / 1000
            kind = media.get("type", b"audio").decode("ascii", "replace")
            score = mos(codec, max(0.0, loss), jitter, max(0.0, trip)) if kind == "audio" and average else 0.0
            found.append(StreamQuality(str(tag), kind, codec, packets, 0, jitter, loss, trip, score, ()))
    return found
