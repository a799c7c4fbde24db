"""The event packages by name. To add one, write a file beside this one and a line in PACKAGES."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from softswitch.dialplan.plan import Person, Team
from softswitch.presence.board import Board
from softswitch.presence.document import Document
from softswitch.presence.packages import dialog, message_summary, presence, reg, winfo
from softswitch.presence.packages.winfo import Watcher
from softswitch.presence.permission import member_view
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
    changes: Callable[[Document, Document], Document | None] | None = None
    """(before, now) to a partial document, where it has such."""


def _seen(asked: Asked, subject: Subject) -> list[tuple[Person, str]]:
    """The person, or the members of the team, and how much is to be seen of each; without those who show nothing."""
    who = subject.who
    if isinstance(who, Person):
        return [] if subject.view == NOTHING else [(who, subject.view)]
    people = asked.board.plans[subject.site].people
    found = [(people[name], member_view(who, people[name], subject.view)) for name in who.members]
    return [(person, view) for person, view in found if view != NOTHING]


def _presence(asked: Asked, subject: Subject) -> Document:
    seen = [person for person, _ in _seen(asked, subject)]
    if isinstance(subject.who, Person) and seen:
        state = asked.board.state(subject.site, subject.who)
    else:
        state = asked.board.state_of_all(subject.site, seen)
    return presence.pidf(state, subject.entity)


def _dialog(asked: Asked, subject: Subject) -> Document:
    seen = _seen(asked, subject)
    lamps = asked.board.lamps(subject.site, [person for person, _ in seen])
    details = all(view == EVERYTHING for _, view in seen)
    return dialog.dialog_info(lamps, subject.entity, subject.site, details)


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
    "dialog": Package(dialog.CONTENT_TYPE, _dialog, teams=True, changes=dialog.changes),
    "message-summary": Package(message_summary.CONTENT_TYPE, _messages, teams=True, own=True),
    "reg": Package(reg.CONTENT_TYPE, _reg, own=True),
    "presence.winfo": Package(winfo.CONTENT_TYPE, _winfo, own=True),
}
"""By the word in the Event header."""

ALLOW_EVENTS = b"Allow-Events: " + ", ".join(PACKAGES).encode()
