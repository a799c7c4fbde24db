"""Which message belongs to which transaction (RFC 3261 §9.2, §17.1.3, §17.2.3, §8.2.2.2)."""

from __future__ import annotations

import pytest

from softswitch.flow import Flow
from softswitch.sip.build import respond
from softswitch.sip.parse import parse
from softswitch.transaction.layer import reply_flow

from .harness import BRANCH, TCP, UDP, Bench


def test_a_retransmission_is_absorbed_and_another_branch_is_new() -> None:
    bench = Bench()
    bench.comes("INVITE")
    bench.comes("INVITE")
    assert bench.told == ["INVITE"]
    bench.comes("INVITE", b"z9hG4bKtwo")
    bench.comes("INVITE", sent_by=b"192.0.2.9:5070")
    assert bench.told == ["INVITE"] * 3


def test_the_same_branch_of_another_method_is_another_transaction() -> None:
    bench = Bench()
    bench.comes("INVITE")
    bench.comes("MESSAGE")
    assert bench.told == ["INVITE", "MESSAGE"]


@pytest.mark.parametrize("branch", [b"", b"z9hG4bK", b"7"])
def test_clients_of_rfc_2543_are_told_apart_by_all_the_rest(branch: bytes) -> None:
    bench = Bench()
    bench.comes("INVITE", branch)
    bench.comes("INVITE", branch)
    assert bench.told == ["INVITE"]
    for change in ({"call_id": b"other"}, {"cseq": 2}, {"uri": b"sip:103@acme.example"}):
        bench.comes("INVITE", branch, **change)
    assert bench.told == ["INVITE"] * 4
    assert bench.server is not None
    bench.replies(486)
    server = bench.server
    bench.comes("ACK", branch, uri=b"sip:103@acme.example")
    assert server.state == "confirmed"


def test_an_ack_to_a_2xx_goes_up() -> None:
    bench = Bench()
    bench.comes("INVITE")
    bench.replies(200)
    bench.comes("ACK", b"z9hG4bKack", to_tag=b"t")
    assert bench.told == ["INVITE", "ACK"]


@pytest.mark.parametrize("branch", [BRANCH, b""])
def test_an_ack_to_a_2xx_with_the_branch_of_its_invite_goes_up_too(branch: bytes) -> None:
    """Old clients write it so; absorbed, the callee would never hear it."""
    bench = Bench()
    bench.comes("INVITE", branch)
    bench.replies(200)
    bench.comes("ACK", branch, to_tag=b"t")
    assert bench.told == ["INVITE", "ACK"]


def test_an_ack_to_a_failure_is_absorbed_and_a_strangers_is_not_taken() -> None:
    bench = Bench()
    bench.comes("INVITE")
    bench.replies(486)
    assert bench.server is not None
    bench.comes("ACK", host="203.0.113.66")
    assert bench.server.state == "completed"
    bench.comes("ACK")
    assert bench.server.state == "confirmed"
    assert bench.told == ["INVITE", "ACK"]


# -- CANCEL


def test_a_cancel_is_answered_with_the_tag_of_the_invite_and_told() -> None:
    bench = Bench()
    bench.comes("INVITE")
    assert bench.server is not None
    bench.server.owner = bench  # type: ignore[union-attr]
    bench.take()
    bench.comes("CANCEL")
    bench.comes("CANCEL")
    assert bench.take() == [b"SIP/2.0 200 OK"] * 2
    assert bench.told == ["INVITE", "cancelled"]


def test_a_cancel_from_another_address_is_481() -> None:
    bench = Bench()
    bench.comes("INVITE")
    assert bench.server is not None
    bench.server.owner = bench  # type: ignore[union-attr]
    bench.comes("CANCEL", host="203.0.113.66")
    assert [line for line in bench.take() if b"CANCEL" not in line] == [b"SIP/2.0 481 Call/Transaction Does Not Exist"]
    assert bench.told == ["INVITE"]


def test_a_cancel_of_nothing_or_of_another_method_is_481() -> None:
    bench = Bench()
    bench.comes("CANCEL")
    bench.comes("MESSAGE", b"z9hG4bKm")
    bench.comes("CANCEL", b"z9hG4bKm")
    assert bench.take() == [b"SIP/2.0 481 Call/Transaction Does Not Exist"] * 2


def test_a_cancel_after_the_final_response_changes_nothing() -> None:
    bench = Bench()
    bench.comes("INVITE")
    assert bench.server is not None
    bench.server.owner = bench  # type: ignore[union-attr]
    bench.replies(486)
    bench.take()
    bench.comes("CANCEL")
    assert bench.take() == [b"SIP/2.0 200 OK"]
    assert bench.told == ["INVITE"]
    assert bench.server.state == "completed"


# -- merged requests (RFC 3261 §8.2.2.2)


def test_the_same_request_by_another_way_is_merged_for_as_long_as_the_first_is_known() -> None:
    bench = Bench()
    bench.method = "MESSAGE"
    bench.comes("MESSAGE")
    assert bench.server is not None
    bench.layer.remember(bench.server)
    again = bench.request("MESSAGE", b"z9hG4bKother")
    assert bench.layer.merged(again)
    assert not bench.layer.merged(bench.request("MESSAGE", b"z9hG4bKother", cseq=2))
    assert not bench.layer.merged(bench.request("MESSAGE", b"z9hG4bKother", call_id=b"x"))
    bench.replies(200)
    bench.advance(33)
    assert not bench.layer.merged(again)


# -- responses


def test_a_response_of_another_method_or_branch_is_a_stray() -> None:
    bench = Bench()
    bench.sends("MESSAGE")
    bench.answered("INVITE", 200)
    data = respond(bench.request("MESSAGE", b"z9hG4bKother"), 200)
    bench.layer.receive(parse(data, bench.flow))
    assert bench.told == ["stray 200", "stray 200"]


def test_a_broken_flow_fails_what_was_sent_over_it_alone() -> None:
    bench = Bench(TCP)
    bench.sends("INVITE")
    other = bench.flow._replace(connection=8)
    bench.layer.flow_failed(other)
    assert bench.told == []
    bench.layer.flow_failed(bench.flow)
    assert bench.told == ["broken"]
    assert not bench.layer.clients


# -- where responses go (RFC 3261 §18.2.2, RFC 3581 §4)


@pytest.mark.parametrize(
    ("via", "source", "to"),
    [
        (b"192.0.2.9", ("192.0.2.9", 5060), ("192.0.2.9", 5060)),
        (b"192.0.2.9:5070", ("192.0.2.9", 5060), ("192.0.2.9", 5070)),
        (b"192.0.2.9:5070;rport", ("192.0.2.9", 33000), ("192.0.2.9", 33000)),
        (b"10.1.1.1:5070", ("192.0.2.9", 33000), ("192.0.2.9", 33000)),
        (b"phone.example:5070", ("192.0.2.9", 33000), ("192.0.2.9", 33000)),
    ],
)
def test_where_a_response_goes(via: bytes, source: tuple[str, int], to: tuple[str, int]) -> None:
    bench = Bench()
    bench.flow = Flow(UDP, *source)
    sent_by, _, params = via.partition(b";")
    request = bench.request("MESSAGE", BRANCH + (b";" + params if params else b""), host=source[0], sent_by=sent_by)
    flow = reply_flow(request)
    assert (flow.host, flow.port) == to


def test_over_a_stream_a_response_goes_back_on_it() -> None:
    bench = Bench(TCP)
    request = bench.request("MESSAGE", sent_by=b"192.0.2.9:5070")
    assert reply_flow(request) == bench.flow
