"""Messages to people: now to those who are there, later to those who are not; in order, and once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from lab import Lab, Phone
from lab.exchange import Exchange
from lab.lab import OFFICE
from lab.slowstore import SlowMessageStore

from softswitch.messaging.letter import Done, Letter, Rules
from softswitch.store.memory_messages import MemoryMessageStore

TEXT = "Content-Type: text/plain"


def says(phone: Phone, to: str, text: str, *extra: str) -> Exchange:
    """A message, and the moment that an answer at once takes."""
    exchange = phone.sends("MESSAGE", to, TEXT, *extra, body=text.encode())
    phone.lab.advance()
    return exchange


def heard(phone: Phone) -> list[str]:
    """The texts that came to a phone."""
    return [request.body.decode() for request in phone.requests_of("MESSAGE")]


def waiting(lab: Lab) -> int:
    assert lab.switch.messaging is not None
    return lab.switch.messaging.counts()["waiting"]


@pytest.fixture
def carla(lab: Lab) -> Phone:
    return lab.phone("carla-home")


def test_between_people_who_are_there_nothing_is_kept(lab: Lab, carla: Phone) -> None:
    anna, mobile = lab.phone("anna-desk"), lab.phone("anna-mobile")
    message = says(carla, "101", "lunch?", "s: Lunch", "X-Thing: untouched")
    assert message.statuses == [200]
    assert heard(anna) == heard(mobile) == ["lunch?"]
    came = anna.requests_of("MESSAGE")[0]
    assert b"s: Lunch" in came.lines
    assert came.get(b"x-thing") == b"untouched"
    assert not came.has(b"proxy-authorization")
    lab.at_rest()


def test_the_clock_of_calls_does_not_matter(lab: Lab, carla: Phone) -> None:
    """At nine on a Monday a call rings at the office; a message goes to the mobile as well."""
    mobile = lab.phone("anna-mobile")
    assert says(carla, "101", "hello").status == 200
    assert heard(mobile) == ["hello"]


def test_who_is_not_there_gets_it_later_in_order_and_once(lab: Lab, carla: Phone) -> None:
    messages = [says(carla, "103", f"number {n}") for n in range(5)]
    assert [message.status for message in messages] == [202] * 5
    assert waiting(lab) == 5
    lab.advance(3600)
    dario = lab.phone("dario-home")
    laptop = lab.phone("dario-laptop")
    lab.advance(5)
    assert heard(dario) == heard(laptop) == [f"number {n}" for n in range(5)]
    sent = carla.exchanges[messages[0].branch]
    came = dario.requests_of("MESSAGE")[0]
    assert came.get(b"date") is not None
    assert came.call_id.decode() in sent.sent.decode()
    assert came.from_.tag.decode() in sent.sent.decode()
    dario.registers()
    lab.advance(5)
    assert len(heard(dario)) == 5
    assert waiting(lab) == 0
    lab.at_rest()


def test_date_is_kept_when_there_is_one(lab: Lab, carla: Phone) -> None:
    says(carla, "103", "old", "Date: Sat, 13 Nov 2010 23:29:00 GMT")
    dario = lab.phone("dario-home")
    lab.advance(5)
    assert dario.requests_of("MESSAGE")[0].all(b"date") == [b"Sat, 13 Nov 2010 23:29:00 GMT"]


def test_a_restart_loses_nothing_and_repeats_nothing(lab: Lab, carla: Phone) -> None:
    for n in range(3):
        assert says(carla, "103", str(n)).status == 202
    lab.starts_switch()
    assert waiting(lab) == 3
    says(carla, "103", "3")
    dario, laptop = lab.phone("dario-home"), lab.phone("dario-laptop")
    lab.advance(5)
    lab.starts_switch()
    lab.advance(60)
    assert heard(dario) == heard(laptop) == ["0", "1", "2", "3"]


def test_registered_phones_are_tried_after_a_restart(lab: Lab, carla: Phone) -> None:
    dario = lab.phone("dario-home")
    dario.replies["MESSAGE"] = (503, (), b"")
    assert says(carla, "103", "hello").status == 202
    dario.replies.clear()
    lab.starts_switch()
    lab.advance(3)
    assert heard(dario) == ["hello", "hello"]


def test_a_phone_that_was_off_catches_up_for_three_days(lab: Lab, carla: Phone) -> None:
    dario = lab.phone("dario-home")
    assert says(carla, "103", "hello").status == 200
    assert waiting(lab) == 0
    laptop = lab.phone("dario-laptop")
    lab.advance(5)
    assert heard(laptop) == ["hello"]
    assert heard(dario) == ["hello"]
    lab.at_rest()


def test_after_three_days_it_does_not(lab: Lab, carla: Phone) -> None:
    dario = lab.phone("dario-home")
    says(carla, "103", "hello")
    lab.advance(3 * 86_400 + 60)
    laptop = lab.phone("dario-laptop")
    lab.advance(5)
    assert heard(laptop) == []
    assert heard(dario) == ["hello"]
    lab.at_rest()


def test_where_one_phone_is_enough() -> None:
    lab = Lab(rules=Rules(every_phone=False))
    carla, dario = lab.phone("carla-home"), lab.phone("dario-home")
    assert says(carla, "103", "hello").status == 200
    laptop = lab.phone("dario-laptop")
    lab.advance(5)
    assert heard(laptop) == []
    assert heard(dario) == ["hello"]
    lab.at_rest()


def test_a_phone_that_is_gone_without_a_word(lab: Lab, carla: Phone) -> None:
    """The sender is told in time that it is kept, and the phone gets it when it is back."""
    dario, laptop = lab.phone("dario-home"), lab.phone("dario-laptop")
    laptop.replies["MESSAGE"] = (405, (), b"")
    dario.switches_off()
    message = carla.sends("MESSAGE", "103", TEXT, body=b"one")
    second = says(carla, "103", "two")
    lab.advance(5)
    assert message.status == second.status == 202
    lab.advance(60)
    dario.deaf = False
    dario.registers()
    lab.advance(5)
    assert heard(dario) == ["one", "two"]
    lab.at_rest()


def test_nothing_overtakes(lab: Lab, carla: Phone) -> None:
    """The first one is lost on the wire for a while; the second waits behind it."""
    dario, laptop = lab.phone("dario-home"), lab.phone("dario-laptop")
    laptop.replies["MESSAGE"] = (405, (), b"")
    dario.replies["MESSAGE"] = (0, (), b"")
    first = says(carla, "103", "one")
    dario.replies.clear()
    dario.incoming.clear()
    dario.requests.clear()
    second = says(carla, "103", "two")
    lab.advance(5)
    assert (first.status, second.status) == (200, 200)
    assert heard(dario) == ["one", "two"]


@pytest.mark.parametrize("status", [400, 405, 413, 415, 488, 493, 501, 603, 606])
def test_a_phone_that_refuses_is_not_asked_again(lab: Lab, carla: Phone, status: int) -> None:
    dario = lab.phone("dario-home")
    assert says(carla, "103", "no").status == 200
    dario.replies["MESSAGE"] = (status, (), b"")
    dario.requests.clear()
    laptop = lab.phone("dario-laptop")
    lab.advance(2)
    message = says(carla, "103", "hello")
    assert message.status == 200
    assert heard(laptop) == ["no", "hello"]
    laptop.replies["MESSAGE"] = (status, (b"Accept: text/html",), b"")
    message = says(carla, "103", "again")
    assert message.status == status
    assert message.final is not None
    lab.advance(7200)
    dario.registers()
    lab.advance(60)
    assert heard(dario) == ["hello", "again"]
    lab.at_rest()


@pytest.mark.parametrize("status", [408, 480, 486, 500, 503, 600])
def test_a_phone_that_cannot_now_is_asked_again(lab: Lab, carla: Phone, status: int) -> None:
    dario, laptop = lab.phone("dario-home"), lab.phone("dario-laptop")
    laptop.replies["MESSAGE"] = (405, (), b"")
    dario.replies["MESSAGE"] = (status, (), b"")
    message = says(carla, "103", "hello")
    assert message.status == 202
    assert says(carla, "103", "there").status == 202
    lab.advance(20)
    dario.replies.clear()
    dario.requests.clear()
    lab.advance(60)
    assert heard(dario) == ["hello", "there"]
    lab.at_rest()


def test_the_rest_between_tries_grows(lab: Lab, carla: Phone) -> None:
    dario, laptop = lab.phone("dario-home"), lab.phone("dario-laptop")
    laptop.replies["MESSAGE"] = (405, (), b"")
    dario.replies["MESSAGE"] = (480, (), b"")
    says(carla, "103", "hello")
    for _ in range(24):
        lab.advance(300)
        dario.registers()
    assert 8 <= len(heard(dario)) <= 12
    dario.replies.clear()
    dario.registers(0)
    lab.advance()
    dario.registers()
    before = len(heard(dario))
    lab.advance(3)
    assert len(heard(dario)) == before + 1


def test_retry_after_is_heeded(lab: Lab, carla: Phone) -> None:
    dario, laptop = lab.phone("dario-home"), lab.phone("dario-laptop")
    laptop.replies["MESSAGE"] = (405, (), b"")
    dario.replies["MESSAGE"] = (503, (b"Retry-After: 120 (starting)",), b"")
    says(carla, "103", "hello")
    lab.advance(115)
    assert len(heard(dario)) == 1
    lab.advance(10)
    assert len(heard(dario)) == 2


def test_a_message_that_a_phone_chokes_on_is_not_in_the_way_for_ever(lab: Lab, carla: Phone) -> None:
    dario, laptop = lab.phone("dario-home"), lab.phone("dario-laptop")
    laptop.replies["MESSAGE"] = (405, (), b"")
    dario.replies["MESSAGE"] = (500, (), b"")
    assert says(carla, "103", "poison").status == 202
    lab.advance(400)
    assert heard(dario) == ["poison"] * 5
    dario.replies.clear()
    assert says(carla, "103", "hello").status == 200
    assert waiting(lab) == 0
    assert lab.notes("message given up")[0]["reason"] == "every phone refused it"
    lab.at_rest()


def test_a_message_expires(lab: Lab, carla: Phone) -> None:
    assert says(carla, "103", "soon", "Expires: 60").status == 202
    assert says(carla, "103", "stays").status == 202
    assert says(carla, "103", "now or never", "Expires: 0").status == 480
    lab.advance(70)
    assert waiting(lab) == 1
    dario = lab.phone("dario-home")
    lab.advance(5)
    assert heard(dario) == ["stays"]
    assert says(carla, "103", "now or never", "Expires: 0").status == 200


def test_at_last_it_is_given_up() -> None:
    lab = Lab(rules=Rules(keep_seconds=7200))
    carla = lab.phone("carla-home")
    says(carla, "103", "hello")
    says(carla, "103", "hello", "Expires: 999999999")
    lab.advance(7100)
    assert waiting(lab) == 2
    lab.advance(200)
    assert waiting(lab) == 0
    assert lab.notes("message given up")[0]["reason"] == "it waited for too long"


def test_so_many_and_no_more() -> None:
    lab = Lab(rules=Rules(count=2, size_bytes=10))
    carla, anna = lab.phone("carla-home"), lab.phone("anna-desk")
    assert [says(carla, "103", "hello").status for _ in range(3)] == [202, 202, 480]
    assert says(carla, "101", "x" * 10).status == 200
    assert says(carla, "101", "x" * 11).status == 413
    assert says(anna, "103", "hello").status == 480
    dario, laptop = lab.phone("dario-home"), lab.phone("dario-laptop")
    lab.advance(5)
    assert heard(dario) == heard(laptop) == ["hello", "hello"]
    assert says(anna, "103", "hello").status == 200


def test_what_others_of_hers_took_does_not_fill_the_mailbox() -> None:
    lab = Lab(rules=Rules(count=2))
    carla, dario = lab.phone("carla-home"), lab.phone("dario-home")
    assert [says(carla, "103", str(n)).status for n in range(6)] == [200] * 6
    laptop = lab.phone("dario-laptop")
    lab.advance(5)
    assert heard(dario) == list("012345")
    assert heard(laptop) == list("45")
    lab.at_rest()


def test_a_message_to_oneself_goes_to_ones_other_phones(lab: Lab, carla: Phone) -> None:
    dario = lab.phone("dario-home")
    assert says(dario, "103", "note").status == 202
    assert says(carla, "102", "note").status == 480
    laptop = lab.phone("dario-laptop")
    lab.advance(5)
    assert heard(laptop) == ["note"]
    assert heard(dario) == []
    lab.at_rest()


def test_a_team_has_it_at_every_member(lab: Lab) -> None:
    anna, carla = lab.phone("anna-desk"), lab.phone("carla-home")
    assert says(anna, "200", "the lift is stuck").status == 202
    lab.advance(2)
    assert heard(carla) == ["the lift is stuck"]
    assert waiting(lab) == 1
    dario = lab.phone("dario-home")
    lab.advance(5)
    assert heard(dario) == ["the lift is stuck"]
    assert dario.requests_of("MESSAGE")[0].to.uri == b"sip:200@acme.example"
    assert says(carla, "200", "mended").status == 202
    lab.advance(2)
    assert heard(dario)[-1] == "mended"
    assert len(heard(carla)) == 1


BLOCKING = OFFICE.replace(
    "people:\n",
    """people:
  boss:
    number: 100
    places: {desk: {phone: boss-desk}}
    calls:
      - {from: anonymous, ring: reject}
      - {from: carla, ring: reject}
      - {when: office hours, ring: reject}
""",
).replace("phones:\n", "phones:\n  boss-desk: {secret: boss-desk}\n", 1)


def test_who_is_refused_as_a_caller_does_not_get_through_in_writing_either() -> None:
    """A rule for the sender counts; one for the hour does not."""
    lab = Lab(BLOCKING)
    carla, dario, boss = lab.phone("carla-home"), lab.phone("dario-home"), lab.phone("boss-desk")
    assert says(carla, "100", "please").status == 603
    hidden = dario.sends("MESSAGE", "100", sender="<sip:anonymous@anonymous.invalid>")
    lab.advance()
    assert hidden.status == 603
    assert says(dario, "100", "hello").status == 200
    assert heard(boss) == ["hello"]


def test_nobody_and_a_service_have_no_mailbox(lab: Lab, carla: Phone) -> None:
    assert says(carla, "999", "hello").status == 404
    assert says(carla, "600", "hello").status == 405


def test_the_same_message_again_is_kept_once(lab: Lab, carla: Phone) -> None:
    """Its sender missed our answer, and we were started anew in between."""
    message = says(carla, "103", "hello")
    lab.starts_switch()
    carla.sender(message.sent.replace(b"branch=z9hG4bK", b"branch=z9hG4bKa"))
    lab.advance()
    again = carla.sends("MESSAGE", "103", TEXT, body=b"other")
    lab.advance()
    assert again.status == 202
    assert waiting(lab) == 2


def test_sips_waits_for_tls(lab: Lab, carla: Phone) -> None:
    message = carla.sends("MESSAGE", "sips:103@acme.example", TEXT, body=b"secret")
    lab.advance()
    assert message.status == 202
    dario = lab.phone("dario-home")
    lab.advance(5)
    assert heard(dario) == []
    assert waiting(lab) == 1


def test_over_tcp_and_after_a_lost_connection(lab: Lab, carla: Phone) -> None:
    dario = lab.phone("dario-home", tcp=True)
    assert dario.stream is not None
    dario.stream.close()
    lab.advance()
    assert says(carla, "103", "hello").status == 202
    dario.registers()
    lab.advance(5)
    assert heard(dario) == ["hello"]


def test_a_peer_may_write_too(lab: Lab) -> None:
    peer = lab.phone("trunk", "198.51.100.200", registered=False, password="", site="provider.example")
    lab.directory.peers[peer.host] = "provider"
    assert says(peer, "sip:103@acme.example", "your parcel").status == 202
    dario = lab.phone("dario-home")
    lab.advance(5)
    assert heard(dario) == ["your parcel"]


def test_stopping_answers_whoever_waits(lab: Lab, carla: Phone) -> None:
    dario = lab.phone("dario-home")
    dario.switches_off()
    message = says(carla, "103", "hello")
    assert message.status == 0
    lab.switch.drain()
    lab.advance(0.1)
    assert message.status == 202


class FullDisk(MemoryMessageStore):
    """Takes nothing."""

    def add(self, letters: Sequence[Letter], content: bytes, done: Done) -> None:
        done(OSError("the disk is full"))


def test_what_cannot_be_stored_is_not_promised(lab: Lab, carla: Phone) -> None:
    lab.message_store = FullDisk()
    lab.starts_switch()
    lab.advance()
    for to in ("103", "200"):
        message = carla.sends("MESSAGE", to, TEXT, body=b"hello")
        lab.events.advance(2)
        assert message.status == 500
        assert str(lab.log.bugs.pop()) == "the disk is full"
    assert waiting(lab) == 0
    dario = lab.phone("dario-home")
    lab.advance(5)
    assert heard(dario) == []


# -- notices (RFC 5438)

CPIM = """\
From: Carla <sip:carla@acme.example>\r
To: Dario <sip:dario@acme.example>\r
DateTime: 2026-11-23T09:00:00Z\r
NS: imdn <urn:ietf:params:imdn>\r
imdn.Message-ID: 34jk324j\r
imdn.Disposition-Notification: positive-delivery, {}\r
\r
Content-Type: text/plain\r
\r
hello & <b>"""


def test_a_notice_of_the_phone_passes(lab: Lab, carla: Phone) -> None:
    """What the recipient's phone tells the sender's is a message like any other: it waits too."""
    dario = lab.phone("dario-home")
    body = CPIM.format("display").encode()
    carla.sends("MESSAGE", "103", "Content-Type: message/cpim", body=body)
    lab.advance()
    assert dario.requests_of("MESSAGE")[0].body == body
    carla.registers(0)
    lab.advance()
    notice = dario.sends("MESSAGE", "102", "Content-Type: message/cpim", body=b"From: <sip:x>\r\n\r\n\x00\xff")
    lab.advance()
    assert notice.status == 202
    carla.registers()
    lab.advance(5)
    came = carla.requests_of("MESSAGE")[0]
    assert (came.get(b"content-type"), came.body) == (b"message/cpim", b"From: <sip:x>\r\n\r\n\x00\xff")


@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize("asked", ["negative-delivery", "display"])
def test_the_sender_learns_of_a_failure_if_asked_for(lab: Lab, carla: Phone, asked: str, slow: bool) -> None:
    if slow:
        lab.message_store = SlowMessageStore(lab.events, lab.random)
        lab.starts_switch()
        lab.advance()
    body = CPIM.format(asked).encode()
    message = carla.sends("MESSAGE", "103", "Content-Type: message/cpim", body=body)
    lab.advance()
    lab.advance()
    assert message.status == 202
    for account in ("dario-home", "dario-laptop"):
        phone = lab.phone(account, registered=False)
        phone.replies["MESSAGE"] = (415, (), b"")
        phone.registers()
    lab.advance(5)
    came = carla.requests_of("MESSAGE")
    if asked != "negative-delivery":
        assert came == []
    else:
        (notice,) = came
        assert notice.get(b"content-type") == b"message/cpim"
        assert notice.from_.uri == b"sip:103@acme.example"
        for part in (
            b"<message-id>34jk324j</message-id>",
            b"<recipient-uri>sip:dario@acme.example</recipient-uri>",
            b"<delivery-notification><status><failed/></status></delivery-notification>",
            b"To: Carla <sip:carla@acme.example>",
        ):
            assert part in notice.body
        assert b"Disposition-Notification" not in notice.body
    assert waiting(lab) == 0
    lab.at_rest()
