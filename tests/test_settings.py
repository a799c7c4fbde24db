"""Settings from a file: every problem with its place, and what the values come to."""

from __future__ import annotations

import dataclasses
import socket
from pathlib import Path

import pytest

from softswitch import settingsfile
from softswitch.errors import ConfigError, Problem
from softswitch.messaging.letter import Rules
from softswitch.ops.limits import Limits
from softswitch.server.families import straight_networks
from softswitch.settings import LimitSettings, MessageSettings, RelayAddress, Settings
from softswitch.settingsfile import load_settings

ROOT = Path(__file__).parent.parent
BASE = "listen: [{transport: udp, bind: 127.0.0.1}]\ndialplans: office.yaml\n"


def own(family: socket.AddressFamily) -> str | None:
    return "192.0.2.1" if family == socket.AF_INET else None


def load(folder: Path, text: str, **environ: str) -> tuple[Settings, list[Problem]]:
    path = folder / "softswitch.yaml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path, environ, own)


def problems(folder: Path, text: str, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(folder, text, **environ)
    return [str(one).removeprefix(f"{folder}/softswitch.yaml:") for one in caught.value.problems]


def test_the_shipped_file_is_right() -> None:
    made, _ = load_settings(ROOT / "config/softswitch.yaml", {}, own)
    assert {listener.transport for listener in made.listeners} == {"UDP", "TCP", "TLS"}
    assert made.dialplans == (ROOT / "dialplans/sample-office.yaml",)
    assert made.sqlite_file == ROOT / "var/softswitch.db"


def test_the_comments_of_the_shipped_file_are_right_too(tmp_path: Path) -> None:
    lines = (ROOT / "config/softswitch.yaml").read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line == "# peers:") - 1
    kept = [line.removeprefix("# ") for line in lines[start:] if not line.startswith("# Served")]
    made, _ = load(tmp_path, "\n".join([*lines[:start], *kept]))
    bare, _ = load(tmp_path, BASE)
    assert [peer.name for peer in made.peers] == ["city"]
    assert made.relay.addresses[0] == RelayAddress("internet", "10.0.0.5", "198.51.100.1")
    assert made.digest == dataclasses.replace(bare.digest, algorithms=("MD5",))
    for section in ("registrar", "messages", "limits", "log", "transactions", "outside_domains", "max_body_bytes"):
        assert getattr(made, section) == getattr(bare, section), section


def test_limits_are_those_of_the_limiter() -> None:
    theirs = dataclasses.asdict(Limits())
    del theirs["body_bytes"]
    assert dataclasses.asdict(LimitSettings()) == theirs


def test_rules_of_messages_are_those_of_the_mailboxes() -> None:
    assert dataclasses.asdict(MessageSettings()) == dataclasses.asdict(Rules())


def test_every_problem_in_one_go(tmp_path: Path) -> None:
    assert problems(
        tmp_path,
        """\
lisen: x
listen:
  - {transport: upd, bind: 0.0.0.0:5060}
  - {transport: udp, bind: foo:5060, extra: 3}
  - {bind: 1.2.3.4:99999}
  - x
dialplans: []
relay: {ports: 2000, networks: {internet: {bind: 1.2.3}}, use: awlays}
limits: {idl: 2}
registrar: {minimum: 2h, default: 1h}
digest: {algorithms: [SHA256], nonce_lifetime: 60}
peers: [{address: 192.0.2.1/24, name: [x]}]
log: json
""",
        SOFTSWITCH_STORE="postgres:x",
    ) == [
        'environment:0:0: SOFTSWITCH_STORE: "postgres:x" is no store; write memory, or sqlite:/// and '
        "the path of a file",
        '1:1: unknown key "lisen"; did you mean "listen"?',
        '3:17: "upd" is none of udp, tcp, tls; did you mean "udp"?',
        '4:28: "foo" is a name; a listener binds an address such as 0.0.0.0 or 192.0.2.1',
        '4:38: unknown key "extra"',
        '5:5: "transport:" is missing',
        '5:12: "99999" is no port; ports go from 1 to 65535',
        "6:5: expected keys and values",
        "7:12: no dialplan is named",
        '8:16: "2000" is no range of ports; write for example 20000-29999',
        '8:50: "1.2.3" is no address; write for example 192.0.2.1:5060 or [2001:db8::1]:5060',
        '8:64: "awlays" is none of always, when needed, never; did you mean "always"?',
        '9:10: unknown key "idl"; did you mean "idle"?',
        "10:12: minimum, default and maximum are not in this order",
        '11:23: "SHA256" is none of SHA-256, SHA-512-256, MD5; did you mean "SHA-256"?',
        '11:48: "60": it lacks a unit; write for example 25s, 5m or 1h 30m',
        '12:19: "192.0.2.1/24" is an address within a range; the range is written 192.0.2.0/24',
        "12:39: expected a text",
        "13:6: expected keys and values",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ['1:1: "listen:" is missing', '1:1: "dialplans:" is missing']),
        ("- a\n", ["1:1: expected settings such as `listen:`"]),
        ("a: [\n", ["2:1: did not find expected node content (while parsing a flow node)"]),
        (BASE + "store: mysql://x\n", [
            '3:8: "mysql://x" is no store; write memory, or sqlite:/// and the path of a file'
        ]),
        (BASE + "relay:\n  networks:\n    inernet: {bind: 192.0.2.1}\n    internet: {bind: 1.1.1.1}\n", [
            '5:5: no listener is on a network "inernet"; did you mean "internet"?'
        ]),
        (BASE + "relay: {networks: {internet: {bind: 192.0.2.1, advertise: sip.acme.example}}}\n", [
            "3:59: SDP carries addresses, not names"
        ]),
        ("dialplans: x\nlisten:\n- {transport: tcp, bind: 127.0.0.1}\n- {transport: tls, bind: 127.0.0.1:5060}\n", [
            "4:26: the same address and port as listener 1"
        ]),
        (BASE + "control: ~no-one/control.sock\n", [
            '3:10: "~no-one/control.sock" begins with the home of a user whom this machine does not have'
        ]),
        (BASE + 'secrets: "a\\0b"\n', ["3:10: a path with characters that cannot be seen"]),
        (BASE + "registrar: {contacts: 0}\n", ["3:23: no phone could register with 0"]),
        (BASE + "digest: {algorithms: [MD5, MD5]}\n", ["3:22: an algorithm is here twice"]),
        (BASE + "transactions: {t1: 0}\n", ["3:20: a timer of 0 would never wait"]),
        (BASE + f"control: {'x' * 200}\n", [
            "3:10: longer than the 107 bytes that the path of a socket can have"
        ]),
    ],
)  # fmt: skip
def test_one_problem(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert problems(tmp_path, text) == expected


def test_a_wildcard_advertises_the_address_on_the_way_out(tmp_path: Path) -> None:
    made, warnings = load(
        tmp_path,
        """\
dialplans: office.yaml
listen:
  - {transport: udp, bind: 0.0.0.0:5060}
  - {transport: tls, bind: 0.0.0.0, advertise: sip.acme.example, network: internet}
  - {transport: udp, bind: 10.0.0.5:5080, advertise: 198.51.100.1:5060, network: dmz}
""",
    )
    udp, tls, nat = made.listeners
    assert (udp.advertised_host, udp.advertised_port, udp.network) == ("192.0.2.1", 5060, "internet")
    assert (tls.advertised_host, tls.port, tls.advertised_port) == ("sip.acme.example", 5061, 5061)
    assert (nat.host, nat.port, nat.advertised_host, nat.advertised_port) == (
        "10.0.0.5",
        5080,
        "198.51.100.1",
        5060,
    )
    assert made.relay.addresses == (
        RelayAddress("internet", "192.0.2.1", "192.0.2.1"),
        RelayAddress("dmz", "10.0.0.5", "198.51.100.1"),
    )
    assert warnings == []


def test_no_way_out_is_a_warning(tmp_path: Path) -> None:
    lines = "- {transport: udp, bind: '[::]:5060'}\n- {transport: tcp, bind: '[::]:5060'}\n"
    made, warnings = load(tmp_path, f"dialplans: x\nlisten:\n{lines}")
    assert made.listeners[0].advertised_host == "::1"
    assert [(one.line, one.column, one.severity) for one in warnings] == [(3, 26, "warning")]
    assert "no IPv6 route" in warnings[0].text


def test_ipv6_without_a_way_out_is_no_reason_to_relay_on_it(tmp_path: Path) -> None:
    both = """\
dialplans: x
listen:
- {transport: udp, bind: '[::]:5060'}
- {transport: tcp, bind: '[::]:5060'}
- {transport: udp, bind: '0.0.0.0:5060'}
"""
    made, warnings = load(tmp_path, both)
    assert len(made.listeners) == 3
    assert made.relay.addresses == (RelayAddress("internet", "192.0.2.1", "192.0.2.1"),)
    assert warnings == [], "phones have IPv4"
    elsewhere = both.replace("0.0.0.0:5060'", "0.0.0.0:5060', network: lan")
    assert [one.line for one in load(tmp_path, elsewhere)[1]] == [3], "once, where a network has IPv6 alone"
    made, _ = load(tmp_path, "dialplans: x\nlisten: [{transport: udp, bind: '::'}]\n")
    assert made.relay.addresses == (RelayAddress("internet", "::1", "::1"),)


def test_a_kernel_without_ipv6(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settingsfile, "family_works", lambda family: family == socket.AF_INET)
    both = "dialplans: x\nlisten:\n- {transport: udp, bind: '::'}\n- {transport: tcp, bind: 0.0.0.0}\n"
    made, warnings = load(tmp_path, both)
    assert [(one.transport, one.index) for one in made.listeners] == [("TCP", 0)]
    assert warnings == [], "phones have IPv4"
    made, warnings = load(tmp_path, both.replace("0.0.0.0", "0.0.0.0, network: lan"))
    assert [(one.transport, one.index) for one in made.listeners] == [("TCP", 0)]
    assert [str(one).split("yaml:")[1] for one in warnings] == ["3:3: warning: this machine has no IPv6: not listening"]


def test_relay_networks_as_written(tmp_path: Path) -> None:
    made, _ = load(
        tmp_path,
        BASE + "relay:\n  ports: 30000-30100\n  use: never\n  silence: 30s\n"
        "  networks:\n    internet:\n      - {bind: 0.0.0.0, advertise: 198.51.100.1}\n      - {bind: 2001:db8::5}\n",
    )
    assert made.relay.addresses == (
        RelayAddress("internet", "192.0.2.1", "198.51.100.1"),
        RelayAddress("internet", "2001:db8::5", "2001:db8::5"),
    )
    assert (made.relay.ports, made.relay.use, made.relay.silence_seconds) == ((30000, 30100), "never", 30.0)


def test_when_the_relay_is_used_everywhere_or_by_network(tmp_path: Path) -> None:
    two = (
        "dialplans: x\nlisten:\n- {transport: udp, bind: 10.0.0.1, network: lan}\n- {transport: udp, bind: 192.0.2.1}\n"
    )
    made, _ = load(tmp_path, two)
    assert (made.relay.use, made.relay.use_in) == ("always", {})
    made, _ = load(tmp_path, two + "relay: {use: when needed}\n")
    assert (made.relay.use, straight_networks(made)) == ("when needed", {"lan", "internet"})
    made, _ = load(tmp_path, two + "relay: {use: {lan: when needed, internet: always}}\n")
    assert (made.relay.use, straight_networks(made)) == ("always", {"lan"})
    for wrong, text in {
        "{lna: when needed}": '5:15: no listener is on a network "lna"; did you mean "lan"?',
        "{lan: never}": '5:14: "never" for lan is none of always, when needed',
        "sometimes": '5:14: "sometimes" is none of always, when needed, never',
    }.items():
        with pytest.raises(ConfigError) as caught:
            load(tmp_path, f"{two}relay: {{use: {wrong}}}\n")
        assert [str(one).split("yaml:")[1].replace("error: ", "") for one in caught.value.problems] == [text]


def test_paths_are_from_the_files_folder_and_variables_from_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    made, _ = load(folder, BASE + "secrets: ../s.yaml\n")
    assert made.dialplans == (folder / "office.yaml",)
    assert made.secrets == tmp_path / "s.yaml"
    assert made.store == f"sqlite:///{folder}/var/softswitch.db"
    assert made.control == folder / "var/control.sock"
    made, warnings = load(
        folder,
        BASE,
        SOFTSWITCH_STORE="sqlite:///here.db",
        SOFTSWITCH_DIALPLANS="a.yaml:/b.yaml",
        SOFTSWITCH_TLS_KEY="k.pem",
        SOFTSWITCH_LOG_FORMAT="json",
        SOFTSWITCH_CONFIG="ignored",
        SOFTSWITCH_STOER="x",
    )
    assert made.store == f"sqlite:///{tmp_path}/here.db"
    assert made.dialplans == (tmp_path / "a.yaml", Path("/b.yaml"))
    assert made.tls.key == tmp_path / "k.pem"
    assert made.tls.certificate == folder / "var/tls-certificate.pem"
    assert made.log.format == "json"
    assert [str(one) for one in warnings] == [
        'environment:0:0: warning: the variable SOFTSWITCH_STOER means nothing here; did you mean "SOFTSWITCH_STORE"?'
    ]


def test_a_wrong_variable_is_named(tmp_path: Path) -> None:
    assert problems(tmp_path, BASE + "log:\n  level: info\n", SOFTSWITCH_LOG_LEVEL="inof") == [
        'environment:0:0: SOFTSWITCH_LOG_LEVEL: "inof" is none of debug, info, warning, error; did you mean "info"?'
    ]


def test_a_short_idle_time_is_a_warning(tmp_path: Path) -> None:
    _, warnings = load(tmp_path, BASE + "limits: {idle: 1m}\n")
    assert [one.text for one in warnings] == [
        "shorter than timer_c: a connection would be closed while its phone rings"
    ]


def test_settings_are_frozen(tmp_path: Path) -> None:
    made, _ = load(tmp_path, BASE)
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.store = "memory"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("server: mail.acme.example", ("mail.acme.example", 587, "starttls")),
        ("server: mail.acme.example:2525, security: tls", ("mail.acme.example", 2525, "tls")),
        ("server: '[2001:db8::1]', security: none", ("2001:db8::1", 25, "none")),
        ("server: '[2001:db8::1]:26', security: tls", ("2001:db8::1", 26, "tls")),
    ],
)
def test_mail_servers(tmp_path: Path, written: str, expected: tuple[str, int, str]) -> None:
    made, _ = load(tmp_path, f"{BASE}mail: {{{written}, sender: tel@acme.example}}\n")
    assert made.mail is not None
    assert (made.mail.host, made.mail.port, made.mail.security) == expected


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("{server: 'a b', sender: tel@acme.example}", "is no server"),
        ("{server: 'a:x', sender: tel@acme.example}", "port"),
        ("{server: a, sender: tel}", '"tel" is no mail address'),
        ("{server: a}", '"sender:" is missing'),
    ],
)
def test_mail_servers_that_cannot_be(tmp_path: Path, written: str, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, f"{BASE}mail: {written}\n")
    assert told in str(refused.value.problems)


def test_where_messages_lie(tmp_path: Path) -> None:
    assert load(tmp_path, BASE)[0].voicemail.folder == tmp_path.resolve() / "var/voicemail"
    made, _ = load(tmp_path, BASE + "store: sqlite:////srv/x/switch.db\nvoicemail: {keep: 0}\n")
    assert (made.voicemail.folder, made.voicemail.keep_seconds) == (Path("/srv/x/voicemail"), 0.0)
    assert load(tmp_path, BASE + "voicemail: {folder: m}\n")[0].voicemail.folder == tmp_path.resolve() / "m"
