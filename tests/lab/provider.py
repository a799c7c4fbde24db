"""A provider of the public network: it challenges, rings, answers, fails and calls, as the test wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.flow import Flow
from softswitch.sip.message import Request

from .call import Call
from .exchange import Incoming
from .phone import Phone

if TYPE_CHECKING:
    from .lab import Lab

OFFICE = """
site: {domain: acme.example, timezone: Europe/Berlin, country: DE}
people:
  anna:
    number: 101
    places: {office: {phone: anna-desk}, mobile: {dial: 0170 1234567}}
    calls: [{ring: office, for: 15s, then: mobile}]
  carla: {number: 102, places: {home: {phone: carla-home}}}
  dario: {number: 103, places: {home: {phone: [dario-home, dario-laptop]}}}
teams:
  service team: {number: 200, members: [carla, dario]}
phones: {anna-desk: {}, carla-home: {}, dario-home: {}, dario-laptop: {}}
trunks:
  city: {peer: 198.51.100.7, user: acme, secret: city, channels: 4, number: +49 89 1234}
  backup: {peer: 198.51.100.8, channels: 2, number: +49 89 1234}
numbers: {+49 89 12340: anna, +49 89 12341: service team, +49 89 12342: "600"}
codes: {"600": echo}
outside:
  - {dial: [110, 112], via: [city, backup], emergency: yes}
  - {dial: +49 *, via: [city, backup], may: [anna, carla]}
  - {dial: + *, via: backup, limit: 1 at once, may: [anna]}
"""
"""An office with two trunks by address, 198.51.100.7 and .8, and everything that goes over them."""


class Provider(Phone):
    """Everybody outside is one phone, which rings. `challenges` has each INVITE proved by password."""

    def __init__(self, lab: Lab, host: str = "198.51.100.7", *, challenges: bool = False, **options: object) -> None:
        super().__init__(lab, "provider", host=host, site="provider.example", name="provider", **options)  # type: ignore[arg-type]
        self.challenges = challenges
        self.refuses = 0
        """A status that every INVITE is refused with at once."""
        self.silent = False
        """INVITEs are not even answered with 100."""
        self.proved: list[bytes] = []
        """The Authorization values that came."""

    def receive(self, data: bytes, flow: Flow) -> None:
        """A message from the switch, or only a sign that the way is still open."""
        if data.strip():
            super().receive(data, flow)

    def _request(self, incoming: Incoming) -> None:
        request = incoming.request
        if request.method == b"INVITE" and not request.to.tag:
            if self.silent:
                return
            if self.refuses:
                incoming.reply(self.refuses)
                return
            if self.challenges and not self._is_proved(request):
                value = b'WWW-Authenticate: Digest realm="provider.example", nonce="n%b", qop="auth"' % self.lab.word()
                incoming.reply(401, (value,))
                return
        super()._request(incoming)

    def _is_proved(self, request: Request) -> bool:
        value = request.get(b"authorization")
        if value is None:
            return False
        self.proved.append(value)
        return True

    @property
    def calls_in(self) -> list[Call]:
        """The calls that came to it."""
        return [call for call in self.calls if call.incoming is not None]

    def dials(self, number: str, *extra: str | bytes, caller: str = "+4930123", **options: object) -> Call:
        """Call a number of the firm."""
        host = self.lab.listeners[0].advertised_host
        sender = f"<sip:{caller}@provider.example>"
        return self.invites(f"sip:{number}@{host}", *extra, sender=sender, **options)  # type: ignore[arg-type]
