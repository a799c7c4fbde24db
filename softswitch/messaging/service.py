"""Messages to people: to every phone that is there, at once; to the others later, in order (RFC 3428).

A message stays with its sender's transaction as long as a phone may take it at once. When none can, or the phones
take too long to say, it is kept, and the sender is told 202 when that is durable. Each phone has one message under way
at a time, so that none overtakes another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from email.utils import formatdate
from functools import partial

from softswitch.dialplan.blocked import blocked
from softswitch.dialplan.facts import Facts
from softswitch.dialplan.plan import Person, Plan, Team
from softswitch.errors import PeerError
from softswitch.events import BindingChanged, Bus
from softswitch.messaging.delivery import Delivery
from softswitch.messaging.dispatch import Dispatch
from softswitch.messaging.form import kept_form, tail
from softswitch.messaging.letter import LONGEST_TEXT, Done, Letter, MessageStore, Rules
from softswitch.messaging.line import Line
from softswitch.messaging.mailbox import Mailbox, expiry, is_over, refused, taken
from softswitch.messaging.notice import failure_notice
from softswitch.messaging.post import Post
from softswitch.messaging.verdict import FEW_TRIES, Verdict
from softswitch.proxy.best import best_of
from softswitch.proxy.core import Core
from softswitch.proxy.firms import Caller, shown
from softswitch.proxy.forward import DEFAULT_MAX_FORWARDS, forward_response
from softswitch.sip.message import Request, Response
from softswitch.sip.uri import escape
from softswitch.transaction.server_other import ServerOther
from softswitch.transaction.timers import Timer

PATIENCE_SECONDS = 4.0
"""A sender waits no longer for what the phones say; a phone that lost its network would else take half a minute."""


Key = tuple[str, str]
"""(site, key of the person)."""


class Messaging:
    """All mailboxes, and what is under way to phones. The proxy's `MessageHandler`."""

    def __init__(
        self,
        core: Core,
        store: MessageStore,
        rules: Rules,
        bus: Bus,
        moment: Callable[[], AbstractContextManager[None]],
        on_error: Callable[[BaseException], None] = lambda error: None,
    ) -> None:
        """`moment` is put around what the store calls back; `on_error` is told why it failed."""
        self._core = core
        self._dispatch = Dispatch(core)
        self._store = store
        self._rules = rules
        self._moment = moment
        self._on_error = on_error
        self._boxes: dict[Key, Mailbox[Post]] = {}
        self._lines: dict[tuple[str, str], Line] = {}
        self._number = 0
        bus.subscribe(BindingChanged, self._on_binding)

    def take_over(self, letters: Iterable[Letter]) -> None:
        """What was kept by an earlier run; once, within a moment, before the first message."""
        for letter in letters:
            self._number = max(self._number, letter.number)
            post = self._post(letter, True)
            self._box(letter.site, letter.person).items.append(post)
            self._await_expiry(post)
        for site, person in self._boxes:
            for account in self._dispatch.phones(site, person):
                line = self._line(site, person, account)
                self._wake(line, line.registered(self._now, True))

    # -- what comes

    def on_message(self, request: Request, called: str, plan: Plan, caller: Caller, hops: int) -> bool:
        """A MESSAGE from outside any dialog; False when it is for nobody who has a mailbox. Raises PeerError."""
        destination = plan.lookup(called)
        sender = caller.plan.person_of(caller.account)
        sent_by = f"{sender.name}@{caller.plan.site}" if sender is not None else ""
        if isinstance(destination, Person):
            people: Sequence[str] = (destination.name,)
        elif isinstance(destination, Team):
            people = [name for name in destination.members if f"{name}@{plan.site}" != sent_by]
        else:
            return False
        if self._rules.size_bytes and len(request.body) > self._rules.size_bytes:
            raise PeerError(413)
        people = self._willing(people, self._core.facts(plan, called, shown(request), caller.account), plan)
        if not people:
            raise PeerError(480)
        mark = "\n".join(
            part.decode("utf-8", "replace") for part in (request.call_id, request.from_.tag, b"%d" % request.cseq[0])
        )
        same = self._box(plan.site, people[0]).same_as(mark)
        if same is not None and not same.kept:
            raise PeerError(482)
        if same is None and isinstance(destination, Person):
            self._dispatch.check_breadth(request, plan.site, people[0])
        server = self._core.layer.accept(request)
        assert isinstance(server, ServerOther)
        if same is not None:
            # Sent again by a sender who never heard that we have it, as after a restart.
            server.reply(202)
            return True
        wall = self._core.wall
        letter = Letter(
            plan.site,
            "",
            0,
            request.from_.uri.decode("utf-8", "replace")[:LONGEST_TEXT],
            sent_by,
            mark,
            wall,
            expiry(wall, request.get(b"expires"), self._rules),
            request.uri[:5].lower() == b"sips:",
            len(request.body),
            (caller.account,) if caller.plan is plan and caller.account else (),
        )
        if isinstance(destination, Team):
            content = kept_form(request, hops, self._core.private_lines(request), wall)
            # Even one that is for now only goes by the mailboxes, and needs a moment.
            letter = letter._replace(expires_at=max(letter.expires_at, wall + self._core.layer.values.lifetime))
            self._deposit(letter, [(plan.site, name) for name in people], content, server)
        else:
            self._pass_on(letter._replace(person=people[0]), request, hops, server)
        return True

    def _willing(self, people: Sequence[str], facts: Facts, plan: Plan) -> list[str]:
        """Who has phones and does not refuse this sender. Raises PeerError where the only one does."""
        found = []
        for name in people:
            refusal = blocked(plan.people[name], facts)
            if refusal is not None and len(people) == 1:
                raise PeerError(refusal.status, refusal.phrase)
            if refusal is None and self._dispatch.phones(plan.site, name):
                found.append(name)
        return found

    def _pass_on(self, letter: Letter, request: Request, hops: int, server: ServerOther) -> None:
        """To the phones that are there; what comes of it is told to the sender."""
        box = self._box(letter.site, letter.person)
        post = self._post(self._numbered(letter), False)
        post.request, post.server, post.hops = request, server, hops
        box.items.append(post)
        self._core.layer.wheel.arm(post.timer, self._now + PATIENCE_SECONDS)
        self._move(letter.site, letter.person)

    def _deposit(self, letter: Letter, people: Sequence[Key], content: bytes, server: ServerOther | None) -> None:
        """Straight into the mailboxes of several people; those that are full get none."""
        posts = []
        for site, person in people:
            box = self._box(site, person)
            if box.is_full(self._rules):
                self._note(letter, "message not kept", to=person, reason="too many wait already")
                self._tidy(site, person)
                continue
            post = self._post(self._numbered(letter._replace(site=site, person=person)), True)
            post.content = content
            box.items.append(post)
            posts.append(post)
        if posts:
            self._store.add([post.letter for post in posts], content, partial(self._added, posts, server))
        elif server is not None:
            server.reply(480, "Mailbox Full")

    # -- delivery

    def _move(self, site: str, person: str) -> None:
        """Have every free phone of a person get its next message, then look at the senders who wait."""
        for account in self._dispatch.phones(site, person):
            self._send_next(self._line(site, person, account))
        for post in list(self._box(site, person).items):
            if not post.kept and not post.gone:
                self._settle(post)
        self._tidy(site, person)

    def _send_next(self, line: Line) -> None:
        box = self._boxes.get((line.site, line.person))
        if box is None or not line.is_free(self._now):
            return
        post = box.next_for(line.account, self._core.wall)
        if post is None or not self._dispatch.ways(line.account, post.letter):
            return
        line.item = post
        if post.request is not None or post.content is not None:
            self._send(line, post, post.content)
        else:
            self._store.fetch(post.letter, partial(self._fetched, line, post))

    def _fetched(self, line: Line, post: Post, content: bytes | None) -> None:
        with self._moment():
            if post.gone or content is None:
                line.item = None
                if not post.gone:
                    self._unreadable(post)
                    self._wake(line, line.failed(self._now, False, 0.0))
                self._move(line.site, line.person)
            else:
                self._send(line, post, content)

    def _unreadable(self, post: Post) -> None:
        """The store gives no content out: after a few tries the messages behind it go on; a restart asks anew."""
        post.tries[""] = post.tries.get("", 0) + 1
        if post.tries[""] >= FEW_TRIES:
            self._note(post.letter, "message not readable", to=post.letter.person)
            self._drop(post)

    def _send(self, line: Line, post: Post, content: bytes | None) -> None:
        if not self._dispatch.send(line.account, post, content, partial(self._told, line, post)):
            line.item = None

    def _told(self, line: Line, post: Post, delivery: Delivery, verdict: Verdict, response: Response | None) -> None:
        """What came of a delivery."""
        line.item = None
        account = line.account
        if verdict is Verdict.PERHAPS:
            post.tries[account] = post.tries.get(account, 0) + 1
            verdict = Verdict.REFUSED if post.tries[account] >= FEW_TRIES else Verdict.LATER
        if verdict is Verdict.LATER:
            wait = _retry_after(response)
            self._wake(line, line.failed(self._now, delivery.silent, wait))
        else:
            line.worked()
        if not post.gone:
            if verdict is Verdict.TAKEN:
                self._taken(post, line, delivery, response)
            else:
                if response is not None and delivery.as_came:
                    post.refusals.append(response)
                if verdict is Verdict.REFUSED:
                    status = response.status if response is not None else 0
                    self._note(post.letter, "message refused", phone=account, status=status)
                    self._replace(post, refused(post.letter, account), line)
        self._move(line.site, line.person)

    def _taken(self, post: Post, line: Line, delivery: Delivery, response: Response | None) -> None:
        letter, server, account = post.letter, post.server, line.account
        if server is not None and not server.answered and response is not None:
            if delivery.as_came:
                server.respond(response.status, forward_response(response))
            else:
                server.reply(200)
        if post.kept:
            waited = round(self._core.wall - letter.received_at, 1)
            self._note(letter, "message delivered", to=letter.person, phone=account, after_seconds=waited)
        self._replace(post, taken(letter, account, self._core.wall), line)

    def _replace(self, post: Post, letter: Letter, line: Line) -> None:
        """Take over what a phone made of a letter, in the store too where it is kept.

        The phone gets its next one when that is durable: so a crash can make it get one message again, and not many.
        """
        post.letter = letter
        if not post.kept:
            return
        line.item = post
        done = partial(self._written, line)
        if not is_over(letter, self._dispatch.phones(letter.site, letter.person), self._rules):
            self._store.update(letter, done)
            self._await_expiry(post)
        elif letter.delivered_at:
            self._remove(post, done)
        else:
            self._fail(post, "every phone refused it", done)

    def _written(self, line: Line, error: BaseException | None) -> None:
        with self._moment():
            self._stored(error)
            line.item = None
            self._move(line.site, line.person)

    # -- the sender

    def _settle(self, post: Post) -> None:
        """Whether the sender of a message that is not kept can be told something by now."""
        letter = post.letter
        phones = self._dispatch.phones(letter.site, letter.person)
        lines = [self._line(letter.site, letter.person, phone) for phone in phones if phone not in letter.had]
        if is_over(letter, phones, self._rules):
            self._answer_refused(post)
            self._drop(post)
        elif any(line.item is post for line in lines):
            return  # a phone is about to say
        elif letter.delivered_at or all(line.item is None for line in lines):
            self._keep(post)

    def _answer_refused(self, post: Post) -> None:
        """No phone took it."""
        server = post.server
        if server is None or server.answered:
            return
        best = best_of(post.refusals)
        if best is None:
            server.reply(480)
        else:
            server.respond(best.status, forward_response(best))

    def _keep(self, post: Post) -> None:
        """Nobody can take it at once, or not every phone."""
        letter, request, server = post.letter, post.request, post.server
        box = self._box(letter.site, letter.person)
        assert request is not None
        assert server is not None
        if letter.expires_at <= self._core.wall or (not letter.delivered_at and box.is_full(self._rules)):
            full = letter.expires_at > self._core.wall
            if full:
                self._note(letter, "message not kept", to=letter.person, reason="too many wait already")
            if not server.answered:
                server.reply(480, "Mailbox Full" if full else "")
            self._drop(post)
            return
        post.content = kept_form(request, post.hops, self._core.private_lines(request), self._core.wall)
        post.kept = True
        post.request = None
        post.refusals.clear()
        self._await_expiry(post)
        self._store.add([letter], post.content, partial(self._added, [post], server))
        for surplus in box.surplus(self._rules):
            self._remove(surplus, self._stored)

    def _added(self, posts: Sequence[Post], server: ServerOther | None, error: BaseException | None) -> None:
        """What was to be kept is durable, or is not."""
        with self._moment():
            for post in posts:
                post.content = post.server = None
                if error is not None:
                    self._drop(post)
                elif not post.gone:
                    letter = post.letter
                    if not letter.delivered_at:
                        self._note(letter, "message kept", to=letter.person, sender=letter.sender)
                    self._await_expiry(post)
            self._stored(error)
            if server is not None and not server.answered:
                server.reply(500 if error is not None else 202)
            for key in dict.fromkeys((post.letter.site, post.letter.person) for post in posts):
                self._move(*key)

    def _stored(self, error: BaseException | None) -> None:
        if error is not None:
            self._on_error(error)

    # -- the end of a message

    def _due(self, post: Post) -> None:
        """The sender's patience is over, or the message has expired."""
        if post.gone:
            return
        letter = post.letter
        if not post.kept:
            self._keep(post)
        elif letter.expires_at > self._core.wall:
            self._await_expiry(post)
        elif letter.delivered_at:
            self._remove(post, self._stored)
        else:
            self._fail(post, "it waited for too long", self._stored)
        self._move(letter.site, letter.person)

    def _fail(self, post: Post, reason: str, done: Done) -> None:
        """Given up after the sender was told that it would be delivered: told as RFC 5438 has it, if asked for."""
        self._note(post.letter, "message given up", to=post.letter.person, sender=post.letter.sender, reason=reason)
        self._drop(post)
        self._store.fetch(post.letter, partial(self._give_notice, post.letter, done))

    def _give_notice(self, letter: Letter, done: Done, content: bytes | None) -> None:
        """The notice is kept before the message is forgotten: a crash in between repeats it."""
        person, _, site = letter.sender_person.rpartition("@")
        with self._moment():
            core, wall = self._core, self._core.wall
            notice = failure_notice(content, core.ids, site, wall) if content is not None and person else None
            if notice is not None:
                expires_at = expiry(wall, None, self._rules)
                told = Letter(
                    site, person, 0, notice.sender, "", notice.mark, wall, expires_at, False, len(notice.body)
                )
                self._deposit(told, [(site, person)], tail(DEFAULT_MAX_FORWARDS, notice.lines, notice.body), None)
            self._store.remove([letter], done)

    def _remove(self, post: Post, done: Done) -> None:
        """Out of the mailbox and the store; `done` as of the store."""
        if post.gone:
            done(None)
        else:
            self._drop(post)
            self._store.remove([post.letter], done)

    def _drop(self, post: Post) -> None:
        """Out of the mailbox."""
        post.gone = True
        post.timer.due = None
        box = self._boxes.get((post.letter.site, post.letter.person))
        if box is not None and post in box.items:
            box.items.remove(post)

    # -- time and phones

    def _on_binding(self, event: BindingChanged) -> None:
        if event.cause not in ("registered", "refreshed") or not self._boxes:
            return
        plan = self._core.firms.plan_at(event.site)
        person = plan.person_of(event.account) if plan is not None else None
        if person is None or (event.site, person.name) not in self._boxes:
            return
        with self._moment():
            line = self._line(event.site, person.name, event.account)
            self._wake(line, line.registered(self._now, event.cause == "registered"))

    def _wake(self, line: Line, due: float) -> None:
        """Look at a line again then."""
        self._core.layer.wheel.arm(line.timer, max(due, self._now))

    def _await_expiry(self, post: Post) -> None:
        self._core.layer.wheel.arm(post.timer, self._now + max(0.0, post.letter.expires_at - self._core.wall))

    @property
    def _now(self) -> float:
        return self._core.layer.now

    def _box(self, site: str, person: str) -> Mailbox[Post]:
        return self._boxes.setdefault((site, person), Mailbox())

    def _line(self, site: str, person: str, account: str) -> Line:
        line = self._lines.get((site, account))
        if line is None or line.person != person:
            timer = Timer(lambda now: self._move(site, person))
            line = self._lines[site, account] = Line(site, person, account, timer)
        return line

    def _tidy(self, site: str, person: str) -> None:
        """A person without messages costs nothing."""
        box = self._boxes.get((site, person))
        if box is not None and not box.items:
            del self._boxes[site, person]
            for account in self._dispatch.phones(site, person):
                line = self._lines.get((site, account))
                if line is not None and line.item is None:
                    line.timer.due = None
                    del self._lines[site, account]

    def _post(self, letter: Letter, kept: bool) -> Post:
        post: Post = Post(letter, kept, Timer(lambda now: self._due(post)))
        return post

    def _numbered(self, letter: Letter) -> Letter:
        self._number += 1
        return letter._replace(number=self._number)

    def _note(self, letter: Letter, event: str, **details: object) -> None:
        self._core.log.note(letter.call_id.encode(), event, **details)

    # -- for others

    def tell(self, site: str, person: str, text: str) -> None:
        """A message of the switch's own, to every phone of somebody: now, or when one registers."""
        core, wall = self._core, self._core.wall
        call_id, tag, domain = core.ids.call_id(site.encode()), core.ids.tag(), site.encode()
        body = text.encode()
        lines = (
            b"From: <sip:%b>;tag=%b" % (domain, tag),
            b"To: <sip:%b@%b>" % (escape(person.encode()), domain),
            b"Call-ID: " + call_id,
            b"CSeq: 1 MESSAGE",
            b"Date: " + formatdate(int(wall), usegmt=True).encode(),
            b"Content-Type: text/plain;charset=utf-8",
        )
        mark = "\n".join((call_id.decode(), tag.decode(), "1"))
        expires_at = expiry(wall, None, self._rules)
        letter = Letter(site, person, 0, f"sip:{site}", "", mark, wall, expires_at, False, len(body))
        self._deposit(letter, [(site, person)], tail(DEFAULT_MAX_FORWARDS, lines, body), None)

    def drain(self) -> None:
        """The switch stops: whoever still waits for an answer is told 202, once the message is kept."""
        for box in list(self._boxes.values()):
            for post in list(box.items):
                if not post.kept and post.server is not None and not post.server.answered:
                    self._keep(post)

    def counts(self) -> dict[str, int]:
        """How many messages wait, and for how many people."""
        waiting = [len(box.waiting()) for box in self._boxes.values()]
        return {"waiting": sum(waiting), "people": sum(1 for count in waiting if count)}

    def forget(self, site: str, person: str) -> None:
        """Drop what waits for somebody or was sent by her, out of memory; the store is the caller's."""
        for key, box in list(self._boxes.items()):
            for post in list(box.items):
                hers = key == (site, person) or post.letter.sender_person == f"{person}@{site}"
                if hers and post.kept:  # what just passes is not kept anywhere
                    self._drop(post)
            self._tidy(*key)


def _retry_after(response: Response | None) -> float:
    """Seconds of Retry-After; 0 for none."""
    value = (response.get(b"retry-after") or b"") if response is not None else b""
    digits = value.split(b"(")[0].split(b";")[0].strip()
    return float(digits) if digits.isdigit() and len(digits) < 9 else 0.0
