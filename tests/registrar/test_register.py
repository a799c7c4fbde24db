"""What a REGISTER does to the bindings, rule by rule of RFC 3261 §10.3."""

import pytest

from registrar.phone import CONTACT, DESK, SITE, TCP, refused, register
from softswitch.flow import Flow
from softswitch.registrar.bindings import Binding
from softswitch.registrar.flows import flow_text
from softswitch.registrar.register import apply_register, response_headers
from softswitch.registrar.wishes import RegistrarLimits
from softswitch.sip.message import Request

LIMITS = RegistrarLimits(minimum_seconds=60, default_seconds=3600, maximum_seconds=7200, contacts=3)
WALL = 1_000_000.0
INSTANCE = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"'


def after(request: Request, current: tuple[Binding, ...] = (), wall: float = WALL) -> tuple[Binding, ...]:
    return apply_register(current, request, "anna", SITE, flow_text(request.flow), LIMITS, wall)


def contacts(bindings: tuple[Binding, ...]) -> list[str]:
    return [binding.contact for binding in bindings]


def test_first_registration() -> None:
    (binding,) = after(register(CONTACT, headers=["User-Agent: Deskphone 1.0"]))
    assert binding == Binding(
        site=SITE,
        account="anna",
        contact="sip:anna@192.0.2.7",
        params="",
        q=1000,
        expires_at=WALL + 3600,
        call_id="call-1",
        cseq=1,
        flow="udp|0|192.0.2.7|5060|0",
        path=(),
        user_agent="Deskphone 1.0",
        registered_at=WALL,
    )


def test_a_refresh_keeps_the_moment_of_the_first() -> None:
    first = after(register(CONTACT))
    (binding,) = after(register(CONTACT, cseq=2), first, WALL + 1800)
    assert (binding.cseq, binding.expires_at, binding.registered_at) == (2, WALL + 5400, WALL)


@pytest.mark.parametrize(
    ("contact", "header", "seconds"),
    [
        (CONTACT, None, 3600),
        (CONTACT, "600", 600),
        (CONTACT + ";expires=120", "600", 120),
        (CONTACT + ";q=0.5;expires=120", None, 120),
        (CONTACT, "100000", 7200),
        (CONTACT, "4294967296", 7200),
        (CONTACT, "9" * 40, 7200),
        (CONTACT, "soon", 3600),
        (CONTACT + ";expires=soon", None, 3600),
        (CONTACT + ";expires", None, 3600),
        (CONTACT + ";expires=-5", None, 3600),
        (CONTACT, "60", 60),
    ],
)
def test_expiry(contact: str, header: str | None, seconds: int) -> None:
    (binding,) = after(register(contact, headers=[f"Expires: {header}"] if header else []))
    assert binding.expires_at == WALL + seconds


@pytest.mark.parametrize("wish", ["59", "1"])
def test_too_brief(wish: str) -> None:
    with refused(423) as caught:
        after(register(CONTACT, headers=[f"Expires: {wish}"]))
    assert caught.value.headers == (b"Min-Expires: 60",)
    with refused(423):
        after(register(f"{CONTACT};q=1;expires={wish}"))


def test_an_hour_is_never_too_brief() -> None:
    long = RegistrarLimits(minimum_seconds=5000, default_seconds=6000)
    (binding,) = apply_register((), register(f"{CONTACT};expires=3600"), "anna", SITE, "", long, WALL)
    assert binding.expires_at == WALL + 3600
    with refused(423):
        apply_register((), register(f"{CONTACT};expires=3599"), "anna", SITE, "", long, WALL)


@pytest.mark.parametrize("zero", ["0", "00000000000000"])
def test_removing_one(zero: str) -> None:
    both = after(register(CONTACT, "<sip:anna@192.0.2.8>"))
    assert contacts(after(register(CONTACT, cseq=2, headers=[f"Expires: {zero}"]), both)) == ["sip:anna@192.0.2.8"]


def test_removing_what_is_not_there_changes_nothing() -> None:
    current = after(register(CONTACT))
    assert after(register("<sip:anna@192.0.2.9>;expires=0", cseq=2), current) == current


def test_star_removes_all() -> None:
    both = after(register(CONTACT, "<sip:anna@192.0.2.8>"))
    assert after(register("*", cseq=2, headers=["Expires: 0"]), both) == ()
    assert after(register("*", call_id="another", headers=["Expires: 0"]), both) == ()


@pytest.mark.parametrize(
    ("values", "headers"),
    [
        (["*"], []),
        (["*"], ["Expires: 60"]),
        (["*"], ["Expires: x"]),
        (["*", CONTACT], ["Expires: 0"]),
        ([CONTACT + ", *"], ["Expires: 0"]),
        (["*;expires=0"], []),
    ],
)
def test_star_has_its_rules(values: list[str], headers: list[str]) -> None:
    with refused(400):
        after(register(*values, headers=headers, cseq=2), after(register(CONTACT)))


def test_a_star_out_of_order() -> None:
    current = after(register(CONTACT, cseq=5))
    with refused(500):
        after(register("*", cseq=5, headers=["Expires: 0"]), current)


@pytest.mark.parametrize("cseq", [5, 4])
def test_out_of_order_in_the_same_call(cseq: int) -> None:
    current = after(register(CONTACT, "<sip:anna@192.0.2.8>", cseq=5))
    with refused(500):
        after(register("<sip:anna@192.0.2.9>", CONTACT, cseq=cseq), current)
    assert contacts(after(register(CONTACT, cseq=cseq, call_id="restarted"), current)) == contacts(current)


def test_an_expired_binding_has_no_order_and_goes() -> None:
    current = after(register(CONTACT, "<sip:anna@192.0.2.8>;expires=7200", cseq=5))
    result = after(register(CONTACT, cseq=1), current, WALL + 3600)
    assert contacts(result) == ["sip:anna@192.0.2.8", "sip:anna@192.0.2.7"]
    assert result[1].registered_at == WALL + 3600


@pytest.mark.parametrize(
    "spelling",
    ["<sip:anna@192.0.2.7>;q=0.5", "<sip:%61nna@192.0.2.7>", "sip:anna@192.0.2.7", "<SIP:anna@192.0.2.7;x=1>"],
)
def test_contacts_are_compared_as_uris(spelling: str) -> None:
    assert len(after(register(spelling, cseq=2), after(register(CONTACT)))) == 1


@pytest.mark.parametrize(
    "other", ["<sip:Anna@192.0.2.7>", "<sip:anna@192.0.2.7:5060>", "<sip:anna@192.0.2.7;transport=tcp>"]
)
def test_uris_that_differ(other: str) -> None:
    assert len(after(register(other, cseq=2), after(register(CONTACT)))) == 2


def test_nul_escapes_are_users_like_others() -> None:
    # RFC 4475 §3.1.1.4
    assert len(after(register("<sip:%00@192.0.2.7>", "<sip:%00%00@192.0.2.7>"))) == 2


def test_the_same_contact_twice_in_one_request() -> None:
    (binding,) = after(register(f"{CONTACT};expires=100", f"{CONTACT};expires=200"))
    assert binding.expires_at == WALL + 200


def test_parameters_stay_as_written() -> None:
    (binding,) = after(register(f'{CONTACT};Methods="INVITE, BYE";q=0.25;expires=90;{INSTANCE};audio'))
    assert binding.params == f';Methods="INVITE, BYE";{INSTANCE};audio'
    assert binding.q == 250


@pytest.mark.parametrize(("q", "thousandths"), [("0", 0), ("0.", 0), ("0.5", 500), ("0.123", 123), ("1.000", 1000)])
def test_q(q: str, thousandths: int) -> None:
    assert after(register(f"{CONTACT};q={q}"))[0].q == thousandths


@pytest.mark.parametrize(
    "contact",
    [
        f"{CONTACT};q=1.1",
        f"{CONTACT};q=0.1234",
        f"{CONTACT};q=",
        "<tel:+4930123456>",
        "<mailto:anna@acme.example>",
        "<sip:>",
        "<sip:anna@192.0.2.7:99999>",
        "<sip:an%na@192.0.2.7>",
        "sip:user@example.com?Route=%3Csip:sip.example.com%3E",
        f"<sip:{'a' * 3000}@192.0.2.7>",
        f"{CONTACT};x={'a' * 3000}",
        f"{CONTACT};q={'0' * 5000}",
        "",
    ],
)
def test_bad_contacts(contact: str) -> None:
    with refused(400):
        after(register(contact))


def test_a_contact_that_is_no_utf_8() -> None:
    request = register(CONTACT)
    request.lines[request.first[b"contact"]] = b"Contact: <sip:\xff\xfe@192.0.2.7>"
    with refused(400):
        after(request)


def test_an_escaped_route_in_a_contact_is_stored() -> None:
    # RFC 4475 §3.3.14 regescrt: who uses the contact leaves its headers out.
    assert contacts(after(register("<sip:user@example.com?Route=%3Csip:sip.example.com%3E>"))) == [
        "sip:user@example.com?Route=%3Csip:sip.example.com%3E"
    ]


def test_too_many_contacts() -> None:
    three = after(register(*[f"<sip:anna@192.0.2.{n}>" for n in range(3)]))
    with refused(403) as caught:
        after(register(CONTACT, cseq=2), three)
    assert caught.value.reason == "Too Many Contacts"
    swapped = after(register("<sip:anna@192.0.2.0>;expires=0", CONTACT, cseq=2), three)
    assert contacts(swapped) == ["sip:anna@192.0.2.1", "sip:anna@192.0.2.2", "sip:anna@192.0.2.7"]
    for many in (7, 101):
        with refused(403):
            after(register(*[f"<sip:anna@192.0.2.{n}>;expires=0" for n in range(many)], cseq=2), three)


def test_a_lowered_limit_lets_phones_refresh() -> None:
    five = apply_register(
        (), register(*[f"<sip:anna@192.0.2.{n}>" for n in range(5)]), "anna", SITE, "", RegistrarLimits(), WALL
    )
    assert len(after(register("<sip:anna@192.0.2.0>", cseq=2), five)) == 5


def test_nothing_of_a_refused_request_counts() -> None:
    current = after(register(CONTACT))
    with refused(423):
        after(register("<sip:anna@192.0.2.8>", f"{CONTACT};expires=5", cseq=2), current)


def test_a_phone_whose_nat_port_changed_replaces_itself() -> None:
    moved = Flow(DESK.listener, DESK.host, 40000)
    first = after(register(f"<sip:anna@198.51.100.1:1111>;{INSTANCE}"))
    again = after(register(f"<sip:anna@198.51.100.1:2222>;{INSTANCE.lower()}", call_id="new", flow=moved), first)
    assert contacts(again) == ["sip:anna@198.51.100.1:2222"]
    assert again[0].flow == "udp|0|192.0.2.7|40000|0"


def test_a_phone_on_two_transports_keeps_both() -> None:
    first = after(register(f"{CONTACT};{INSTANCE}"))
    tcp = Flow(TCP, "192.0.2.7", 40000, 7)
    both = after(register(f"<sip:anna@192.0.2.7;transport=tcp>;{INSTANCE}", call_id="b", flow=tcp), first)
    assert len(both) == 2


def test_reg_ids_are_flows_of_their_own() -> None:
    first = after(register(f"<sip:anna@192.0.2.7:1>;{INSTANCE};reg-id=1"))
    both = after(register(f"<sip:anna@192.0.2.7:2>;{INSTANCE};reg-id=2", cseq=2), first)
    assert len(both) == 2
    tcp = Flow(TCP, "192.0.2.7", 40000, 7)
    again = after(register(f"<sip:anna@192.0.2.7:3>;reg-id=1;{INSTANCE}", cseq=3, flow=tcp), both)
    assert contacts(again) == ["sip:anna@192.0.2.7:2", "sip:anna@192.0.2.7:3"]


def test_two_contacts_of_one_phone_in_one_request_stay() -> None:
    assert len(after(register(f"<sip:anna@192.0.2.7>;{INSTANCE}", f"<sip:anna@192.0.2.8>;{INSTANCE}"))) == 2


PATH = "Path: <sip:edge.example;lr>, <sip:inner.example;lr>"


def test_path_is_stored_in_order() -> None:
    (binding,) = after(register(CONTACT, headers=[PATH, "Path: <sip:last.example;lr>"]))
    assert binding.path == ("<sip:edge.example;lr>", "<sip:inner.example;lr>", "<sip:last.example;lr>")


@pytest.mark.parametrize("path", ["<tel:1>", "<sip:edge.example", f"<sip:{'e' * 3000}>"])
def test_bad_path(path: str) -> None:
    with refused(400):
        after(register(CONTACT, headers=[f"Path: {path}"]))


def test_the_answer_lists_everything() -> None:
    bindings = after(register(CONTACT, f"<sip:anna@192.0.2.8>;q=0.25;expires=90;{INSTANCE}"))
    assert response_headers(register(), bindings, WALL + 30.4) == [
        b"Contact: <sip:anna@192.0.2.7>;expires=3570",
        b"Contact: <sip:anna@192.0.2.8>;" + INSTANCE.encode() + b";q=0.25;expires=60",
    ]


def test_the_answer_to_a_phone_that_knows_path() -> None:
    request = register(CONTACT, headers=[PATH, "Supported: outbound, Path"])
    assert response_headers(request, (), WALL) == [b"Path: <sip:edge.example;lr>", b"Path: <sip:inner.example;lr>"]
    assert response_headers(register(CONTACT, headers=[PATH]), (), WALL) == []


def test_a_fetch_changes_nothing() -> None:
    current = after(register(CONTACT))
    assert after(register(cseq=1), current) is current
    assert after(register(cseq=2, headers=["Expires: 0"]), current) is current
