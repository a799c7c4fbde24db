"""The pure parts: what an answer means, when a line rests, who gets what next, and which notice was asked for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from contract.letters import letter

from softswitch.messaging.form import body_of, header_of, tail, text_of
from softswitch.messaging.letter import Rules
from softswitch.messaging.line import FIRST_REST_SECONDS, LONGEST_REST_SECONDS, Line
from softswitch.messaging.mailbox import CATCH_UP_SECONDS, Item, Mailbox, expiry, is_over, refused, taken
from softswitch.messaging.notice import failed_body, failure_wanted
from softswitch.messaging.verdict import VERDICTS, Verdict, together, verdict_of
from softswitch.transaction.timers import Timer

PAGE = (Path(__file__).parent.parent.parent / "docs/sysadmin.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("verdict", "row"), [(Verdict.LATER, r"^\| (408[\d, ]*\d)(?:,| or)"), (Verdict.PERHAPS, r"^\| (404[\d, ]*\d) \|")]
)
def test_the_page_has_the_statuses_of_the_table(verdict: Verdict, row: str) -> None:
    found = re.search(row, PAGE, re.M)
    assert found is not None
    assert [int(one) for one in found[1].split(",")] == sorted(
        s for s, (what, _) in VERDICTS.items() if what is verdict
    )


def test_every_final_status_means_something() -> None:
    assert {verdict_of(status) for status in range(200, 300)} == {Verdict.TAKEN}
    assert Verdict.TAKEN not in {verdict_of(status) for status in range(300, 700)}
    assert [verdict_of(status) for status in (405, 415, 488, 603, 407, 302)] == [Verdict.REFUSED] * 6


def test_of_several_contacts_the_most_hopeful_counts() -> None:
    assert together([Verdict.REFUSED, Verdict.LATER, Verdict.PERHAPS]) is Verdict.LATER
    assert together([Verdict.REFUSED, Verdict.PERHAPS]) is Verdict.PERHAPS
    assert together([Verdict.LATER, Verdict.TAKEN]) is Verdict.TAKEN


def line() -> Line:
    return Line("acme.example", "anna", "anna-desk", Timer(lambda now: None))


def test_a_rest_doubles_up_to_an_hour_and_is_forgotten_after_success() -> None:
    one = line()
    rests = [one.failed(0.0, False, 0.0) for _ in range(12)]
    assert rests[:3] == [FIRST_REST_SECONDS, 2 * FIRST_REST_SECONDS, 4 * FIRST_REST_SECONDS]
    assert rests[-1] == LONGEST_REST_SECONDS
    assert not one.is_free(LONGEST_REST_SECONDS - 1)
    one.worked()
    assert one.is_free(0.0)
    assert one.failed(0.0, False, 0.0) == FIRST_REST_SECONDS
    assert one.failed(0.0, False, 1e9) == LONGEST_REST_SECONDS


def test_what_ends_a_rest() -> None:
    spoke, silent = line(), line()
    spoke.failed(0.0, False, 0.0)
    silent.failed(0.0, True, 0.0)
    assert spoke.registered(1.0, anew=False) == FIRST_REST_SECONDS
    assert silent.registered(1.0, anew=False) < 2.0
    assert spoke.registered(1.0, anew=True) < 2.0


def test_who_registers_while_a_message_is_lost_is_tried_at_once() -> None:
    one = line()
    one.item = object()
    one.registered(1.0, anew=False)
    one.item = None
    assert one.failed(32.0, True, 0.0) < 33.0
    assert one.failed(64.0, True, 0.0) > 65.0


def test_next_is_the_first_that_this_phone_has_not_had() -> None:
    box: Mailbox[Item] = Mailbox()
    box.items = [Item(letter(n), True) for n in (1, 2, 3)]
    wall = letter(1).received_at
    box.items[0].letter = refused(letter(1), "anna-desk")
    second, first = box.next_for("anna-desk", wall), box.next_for("anna-home", wall)
    assert second is box.items[1]
    assert first is box.items[0]
    assert box.next_for("anna-home", letter(3).expires_at) is None
    assert box.same_as(letter(2).mark) is box.items[1]


def test_taken_counts_from_the_first_phone() -> None:
    wall = letter(1).received_at + 5
    once = taken(letter(1)._replace(expires_at=wall + 30 * 86_400), "anna-desk", wall)
    assert (once.delivered_at, once.expires_at) == (wall, wall + CATCH_UP_SECONDS)
    twice = taken(once, "anna-home", wall + 9)
    assert twice == once._replace(had=("anna-desk", "anna-home"))
    assert not is_over(once, ("anna-desk", "anna-home"), Rules())
    assert is_over(once, ("anna-desk", "anna-home"), Rules(every_phone=False))
    assert is_over(twice, ("anna-desk", "anna-home"), Rules())


@pytest.mark.parametrize(
    ("expires", "seconds"), [(None, 100), (b"60", 60), (b"0", 0), (b"600", 100), (b"soon", 100), (b"9" * 40, 100)]
)
def test_a_sender_may_shorten_and_not_lengthen(expires: bytes | None, seconds: int) -> None:
    assert expiry(1000.0, expires, Rules(keep_seconds=100)) == 1000 + seconds


def test_without_a_limit_a_message_stays() -> None:
    assert expiry(0.0, None, Rules(keep_seconds=0)) > 50 * 365 * 86_400


def test_what_is_kept_can_be_read() -> None:
    content = tail(7, [b"c: text/plain", b"Subject: one\r\n two"], b"a\r\n\r\nb")
    assert content.startswith(b"Max-Forwards: 7\r\n")
    assert header_of(content, b"content-type") == b"text/plain"
    assert header_of(content, b"subject") == b"one two"
    assert header_of(content, b"date") == b""
    assert body_of(content) == b"a\r\n\r\nb"
    assert text_of(content) == "a\r\n\r\nb"


CPIM = (
    "From: Carla <sip:carla@acme.example>\r\nTo: <sip:dario@acme.example>\r\n"
    "NS: {prefix}<urn:ietf:params:imdn>\r\n{name}Message-ID: 1<&2\r\n"
    "{name}Disposition-Notification: positive-delivery, negative-delivery\r\n\r\nContent-Type: text/plain\r\n\r\nhi"
)


@pytest.mark.parametrize(("prefix", "name"), [("imdn ", "imdn."), ("x ", "x."), ("", "")])
def test_a_notice_is_wanted_under_any_prefix(prefix: str, name: str) -> None:
    wanted = failure_wanted(b"Message/CPIM; charset=utf-8", CPIM.format(prefix=prefix, name=name).encode())
    assert wanted is not None
    assert wanted.message_id == "1<&2"
    body = failed_body(wanted, 1_800_000_000.0)
    assert b"<message-id>1&lt;&amp;2</message-id>" in body
    assert b"\r\nTo: Carla <sip:carla@acme.example>\r\n" in body
    assert b"<datetime>2027-01-15T08:00:00Z</datetime>" in body


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (b"text/plain", CPIM.format(prefix="imdn ", name="imdn.")),
        (b"message/cpim", CPIM.format(prefix="imdn ", name="other.")),
        (b"message/cpim", CPIM.format(prefix="imdn ", name="imdn.").replace("negative", "no")),
        (b"message/cpim", CPIM.format(prefix="imdn ", name="imdn.").replace("<sip:carla@acme.example>", "carla")),
        (b"message/cpim", ""),
        (b"message/cpim", "NS:\r\nNS: <>\r\n: \r\n"),
    ],
)
def test_none_is_sent_to_who_did_not_ask(kind: bytes, body: str) -> None:
    assert failure_wanted(kind, body.encode()) is None
