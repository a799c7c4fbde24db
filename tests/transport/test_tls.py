"""What is TLS's own: certificates made, verified and renewed, handshakes bounded in time and number."""

from __future__ import annotations

import asyncio
import ssl
import stat
import time
from pathlib import Path

import pytest
from cryptography import x509

from softswitch.ops.limits import Limits
from softswitch.transport.certificate import ensure_certificate
from softswitch.transport.manager import TransportManager
from softswitch.transport.tls import TlsContexts, TlsFiles

from .conftest import MakeSwitch
from .wire import IPV4, Server, StreamPeer, Switch, listener_at, message, phone, soon, trusting

WALL = 1_795_000_000.0


async def plain(switch: Switch) -> StreamPeer:
    """A TCP connection to the TLS port."""
    return StreamPeer(*await soon(asyncio.open_connection(IPV4, switch.listener.port)))


async def carrier_at(tls_files: TlsFiles) -> Server:
    server = Server()
    await server.start(IPV4, TlsContexts(tls_files).server)
    return server


async def first_to_say(carrier: Server, expected: bytes) -> bytes:
    """With TLS 1.3 the far side sees a connection for a moment before it is refused for its certificate."""
    for _ in range(3):
        peer = await soon(carrier.accepted.get())
        if received := await peer.rest_or(expected):
            return received
    return b""


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_both_versions_are_spoken(make_switch: MakeSwitch, version: ssl.TLSVersion) -> None:
    switch = await make_switch("TLS")
    context = trusting()
    context.minimum_version = context.maximum_version = version
    _, writer = await soon(asyncio.open_connection(IPV4, switch.listener.port, ssl=context))
    writer.write(message())
    assert (await soon(switch.heard.get()))[0] == message()
    writer.close()


async def test_older_versions_are_not(make_switch: MakeSwitch) -> None:
    switch = await make_switch("TLS")
    context = trusting()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await soon(asyncio.open_connection(IPV4, switch.listener.port, ssl=context))


async def test_bytes_that_are_no_handshake_end_the_connection(make_switch: MakeSwitch) -> None:
    switch = await make_switch("TLS")
    stranger = await plain(switch)
    await stranger.send(message() * 10)
    await stranger.rest()
    assert switch.heard.empty()
    assert switch.closed.empty()  # nobody knew this flow
    assert switch.manager.limiter.connections == 0


async def test_a_handshake_has_to_come_to_its_end(make_switch: MakeSwitch) -> None:
    switch = await make_switch("TLS", limits=Limits(handshake_seconds=0.08))
    stranger = await plain(switch)
    await stranger.send(b"\x16\x03\x01\x02\x00")
    await stranger.rest()
    assert switch.manager.limiter.connections == 0


async def test_connections_without_a_handshake_count(make_switch: MakeSwitch) -> None:
    switch = await make_switch("TLS", limits=Limits(connections_per_source=2), exempt=None)
    silent = [await plain(switch) for _ in range(3)]
    assert await silent[2].rest() == b""
    assert switch.manager.limiter.refused_connections == 1
    silent[0].close()
    assert len(switch.manager.connections()) == 2


async def test_the_certificate_must_bear_the_name(make_switch: MakeSwitch, tls_files: TlsFiles) -> None:
    switch = await make_switch("TLS")
    carrier = await carrier_at(tls_files)
    wrong = switch.flow_to(IPV4, carrier.port, "carrier.example")
    switch.manager.send(message(), wrong)
    told, reason = await soon(switch.closed.get())
    assert told == wrong
    assert "certificate not accepted" in reason
    assert "carrier.example" in reason
    right = switch.flow_to(IPV4, carrier.port, "sip.acme.example")
    switch.manager.send(message(), right)
    assert await first_to_say(carrier, message()) == message()
    carrier.close()


async def test_an_accepted_connection_does_not_stand_in_for_a_verified_one(make_switch: MakeSwitch) -> None:
    switch = await make_switch("TLS")
    anna = await phone(switch)
    await anna.send(message())
    _, flow = await soon(switch.heard.get())
    pretended = switch.flow_to(flow.host, flow.port, "carrier.example")
    switch.manager.send(message("secret"), pretended)
    assert (await soon(switch.closed.get()))[0] == pretended
    anna.close()
    assert await anna.rest() == b""


async def test_an_unknown_authority_is_refused_unless_told_otherwise(
    make_switch: MakeSwitch, tls_files: TlsFiles
) -> None:
    carrier = await carrier_at(tls_files)
    for verify in (True, False):
        files = TlsFiles(tls_files.certificate, tls_files.key, authorities=None, verify=verify)
        switch = await make_switch("TLS", tls=TlsContexts(files))
        flow = switch.flow_to(IPV4, carrier.port, "carrier.example")
        switch.manager.send(message(), flow)
        if verify:
            assert "certificate not accepted" in (await soon(switch.closed.get()))[1]
        else:
            assert await first_to_say(carrier, message()) == message()
    carrier.close()


async def test_a_reload_shows_the_new_certificate_and_keeps_connections(
    make_switch: MakeSwitch, tmp_path: Path
) -> None:
    files = TlsFiles(tmp_path / "own.pem", tmp_path / "own.key")
    ensure_certificate(files.certificate, files.key, ["old.acme.example"], time.time())
    tls = TlsContexts(files)
    switch = await make_switch("TLS", tls=tls)
    anna = await phone(switch)
    files.certificate.unlink()
    files.key.unlink()
    ensure_certificate(files.certificate, files.key, ["new.acme.example"], time.time())
    tls.reload()
    carla = await phone(switch)
    shown = [peer.writer.get_extra_info("ssl_object").getpeercert(True) for peer in (anna, carla)]
    assert b"old.acme.example" in shown[0]
    assert b"new.acme.example" in shown[1]
    await anna.send(message())
    await soon(switch.heard.get())


def test_a_reload_that_fails_changes_nothing(tmp_path: Path) -> None:
    files = TlsFiles(tmp_path / "own.pem", tmp_path / "own.key")
    ensure_certificate(files.certificate, files.key, ["sip.acme.example"], WALL)
    tls = TlsContexts(files)
    before = tls.server, tls.client
    files.certificate.write_text("no certificate")
    with pytest.raises(OSError):
        tls.reload()
    assert (tls.server, tls.client) == before


def test_a_certificate_is_made_once_with_a_warning(tmp_path: Path) -> None:
    certificate, key = tmp_path / "new" / "own.pem", tmp_path / "new" / "own.key"
    warning = ensure_certificate(certificate, key, ["sip.acme.example", "192.0.2.1", "fe80::1%2"], WALL)
    assert str(certificate) in warning
    assert "self-signed" in warning
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    made = x509.load_pem_x509_certificate(certificate.read_bytes())
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["sip.acme.example"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.1", "fe80::1"]
    assert made.not_valid_before_utc.timestamp() < WALL < made.not_valid_after_utc.timestamp()
    content = certificate.read_bytes(), key.read_bytes()
    assert ensure_certificate(certificate, key, ["other.example"], WALL) == ""
    assert (certificate.read_bytes(), key.read_bytes()) == content
    assert sorted(path.name for path in certificate.parent.iterdir()) == ["own.key", "own.pem"]


@pytest.mark.parametrize("missing", ["own.pem", "own.key"])
def test_half_a_pair_is_not_replaced(tmp_path: Path, missing: str) -> None:
    certificate, key = tmp_path / "own.pem", tmp_path / "own.key"
    ensure_certificate(certificate, key, ["sip.acme.example"], WALL)
    (tmp_path / missing).unlink()
    with pytest.raises(FileNotFoundError, match=missing):
        ensure_certificate(certificate, key, ["sip.acme.example"], WALL)
    assert not (tmp_path / missing).exists()


async def test_a_listener_without_a_certificate_does_not_start() -> None:
    manager = TransportManager([listener_at("TLS")], lambda data, flow: None, lambda flow, reason: None)
    with pytest.raises(OSError, match="needs a certificate"):
        await manager.start()
