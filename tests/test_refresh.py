"""Calendars from addresses: fetched from a real https server, and taken over."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from softswitch.calendars import Copies
from softswitch.dialplan.load import load_texts
from softswitch.dialplan.plan import Plans
from softswitch.server.refresh import CalendarRefresher
from softswitch.transport.certificate import ensure_certificate

CALENDAR = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//acme//on call//EN\r\nBEGIN:VEVENT\r\nUID:1@acme.example\r\n"
    "DTSTAMP:20261101T000000Z\r\nDTSTART:20261127T180000Z\r\nDTEND:20261127T200000Z\r\nSUMMARY:on call\r\n"
    "END:VEVENT\r\nEND:VCALENDAR\r\n"
)
DURING, BEFORE = 1_795_806_000.0, 1_795_800_000.0
"""2026-11-27 19:00 and 17:20 UTC."""


class Pages(http.server.BaseHTTPRequestHandler):
    """One page, whatever the path."""

    content = b""
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    ensure_certificate(certificate, key, ["localhost"], 1_795_000_000.0)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    Pages.content, Pages.status = CALENDAR.encode(), 200
    yield f"https://localhost:{server.server_address[1]}/on-call.ics"
    server.shutdown()
    server.server_close()
    thread.join(5)


class Switch:
    """What the refresher knows of a switch."""

    def __init__(self, folder: Path, address: str) -> None:
        self.text = (
            "site: {domain: acme.example, timezone: Europe/Berlin}\n"
            f"schedules:\n  on call:\n    calendar: {address}\n"
            "people:\n  anna:\n    number: 101\n"
            "    places:\n      office: {phone: anna-desk}\n      home: {phone: anna-home}\n"
            "    calls:\n      - {when: on call, ring: home}\n      - {ring: office}\n"
        )
        self.copies = Copies(folder)
        self.alarms: dict[str, str] = {}
        self.reloads = 0
        self.plans = self._load()
        self.refresher = CalendarRefresher(self.copies, lambda: self.plans.values(), self._reload, self.alarms)

    def _load(self) -> Plans:
        return load_texts([("acme.yaml", self.text)], copy_of=self.copies.get)[0]

    async def _reload(self) -> None:
        self.reloads += 1
        self.plans = self._load()

    def on_call(self, moment: float) -> bool:
        return self.plans["acme.example"].schedules["on call"].contains(moment)


async def test_a_calendar_is_fetched_and_taken_over(address: str, tmp_path: Path) -> None:
    switch = Switch(tmp_path / "copies", address)
    assert not switch.on_call(DURING)
    await switch.refresher.refresh()
    assert switch.reloads == 1
    assert switch.on_call(DURING)
    assert not switch.on_call(BEFORE)
    await switch.refresher.refresh()
    assert switch.reloads == 1, "nothing had changed"


async def test_the_last_good_copy_serves_while_there_is_an_alarm(address: str, tmp_path: Path) -> None:
    switch = Switch(tmp_path / "copies", address)
    await switch.refresher.refresh()
    for content, status in ((b"no calendar", 200), (CALENDAR.encode(), 503)):
        Pages.content, Pages.status = content, status
        await switch.refresher.refresh()
        assert address in next(iter(switch.alarms.values()))
        assert switch.on_call(DURING)
    Pages.content, Pages.status = CALENDAR.encode(), 200
    await switch.refresher.refresh()
    assert not switch.alarms
