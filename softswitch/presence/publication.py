"""What devices publish: soft state with entity tags (RFC 3903). Pure; the times are wall clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from softswitch.errors import PeerError
from softswitch.presence.stored import StoredPublication

MOST_OF_A_PERSON = 20
"""Publications at once: some devices, and some that were lost without a word."""


class Content(NamedTuple):
    """What a device says; see `stored.StoredPublication`."""

    package: str
    open: bool
    activity: str
    note: str
    lamps: str = ""


class Told(NamedTuple):
    """A publication and what becomes of it."""

    now: StoredPublication | None
    """None when it was taken back."""
    before: StoredPublication | None


class Publications:
    """Of all people, by site, person and entity tag."""

    def __init__(self, new_tag: Callable[[], str]) -> None:
        self._held: dict[tuple[str, str], dict[str, StoredPublication]] = {}
        self._new_tag = new_tag

    def load(self, rows: Iterable[StoredPublication], wall: float) -> None:
        """Take over what was stored."""
        for row in rows:
            if row.expires_at > wall:
                self._held.setdefault((row.site, row.person), {})[row.etag] = row

    def of(self, site: str, person: str) -> list[StoredPublication]:
        """What devices say of somebody."""
        return list(self._held.get((site, person), {}).values())

    def __iter__(self) -> Iterator[StoredPublication]:
        for held in self._held.values():
            yield from held.values()

    def apply(
        self,
        site: str,
        person: str,
        account: str,
        if_match: str,
        content: Content | None,
        seconds: int,
        wall: float,
        package: str = "presence",
    ) -> Told:
        """Carry out one PUBLISH: make, refresh, change or (with 0 seconds) remove (RFC 3903 §6).

        `content` is None where the request has no body. Raises PeerError: 412 for an entity
        tag that nobody has or another's phone, 400 for a first publication without a body, 403 for too many.
        """
        held = self._held.get((site, person), {})
        before = held.get(if_match) if if_match else None
        if if_match and (before is None or before.expires_at <= wall):
            raise PeerError(412)
        if before is not None and (before.account != account or before.package != package):
            raise PeerError(412)
        if before is None:
            if content is None:
                raise PeerError(400, "Nothing Published")
            if len(held) >= MOST_OF_A_PERSON:
                raise PeerError(403, "Too Many Publications")
        if not seconds:
            if before is not None:
                self._drop(before)
            return Told(None, before)
        if content is None:
            assert before is not None
            content, at = (
                Content(before.package, before.open, before.activity, before.note, before.lamps),
                before.published_at,
            )
        else:
            at = wall
        now = StoredPublication(
            site, person, self._new_tag(), account, content.open, content.activity, content.note, at, wall + seconds,
            content.package, content.lamps,
        )  # fmt: skip
        if before is not None:
            self._drop(before)
        self._held.setdefault((site, person), {})[now.etag] = now
        return Told(now, before)

    def expire(self, wall: float) -> list[StoredPublication]:
        """Drop what nobody refreshed; it is returned."""
        gone = [row for held in self._held.values() for row in held.values() if row.expires_at <= wall]
        for row in gone:
            self._drop(row)
        return gone

    def forget(self, site: str, person: str) -> None:
        """Drop all of a person."""
        self._held.pop((site, person), None)

    def _drop(self, row: StoredPublication) -> None:
        held = self._held.get((row.site, row.person), {})
        held.pop(row.etag, None)
        if not held:
            self._held.pop((row.site, row.person), None)
