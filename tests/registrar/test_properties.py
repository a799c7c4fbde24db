"""Whatever arrives: a PeerError or bindings that hold their promises."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from registrar.phone import SITE, register
from softswitch.errors import PeerError
from softswitch.registrar.bindings import Binding
from softswitch.registrar.flows import behind_nat, flow_text, revived
from softswitch.registrar.nonces import WINDOW, Nonces
from softswitch.registrar.register import apply_register, response_headers
from softswitch.registrar.wishes import RegistrarLimits
from softswitch.sip.parse import parse

LIMITS = RegistrarLimits(contacts=4)

_PIECES = r"""< > " ; = , * % \\ ? @ : sip: sips: tel: anna 192.0.2.7 192.0.2.8 [2001:db8::7] :5060 ;expires= ;q= 0 1
    0.5 59 3600 99999999999 ;+sip.instance="<urn:uuid:1>" ;reg-id=1 ;transport=tcp ;lr é <sip:anna@192.0.2.7>
    192.0.2.7:x <sip:anna@192.0.2.8:5070> _ _"""
pieces = st.sampled_from([piece.replace("_", "\t") for piece in _PIECES.split()])
values = st.lists(pieces, max_size=8).map("".join)
hosts = st.sampled_from(["192.0.2.7", "192.0.2.8:5070", "[2001:DB8::7]", "phone.local;transport=tcp", "192.0.2.7;x"])
params = st.sampled_from(
    ["", ";q=0.5", ";q=2", ";expires=0", ";expires=59", ";expires=600", ';+sip.instance="<urn:uuid:1>"', ";reg-id=1"]
)
sound = st.tuples(hosts, params, params).map(lambda parts: f"<sip:anna@{parts[0]}>{parts[1]}{parts[2]}")
contacts = st.lists(st.one_of(sound, sound, sound, values), max_size=3)
usual = st.sampled_from(
    ["Expires: 600", "Expires: 0", "Path: <sip:edge.example;lr>", "Supported: path", "User-Agent: x"]
)
strange = st.tuples(st.sampled_from(["Expires: ", "Path: ", "Supported: "]), values).map("".join)
headers = st.lists(st.one_of(usual, usual, strange), max_size=2)
requests = st.tuples(contacts, headers, st.integers(0, 9), st.sampled_from(["a", "b", "c"]), st.integers(0, 1000))


@settings(max_examples=300)
@given(st.lists(requests, max_size=8))
def test_any_sequence_of_registers(arriving: list[tuple[list[str], list[str], int, str, int]]) -> None:
    bindings: tuple[Binding, ...] = ()
    wall = 1000.0
    for wished, extra, cseq, call_id, passed in arriving:
        wall += passed
        try:
            request = register(*wished, cseq=cseq, call_id=call_id, headers=extra)
            after = apply_register(bindings, request, "anna", SITE, flow_text(request.flow), LIMITS, wall)
        except PeerError as error:
            assert error.status in (400, 403, 423, 500)  # noqa: PT017
            continue
        bindings = after
        assert len(bindings) <= LIMITS.contacts
        assert len({binding.contact for binding in bindings}) == len(bindings)
        for binding in bindings:
            assert wall < binding.expires_at <= wall + LIMITS.maximum_seconds
            assert 0 <= binding.q <= 1000
            assert behind_nat(revived(binding)) in (True, False)
        # What phones are told is a header that can be read again, and says the same.
        lines = response_headers(request, bindings, wall)
        told = parse(b"\r\n".join([register().start, *register().lines, *lines, b"", b""]), request.flow)
        assert [address.uri.decode() for address in told.contacts()] == [binding.contact for binding in bindings]


@given(st.lists(st.integers(0, 3 * WINDOW), max_size=60))
def test_no_count_is_ever_accepted_twice(counts: list[int]) -> None:
    nonces = Nonces(b"k" * 32, 300.0)
    nonce = nonces.issue(0.0)
    accepted = [nc for nc in counts if nonces.accept(nonce, b"anna", nc, 1.0)]
    assert len(set(accepted)) == len(accepted)
    assert 0 not in accepted or accepted == [0]


@given(st.permutations(range(1, WINDOW + 1)))
def test_any_order_within_the_window_passes(counts: list[int]) -> None:
    nonces = Nonces(b"k" * 32, 300.0)
    nonce = nonces.issue(0.0)
    assert all(nonces.accept(nonce, b"anna", nc, 1.0) for nc in counts)
