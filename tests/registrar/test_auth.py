"""Authentication: the right password passes, and nothing else can be told from the answers."""

import pytest

from registrar.phone import DESK, SITE, answer, digest, nonce_of, register
from softswitch.errors import PeerError
from softswitch.registrar.auth import Authenticator

ALL = ("SHA-256", "SHA-512-256", "MD5")


class Office:
    """Two accounts of acme.example, and what the authenticator reported."""

    def __init__(self, algorithms: tuple[str, ...] = ALL) -> None:
        self.failures: list[tuple[str, str, str]] = []
        self.asked: list[tuple[str, str, str, str]] = []
        self.auth = Authenticator(self._ha1, algorithms, 300.0, b"k" * 32, lambda *what: self.failures.append(what))

    def _ha1(self, site: str, account: str, user: str, algorithm: str) -> bytes | None:
        self.asked.append((site, account, user, algorithm))
        if account not in ("anna", "carla") or site != SITE:
            return None
        return digest(algorithm, f"{user}:{site}:secret").encode()

    def refuse(self, *headers: str, now: float = 0.0, proxy: bool = False) -> PeerError:
        with pytest.raises(PeerError) as caught:
            self.auth.verify(register(headers=headers), SITE, now, proxy)
        return caught.value

    def admit(self, value: str, now: float = 0.0) -> str:
        return self.auth.verify(register(headers=[f"Authorization: {value}"]), SITE, now, False)


def test_one_challenge_for_each_algorithm_in_order() -> None:
    error = Office().refuse()
    assert error.status == 401
    assert len(error.headers) == 3
    for line, name in zip(error.headers, ALL, strict=True):
        assert line.startswith(b'WWW-Authenticate: Digest realm="acme.example", nonce="')
        assert b"algorithm=" + name.encode() + b"," in line
        assert b'qop="auth"' in line
        assert b"stale" not in line


def test_as_a_proxy() -> None:
    office = Office()
    error = office.refuse(proxy=True)
    assert error.status == 407
    assert all(line.startswith(b"Proxy-Authenticate: Digest ") for line in error.headers)
    request = register(headers=[f"Proxy-Authorization: {answer(nonce_of(error))}"])
    assert office.auth.verify(request, SITE, 1.0, True) == "anna"


@pytest.mark.parametrize("algorithm", ALL)
@pytest.mark.parametrize("nc", ["00000001", None])
def test_the_right_password(algorithm: str, nc: str | None) -> None:
    office = Office()
    assert office.admit(answer(nonce_of(office.refuse()), algorithm=algorithm, nc=nc)) == "anna"
    assert not office.failures


def test_no_algorithm_means_md5() -> None:
    office = Office()
    value = answer(nonce_of(office.refuse())).replace(", algorithm=MD5", "")
    assert office.admit(value) == "anna"
    assert office.asked[-1][3] == "MD5"


def test_an_algorithm_that_is_not_offered_is_challenged() -> None:
    office = Office(("SHA-256",))
    value = answer(nonce_of(office.refuse()))
    assert office.refuse(f"Authorization: {value}").status == 401
    assert not office.asked


def test_unknown_user_and_wrong_password_look_alike() -> None:
    office = Office()
    nonce = nonce_of(office.refuse())
    wrong = office.refuse(f"Authorization: {answer(nonce, password='guess')}")
    unknown = office.refuse(f"Authorization: {answer(nonce, user='nobody')}")
    shape = [line.replace(nonce_of(wrong).encode(), b"") for line in wrong.headers]
    assert shape == [line.replace(nonce_of(unknown).encode(), b"") for line in unknown.headers]
    assert wrong.status == unknown.status == 401
    assert not any(b"stale" in line for line in wrong.headers)
    assert office.failures == [(SITE, "anna", DESK.host), (SITE, "nobody", DESK.host)]


def test_the_work_for_an_unknown_user_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from softswitch.registrar import auth

    compared: list[tuple[bytes, bytes]] = []
    monkeypatch.setattr(auth, "compare_digest", lambda a, b: compared.append((a, b)) or a == b)
    office = Office()
    nonce = nonce_of(office.refuse())
    office.refuse(f"Authorization: {answer(nonce, user='nobody')}")
    office.refuse(f"Authorization: {answer(nonce, password='guess')}")
    assert len(compared) == 2
    assert all(len(a) == len(b) == 32 for a, b in compared)


def test_nobodys_password_is_not_the_stand_in() -> None:
    office = Office()
    nonce = nonce_of(office.refuse())
    middle = f"{nonce}:00000001:c0ffee:auth:{digest('MD5', 'REGISTER:sip:acme.example')}"
    response = digest("MD5", "0" * 32 + ":" + middle)
    value = answer(nonce, user="nobody")
    at = value.index('response="') + len('response="')
    assert office.refuse(f"Authorization: {value[:at]}{response}{value[at + 32 :]}").status == 401


def test_an_old_nonce_is_stale_and_no_failure() -> None:
    office = Office()
    value = answer(nonce_of(office.refuse()))
    error = office.refuse(f"Authorization: {value}", now=301.0)
    assert all(b"stale=true" in line for line in error.headers)
    assert not office.failures
    assert office.admit(answer(nonce_of(error)), now=302.0) == "anna"


def test_a_nonce_from_before_a_restart_is_stale() -> None:
    assert b"stale=true" in Office().refuse(f"Authorization: {answer('0123456789abcdef' * 2)}").headers[0]


def test_a_replay_is_stale() -> None:
    office = Office()
    value = answer(nonce_of(office.refuse()))
    assert office.admit(value) == "anna"
    assert b"stale=true" in office.refuse(f"Authorization: {value}").headers[0]


def test_a_client_without_qop_uses_a_nonce_once() -> None:
    office = Office()
    value = answer(nonce_of(office.refuse()), nc=None)
    assert office.admit(value) == "anna"
    error = office.refuse(f"Authorization: {value}")
    assert b"stale=true" in error.headers[0]
    assert office.admit(answer(nonce_of(error), nc=None)) == "anna"


def test_counts_go_on_with_one_nonce() -> None:
    office = Office()
    nonce = nonce_of(office.refuse())
    assert [office.admit(answer(nonce, nc=f"{nc:08x}")) for nc in (1, 3, 2)] == ["anna"] * 3
    assert b"stale=true" in office.refuse(f"Authorization: {answer(nonce, nc='00000002')}").headers[0]


def test_count_zero_is_not_a_client_without_qop() -> None:
    office = Office()
    nonce = nonce_of(office.refuse())
    assert b"stale=true" in office.refuse(f"Authorization: {answer(nonce, nc='00000000')}").headers[0]


def test_a_user_name_with_its_domain() -> None:
    office = Office()
    assert office.admit(answer(nonce_of(office.refuse()), user="anna@acme.example")) == "anna"
    assert office.asked[-1][:3] == (SITE, "anna", "anna@acme.example")
    error = office.refuse(f"Authorization: {answer(nonce_of(office.refuse()), user='anna@other.example')}")
    assert error.status == 401
    assert not any(b"stale" in line for line in error.headers)


def test_a_replay_in_another_spelling_of_the_name() -> None:
    # An engine that knows one HA1 an account answers for every spelling of it.
    fixed = digest("MD5", "anna:acme.example:secret").encode()
    office = Office(("MD5",))
    office.auth = Authenticator(lambda *_: fixed, ("MD5",), 300.0, b"k" * 32)
    nonce = nonce_of(office.refuse())
    assert office.admit(answer(nonce)) == "anna"
    again = office.refuse(f"Authorization: {answer(nonce, shown_user='anna@acme.example')}")
    assert b"stale=true" in again.headers[0]


def test_credentials_for_other_realms_are_passed_over() -> None:
    office = Office()
    nonce = nonce_of(office.refuse())
    other = answer("x", realm="other.example")
    assert office.refuse(f"Authorization: {other}").status == 401
    assert not office.asked
    request = register(headers=[f"Authorization: {other}", f"Authorization: {answer(nonce)}"])
    assert office.auth.verify(request, SITE, 0.0, False) == "anna"


@pytest.mark.parametrize("uri", ["sip:acme.example;transport=tcp", "sip:192.0.2.1:5060", "sip:%61nna@acme.example"])
def test_uris_that_old_phones_write(uri: str) -> None:
    office = Office()
    assert office.admit(answer(nonce_of(office.refuse()), uri=uri)) == "anna"


def test_the_uri_is_signed() -> None:
    office = Office()
    value = answer(nonce_of(office.refuse())).replace('uri="sip:acme', 'uri="sip:evil')
    assert office.refuse(f"Authorization: {value}").status == 401


def test_auth_int_was_not_offered() -> None:
    office = Office()
    value = answer(nonce_of(office.refuse())).replace("qop=auth", "qop=auth-int")
    assert office.refuse(f"Authorization: {value}").status == 401


def test_the_method_is_signed() -> None:
    office = Office()
    value = answer(nonce_of(office.refuse()), method="INVITE")
    assert office.refuse(f"Authorization: {value}").status == 401
