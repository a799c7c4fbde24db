"""Session descriptions, kept line for line (RFC 8866; offers and answers of RFC 3264).

A description is its lines with their own line ends, cut into the session's part and one section a media line. What is
not understood stays as it came; what is changed is changed in place. Phones take liberties (bare LF, blank lines, no
`s=` or `t=`, lines in another order): those pass. What we must be able to read to place a stream is checked here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from ..errors import PeerError

MAX_MEDIA = 16
"""More media lines than this are refused: each costs ports."""

DIRECTIONS = (b"sendrecv", b"sendonly", b"recvonly", b"inactive")

_DIRECTIONS = tuple(b"a=" + one for one in DIRECTIONS)
_ICE = (b"candidate", b"remote-candidates", b"end-of-candidates", b"ice-")
"""Attributes of RFC 8839 by how they begin."""
_SHARED_PORTS = (b"rtcp-mux", b"group:BUNDLE", b"bundle-only")
"""Several streams on one port: RFC 5761 (with rtcp-mux-only of RFC 8858), RFC 9143."""


@lru_cache(maxsize=16)
def _prefixes(attributes: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return tuple(b"a=" + one for one in attributes)


def _malformed(what: str, line: bytes = b"") -> PeerError:
    shown = line.strip()[:60].decode("ascii", "replace")
    return PeerError(488, f"SDP: {what}: {shown}" if shown else f"SDP: {what}")


def _port(text: bytes, line: bytes) -> int:
    if not text.isdigit() or len(text) > 5 or int(text) > 65535:
        raise _malformed("bad port", line)
    return int(text)


def _connection(line: bytes) -> str:
    """The address of a `c=` line: a literal or a name, without TTL and count."""
    fields = line[2:].split()
    if len(fields) != 3 or fields[0] != b"IN" or fields[1] not in (b"IP4", b"IP6"):
        raise _malformed("bad connection", line)
    host = fields[2].partition(b"/")[0]
    if not host:
        raise _malformed("bad connection", line)
    return host.decode("ascii", "replace")


def is_unspecified(host: str) -> bool:
    """Whether this is 0.0.0.0 or ::, the old way of saying "hold" (RFC 2543 §B.5, RFC 3264 §8.4)."""
    return host == "0.0.0.0" or (":" in host and not host.strip("0:"))


class Section:
    """The lines of the session's part, or of one media section; each with its own line end."""

    __slots__ = ("lines",)

    def __init__(self, lines: list[bytes]) -> None:
        self.lines = lines

    def find(self, prefix: bytes) -> bytes | None:
        """The first line that begins so, stripped, or None."""
        for line in self.lines:
            if line.startswith(prefix):
                return line.strip()
        return None

    def change(self, prefix: bytes, new: Callable[[bytes], bytes]) -> None:
        """Replace each line that begins so by `new(line)`, both without the line end, which is kept."""
        for index, line in enumerate(self.lines):
            if line.startswith(prefix):
                text = line.rstrip(b"\r\n")
                self.lines[index] = new(text) + line[len(text) :]

    def remove(self, attributes: tuple[bytes, ...]) -> None:
        """Remove the `a=` lines whose value begins with one of these."""
        prefixes = _prefixes(attributes)
        self.lines = [line for line in self.lines if not line.startswith(prefixes)]

    @property
    def host(self) -> str | None:
        """The connection address given in this section."""
        line = self.find(b"c=")
        return _connection(line) if line is not None else None

    @property
    def direction(self) -> bytes | None:
        """One of `DIRECTIONS`, where this section says so (RFC 8866 §6.7)."""
        for line in self.lines:
            if line.startswith(_DIRECTIONS) and line[2:].strip() in DIRECTIONS:
                return line[2:].strip()
        return None


class Media(Section):
    """One media section; its first line is the `m=` line."""

    __slots__ = ("formats", "kind", "port", "protocol")

    def __init__(self, lines: list[bytes]) -> None:
        """Raises PeerError(488) when the `m=` line can't be read."""
        super().__init__(lines)
        fields = lines[0][2:].split()
        if len(fields) < 3:
            raise _malformed("bad media line", lines[0])
        self.kind, port, self.protocol = fields[0], fields[1].partition(b"/")[0], fields[2]
        self.formats = fields[3:]
        self.port = _port(port, lines[0])
        """0 for a stream that is refused or taken away (RFC 3264 §6, §8.2)."""

    @property
    def is_rtp(self) -> bool:
        """Whether plain or secure RTP is spoken, and nothing else, on these ports."""
        return self.protocol.upper().startswith(b"RTP/")

    @property
    def rtcp(self) -> tuple[str | None, int]:
        """Where RTCP is wanted: the port after RTP's unless `a=rtcp` says otherwise (RFC 3605)."""
        line = self.find(b"a=rtcp:")
        if line is None:
            return None, min(self.port + 1, 65535)
        fields = line[7:].split()
        if len(fields) not in (1, 4):
            raise _malformed("bad a=rtcp", line)
        return (fields[3].decode("ascii", "replace") if len(fields) == 4 else None), _port(fields[0], line)


class Sdp:
    """A session description. `bytes(Sdp.parse(body)) == body`."""

    __slots__ = ("media", "session")

    def __init__(self, session: Section, media: list[Media]) -> None:
        self.session = session
        self.media = media

    @classmethod
    def parse(cls, body: bytes) -> Sdp:
        """Read a description; raises PeerError(488) when a stream couldn't be placed by it."""
        if b"\r" in body.replace(b"\r\n", b""):
            raise _malformed("a bare CR")  # a line end to some phones, to others not: they would see different streams
        parts: list[list[bytes]] = [[]]
        for line in body.splitlines(keepends=True):
            text = line.strip()
            if text and (len(text) < 2 or text[1:2] != b"=" or not text[:1].isalpha() or line[:1].isspace()):
                raise _malformed("not a line", line)
            if text.startswith(b"m="):
                parts.append([])
            parts[-1].append(line)
        session = Section(parts[0])
        if next((line for line in session.lines if line.strip()), b"")[:3] != b"v=0":
            raise _malformed("no version")
        if len(parts) - 1 > MAX_MEDIA:
            raise _malformed("too many media lines")
        sdp = cls(session, [Media(lines) for lines in parts[1:]])
        for media in sdp.media:
            if media.port and sdp.host(media) is None:
                raise _malformed("no connection address", media.lines[0])
            media.rtcp  # noqa: B018  a malformed a=rtcp is found here rather than half-way
        return sdp

    def __bytes__(self) -> bytes:
        return b"".join(self.session.lines) + b"".join(line for media in self.media for line in media.lines)

    def host(self, media: Media) -> str | None:
        """The connection address that holds for this media section."""
        return media.host or self.session.host

    def direction(self, media: Media) -> bytes:
        """The direction that holds for this media section, as its sender sees it."""
        return media.direction or self.session.direction or b"sendrecv"

    def is_held(self, media: Media) -> bool:
        """Whether the sender doesn't want to hear anything here."""
        host = self.host(media)
        return self.direction(media) in (b"sendonly", b"inactive") or (host is not None and is_unspecified(host))

    def remove_ice(self) -> None:
        """Take out what ICE added: behind a relay the only way is the one in `c=` and `m=` (RFC 8839 §4.2.1)."""
        for section in (self.session, *self.media):
            section.remove(_ICE)

    def remove_shared_ports(self) -> None:
        """Take out rtcp-mux and BUNDLE, so that each stream has ports of its own for RTP and RTCP."""
        for section in (self.session, *self.media):
            section.remove(_SHARED_PORTS)

    def place(self, host: str, ports: Sequence[tuple[int, int] | None]) -> None:
        """Say that all streams are received at `host`, a literal address.

        `ports` has an (RTP, RTCP) pair for each media section, or None for one that is refused. An address of
        zeros stays: it says "hold".
        """
        family = b"IP6" if ":" in host else b"IP4"
        address = host.encode()

        def connection(line: bytes) -> bytes:
            return line if is_unspecified(_connection(line)) else b"c=IN %s %s" % (family, address)

        def origin(line: bytes) -> bytes:
            fields = line.split()
            return b" ".join((*fields[:-2], family, address)) if len(fields) == 6 else line

        self.session.change(b"c=", connection)
        self.session.change(b"o=", origin)
        for media, pair in zip(self.media, ports, strict=True):
            media.change(b"c=", connection)
            media.port = pair[0] if pair else 0
            fields = (media.kind, b"%d" % media.port, media.protocol, *media.formats)
            text = b"m=" + b" ".join(fields)
            end = media.lines[0][len(media.lines[0].rstrip(b"\r\n")) :]
            media.lines[0] = text + end
            if pair:
                rtcp = b"a=rtcp:%d" % pair[1]
                media.change(b"a=rtcp:", lambda _, new=rtcp: new)  # type: ignore[misc]
