"""The oldest client: digest without counts, a Request-URI with a user in its REGISTER, one Via."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .conftest import StartSwitch
from .office import ACCOUNTS
from .peers.oldphone import OldPhone
from .peers.sipp import Sipp
from .server import Server, free_ports

pytestmark = pytest.mark.interop

NEEDS = ("sipp",)

pytest.importorskip("multidict")


@pytest.fixture
def md5_switch(start_switch: StartSwitch) -> Server:
    """A switch that offers MD5 alone: the old client can't read a second challenge."""
    return start_switch(media="never", digest=("MD5",))


@pytest.fixture
def old_phone(md5_switch: Server) -> Iterator[Callable[..., OldPhone]]:
    """Starts an old phone: old_phone(account, **options)."""
    running: list[OldPhone] = []

    def start(account: str, **options: str) -> OldPhone:
        running.append(OldPhone(ACCOUNTS[account], md5_switch.at("udp"), port=free_ports(1)[0], **options))
        return running[-1]

    yield start
    for one in running:
        one.stop()


def test_it_registers_and_leaves(old_phone: Callable[..., OldPhone]) -> None:
    phone = old_phone("carla-home")
    assert phone.register() == 200
    assert phone.register(expires=0) == 200


def test_it_registers_again_with_a_fresh_nonce(old_phone: Callable[..., OldPhone]) -> None:
    phone = old_phone("carla-home")
    assert [phone.register() for _ in range(3)] == [200, 200, 200]


def test_a_wrong_password_stays_outside(old_phone: Callable[..., OldPhone]) -> None:
    assert old_phone("carla-home", password="wrong").register() == 401


def test_its_messages_pass(old_phone: Callable[..., OldPhone], md5_switch: Server, tmp_path: Path) -> None:
    phone, port = old_phone("carla-home"), free_ports(1)[0]
    assert phone.register() == 200
    dario = Sipp(
        tmp_path / "dario", "register_stay", md5_switch.at("udp"), ACCOUNTS["dario-home"], port=port,
        incoming="take_message", milliseconds=8000,
    )  # fmt: skip
    try:
        dario.wait_message(r"received[\s\S]*SIP/2.0 200 ")
        assert phone.message("103", "Lunch?") == 200
        assert "Lunch?" in dario.messages()
        assert phone.message("999", "Nobody?") == 404
    finally:
        dario.stop()
