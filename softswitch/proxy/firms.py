"""Whose request it is: the firms on this switch, their phones, and who may show which address (RFC 3261 §22, §26)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from softswitch.dialplan.plan import Plan
from softswitch.errors import PeerError
from softswitch.flow import Flow
from softswitch.proxy.ports import Contacts, Directory, Verifier
from softswitch.proxy.route import Addresses
from softswitch.sip.message import Request
from softswitch.sip.uri import Uri, parse_uri, unescape


class Caller(NamedTuple):
    """Who sent a request from outside any dialog."""

    account: str
    """The phone; "" for a peer."""
    plan: Plan
    """Of the firm whose phone it is, or that is called."""


class Firms:
    """The plans in force, by domain, and what they say about senders."""

    def __init__(
        self,
        plans: Mapping[str, Plan],
        addresses: Addresses,
        contacts: Contacts,
        directory: Directory,
        verifier: Verifier,
    ) -> None:
        self._addresses = addresses
        self._contacts = contacts
        self._directory = directory
        self._verifier = verifier
        self.use(plans)

    def use(self, plans: Mapping[str, Plan]) -> None:
        """Go by these plans from now on."""
        self.plans = plans
        """By the domain of the site."""
        self._plans = {site.lower().encode(): plan for site, plan in plans.items()}
        self._default = next(iter(plans.values()))
        self.realms = [b'realm="%b"' % site.encode() for site in plans]
        """How credentials that are meant for us say so."""

    def is_for_us(self, uri: Uri) -> bool:
        """Whether a URI names us or one of our firms."""
        return self._addresses.is_ours(uri) or uri.host in self._plans

    def plan_of(self, uri: Uri) -> Plan | None:
        """The firm that a URI's host names; one of our own addresses means the first firm."""
        plan = self._plans.get(uri.host)
        if plan is None and self._addresses.is_ours(uri):
            return self._default
        return plan

    def plan_at(self, site: str) -> Plan | None:
        """The firm of this domain."""
        return self._plans.get(site.lower().encode())

    def plan_of_sender(self, request: Request) -> Plan:
        """The firm that From names, else the first."""
        sender = request.from_.uri
        if sender[:4].lower() in (b"sip:", b"sips"):
            return self._plans.get(parse_uri(sender).host, self._default)
        return self._default

    def is_known(self, flow: Flow) -> bool:
        """Whether a listed peer or a registered phone is at this address."""
        return self._directory.peer(flow.host) is not None or self._contacts.knows(flow)

    def caller(self, request: Request, plan: Plan | None, now: float) -> Caller:
        """Who it is: a listed peer by address, anyone else by password. Raises PeerError(407 or 403)."""
        sender = request.from_.uri
        from_uri = parse_uri(sender) if sender[:4].lower() in (b"sip:", b"sips") else None
        own = self._plans.get(from_uri.host) if from_uri is not None else None
        home = own or plan or self._default
        if self._directory.peer(request.flow.host) is not None:
            return Caller("", home)
        account = self._verifier.verify(request, home.site, now, True)
        phone = home.phones.get(account)
        if phone is None:
            raise PeerError(403, "No Such Phone")
        if not phone.gateway and not self._may_show(home, account, sender, from_uri):
            raise PeerError(403, "From Is Not Yours")
        return Caller(account, home)

    def _may_show(self, home: Plan, account: str, sender: bytes, uri: Uri | None) -> bool:
        """Whether a phone that is no gateway may call as this: its person, or nobody."""
        if uri is not None:
            return _hides(uri) or self.speaks_for(home, account, uri)
        number = unescape(sender[4:].partition(b";")[0]).decode("utf-8", "replace")
        return sender[:4].lower() == b"tel:" and self._owns(home, account, number)

    def speaks_for(self, plan: Plan, account: str, uri: Uri) -> bool:
        """Whether this phone may use this address of record."""
        return self.plan_of(uri) is plan and self._owns(plan, account, uri.user_text)

    @staticmethod
    def _owns(plan: Plan, account: str, user: str) -> bool:
        if user == account:
            return True
        person = plan.person_of(account)
        return person is not None and user in person.aliases


def shown(request: Request) -> str:
    """Who the sender shows to be, as rules and records have it: a name, a number, or "" when hidden (RFC 3323 §4.1)."""
    sender = request.from_.uri
    scheme, _, rest = sender.partition(b":")
    if scheme.lower() not in (b"sip", b"sips"):
        return unescape(rest.partition(b";")[0]).decode("utf-8", "replace")
    uri = parse_uri(sender)
    return "" if _hides(uri) else uri.user_text


def _hides(uri: Uri) -> bool:
    return uri.host == b"anonymous.invalid" or uri.user_text.lower() == "anonymous"
