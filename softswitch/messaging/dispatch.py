"""What goes to a phone: to which of its contacts, and in which form (RFC 3261 §16.6)."""

from __future__ import annotations

from functools import partial
from zlib import crc32

from softswitch.errors import PeerError
from softswitch.flow import Flow
from softswitch.messaging.delivery import Attempt, Delivery, Outcome
from softswitch.messaging.form import sent_form
from softswitch.messaging.letter import Letter
from softswitch.messaging.post import Post
from softswitch.proxy.branch import target_of
from softswitch.proxy.core import Core
from softswitch.proxy.forward import forward_request
from softswitch.proxy.validate import loop_mark
from softswitch.registrar.bindings import Binding
from softswitch.sip.message import Request


class Dispatch:
    """People's phones, as the plan and the registrar know them."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def phones(self, site: str, person: str) -> tuple[str, ...]:
        """The accounts of somebody; none for who has left the dialplan."""
        plan = self._core.firms.plan_at(site)
        found = plan.people.get(person) if plan is not None else None
        if found is None:
            return ()
        return tuple(dict.fromkeys(phone for place in found.places.values() for phone in place.phones))

    def check_breadth(self, request: Request, site: str, person: str) -> None:
        """Raises PeerError(440) where a request may not become as many as somebody has contacts (RFC 5393 §5.3.3)."""
        if self._core.breadth_of(request) < self._count_ways(site, person):
            raise PeerError(440)

    def _count_ways(self, site: str, person: str) -> int:
        """How many contacts somebody has."""
        contacts, wall = self._core.contacts, self._core.wall
        return sum(len(contacts.bindings(site, phone, wall)) for phone in self.phones(site, person))

    def ways(self, account: str, letter: Letter) -> list[tuple[Binding, Flow]]:
        """The contacts of a phone that there is a way to: for what was sent to sips:, by TLS."""
        contacts, wall = self._core.contacts, self._core.wall
        return [
            (binding, flow)
            for binding in contacts.bindings(letter.site, account, wall)
            if (flow := contacts.flow_of(binding)) is not None
            and (flow.listener.transport == "TLS" or not letter.secure)
        ]

    def send(self, account: str, post: Post, content: bytes | None, outcome: Outcome) -> bool:
        """Send a message to a phone: the sender's own request as long as that waits, else its `content`.

        False when there is no way to the phone.
        """
        core, request = self._core, post.request
        ways = self.ways(account, post.letter)
        if not ways:
            return False
        if request is not None:
            form, mark = partial(self._forwarded, request, post), loop_mark(request)
        else:
            assert content is not None
            form, mark = partial(sent_form, content), b".%x" % crc32(post.letter.mark.encode())
        attempts = []
        for binding, flow in ways:
            branch = core.ids.branch() + mark
            routes = [value.encode() for value in binding.path]
            attempts.append(Attempt(branch, form(target_of(binding), flow.listener.via + branch, routes), flow))
        Delivery(request is not None, outcome).start(core.layer, attempts)
        return True

    def _forwarded(self, request: Request, post: Post, uri: bytes, via: bytes, routes: list[bytes]) -> bytes:
        remove = self._core.private_lines(request)
        extra: tuple[bytes, ...] = ()
        if (at := request.first.get(b"max-breadth")) is not None:
            # RFC 5393 §5.3: what each of them may use further on.
            share = self._core.breadth_of(request) // max(1, self._count_ways(post.letter.site, post.letter.person))
            remove, extra = [*remove, at], (b"Max-Breadth: %d" % share,)
        return forward_request(request, uri, via, post.hops, (), routes, None, remove, extra)
