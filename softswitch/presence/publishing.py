"""PUBLISH: what a device says of its person, checked and kept (RFC 3903)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from softswitch.dialplan.availability import ON_THE_PHONE
from softswitch.dialplan.plan import Person, Plan
from softswitch.errors import PeerError
from softswitch.presence.board import Board
from softswitch.presence.dialoginfo import lamps_text, read_dialog_info
from softswitch.presence.limits import Admission, PresenceLimits
from softswitch.presence.packages.registry import ALLOW_EVENTS
from softswitch.presence.permission import Watching, is_own
from softswitch.presence.pidf import read_pidf
from softswitch.presence.publication import Content, Publications
from softswitch.presence.saving import Saver
from softswitch.presence.stored import PresenceChange, StoredPublication
from softswitch.presence.wants import event_of, seconds_of
from softswitch.sip.message import Request
from softswitch.transaction.layer import Layer
from softswitch.transaction.server_other import ServerOther


def _presence(body: bytes, account: str) -> Content:
    return Content("presence", *read_pidf(body))


def _dialog(body: bytes, account: str) -> Content:
    lamps = read_dialog_info(body, account)
    talks = any(one.talks for one in lamps)
    return Content("dialog", True, ON_THE_PHONE if talks else "", "", lamps_text(lamps))


READERS: Mapping[str, Callable[[bytes, str], Content]] = {"presence": _presence, "dialog": _dialog}
"""By event package: what is published, of which phone, as it is kept."""


def _said(row: StoredPublication) -> tuple[bool, str, str, str]:
    return row.open, row.activity, row.note, row.lamps


class Publishing:
    """Takes publications."""

    def __init__(
        self,
        layer: Layer,
        board: Board,
        publications: Publications,
        saver: Saver,
        limits: PresenceLimits,
        admission: Admission,
        wall: Callable[[], float],
        look: Callable[[float], None],
    ) -> None:
        """`look(now)`: those of whom something changed are looked at."""
        self._layer = layer
        self._board = board
        self._publications = publications
        self._saver = saver
        self._limits = limits
        self._admission = admission
        self._wall = wall
        self._look = look

    def on_publish(self, request: Request, plan: Plan, person: Person, watching: Watching) -> None:
        """A PUBLISH, its sender known. Raises PeerError."""
        event = event_of(request)
        if event.name not in READERS:
            raise PeerError(489, headers=(ALLOW_EVENTS,))
        if not (is_own(plan, person, watching) or (watching.peer and self._speaks(plan, person, watching.address))):
            raise PeerError(403, "Only for Yourself")
        # COMPAT: kamailio's pua_dialoginfo 5.6 says that a call is over for the last ten seconds of its publication.
        seconds = seconds_of(request, self._limits, request.has(b"sip-if-match"))
        if len(request.body) > self._limits.body_bytes:
            raise PeerError(413)
        self._admission.admit((watching.site, watching.account or watching.address))
        content = None
        if request.body:
            kind = (request.get(b"content-type") or b"").partition(b";")[0].strip().lower()
            if kind != event.package.content_type:
                raise PeerError(415, headers=(b"Accept: " + event.package.content_type,))
            content = READERS[event.name](request.body, watching.account)
        if self._layer.merged(request):
            raise PeerError(482)
        wall = self._wall()
        if_match = (request.get(b"sip-if-match") or b"").decode("latin-1")
        told = self._publications.apply(
            plan.site, person.name, watching.account, if_match, content, seconds, wall, event.name
        )
        server = self._layer.accept(request)
        assert isinstance(server, ServerOther)
        self._layer.remember(server)
        self._board.wall = wall
        if told.before is None or told.now is None or _said(told.now) != _said(told.before):
            self._board.look_at(plan.site, person.name, "published")
        tag = told.now.etag if told.now is not None else self._layer.ids.tag().decode()
        headers = (b"SIP-ETag: " + tag.encode(), b"Expires: %d" % seconds)
        if told.before is not None and told.now is not None:
            self._saver.save(PresenceChange(told.before, gone=True))
        row = told.now or told.before
        if row is None:
            server.reply(200, "", headers)  # what was never there is gone
            return
        change = PresenceChange(row, gone=told.now is None)
        self._saver.when_stored(change, server, lambda: server.reply(200, "", headers))
        # Nothing else follows from a PUBLISH, so there is nothing to gather it with.
        self._look(self._layer.now)

    @staticmethod
    def _speaks(plan: Plan, person: Person, address: str) -> bool:
        user, _, site = address.partition("@")
        return site == plan.site and user in person.aliases
