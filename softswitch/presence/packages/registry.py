"""The event packages by name. To add one, write a file beside this one and a line in PACKAGES."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from softswitch.dialplan.availability import OFFLINE
from softswitch.dialplan.plan import Person, Team
from softswitch.presence.board import Board
from softswitch.presence.compose import State
from softswitch.presence.document import Document
from softswitch.presence.packages import dialog, message_summary, presence, reg, winfo
from softswitch.presence.packages.winfo import Watcher
from softswitch.presence.ports import Mailboxes, Messages
from softswitch.presence.view import EVERYTHING, NOTHING


class Asked(NamedTuple):
    """What a package may look at to make its document."""

    board: Board
    mailboxes: Mailboxes
    watchers: Callable[[str, str], Sequence[Watcher]]
    """(site, person) to who watches her presence."""


class Subject(NamedTuple):
    """Whom the document is about, and for whom it is."""

    site: str
    who: Person | Team
    entity: str
    """The address that was subscribed to."""
    view: str
    """One of `view`."""


class Package(NamedTuple):
    """One event package."""

    content_type: bytes
    make: Callable[[Asked, Subject], Document]
    own: bool = False
    """Only somebody's own phones may subscribe to it."""
    teams: bool = False
    """Teams have it too."""


def _presence(asked: Asked, subject: Subject) -> Document:
    if subject.view == NOTHING:
        return presence.pidf(State(OFFLINE, "", "", ""), subject.entity)
    return presence.pidf(asked.board.state(subject.site, subject.who), subject.entity)


def _dialog(asked: Asked, subject: Subject) -> Document:
    lamps = [] if subject.view == NOTHING else asked.board.lamps(subject.site, subject.who)
    return dialog.dialog_info(lamps, subject.entity, subject.site, subject.view == EVERYTHING)


def _messages(asked: Asked, subject: Subject) -> Document:
    found = asked.mailboxes.messages(subject.site, subject.who.name)
    return message_summary.summary(found or Messages(0, 0), subject.entity)


def _reg(asked: Asked, subject: Subject) -> Document:
    who = subject.who
    return reg.reginfo(asked.board.bindings(subject.site, who) if isinstance(who, Person) else (), subject.entity)


def _winfo(asked: Asked, subject: Subject) -> Document:
    return winfo.watcherinfo(asked.watchers(subject.site, subject.who.name), subject.entity)


PACKAGES: Mapping[str, Package] = {
    "presence": Package(presence.CONTENT_TYPE, _presence, teams=True),
    "dialog": Package(dialog.CONTENT_TYPE, _dialog, teams=True),
    "message-summary": Package(message_summary.CONTENT_TYPE, _messages, own=True),
    "reg": Package(reg.CONTENT_TYPE, _reg, own=True),
    "presence.winfo": Package(winfo.CONTENT_TYPE, _winfo, own=True),
}
"""By the word in the Event header."""

ALLOW_EVENTS = b"Allow-Events: " + ", ".join(PACKAGES).encode()
