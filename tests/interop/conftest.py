"""Fixtures of the calls with outside programs."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from .certificates import Certificates, make_certificates
from .netlab import OFFICE_PUBLIC, PUBLIC, Lab, lab, may_make_namespaces
from .office import DOMAIN, Listen
from .peers.process import TAIL_LINES, started
from .server import STANDIN, Server, free_ports, run_server, start_rtpengine


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test whose module NEEDS programs that are not here is skipped, or fails where all are promised.

    scripts/test promises them (INTEROP_REQUIRED=1), for it installs them.
    """
    started.clear()
    module = getattr(item, "module", None)
    missing = [name for name in getattr(module, "NEEDS", ()) if shutil.which(name, path=_PATH) is None]
    if missing and os.environ.get("INTEROP_REQUIRED"):
        pytest.fail(f"not installed: {', '.join(missing)}")
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}; scripts/setup test installs them")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure shows what each program said last, not only the one that was waited for."""
    report = yield
    if report.failed:
        for one in started:
            said = "\n".join(one.output.splitlines()[-TAIL_LINES:])
            report.sections.append((f"{one.name} {one.at}", said))
    return report


_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority that the phones trust and the switch's certificate."""
    addresses = ("127.0.0.1", PUBLIC, OFFICE_PUBLIC)
    return make_certificates(tmp_path_factory.mktemp("certificates"), [DOMAIN], addresses)


StartSwitch = Callable[..., Server]

ENGINES = ("built-in", pytest.param("rtpengine", marks=pytest.mark.long))
"""Of the sound: what our own relay passes, rtpengine has to pass too."""


@pytest.fixture
def start_switch(tmp_path: Path, certificates: Certificates) -> Iterator[StartSwitch]:
    """Starts a switch with the options of `run_server`, by default on free loopback ports; ends it after the test.

    With the engine "rtpengine" one is started beside it.
    """
    with contextlib.ExitStack() as stack:

        def start(listen: tuple[Listen, ...] | None = None, **options: object) -> Server:
            if listen is None:
                names = ("udp", "tcp", "tls")
                ports = free_ports(len(names))
                listen = tuple(Listen(name, "127.0.0.1", port) for name, port in zip(names, ports, strict=True))
            folder = tmp_path / "switch"
            folder.mkdir()
            if options.get("engine") == "rtpengine":
                if STANDIN:
                    pytest.skip("the stand-in has it always")
                daemon = start_rtpengine(folder, listen, options.get("netns"), "30000-30399")  # type: ignore[arg-type]
                stack.callback(daemon.stop)
                options["engine"] = "rtpengine 127.0.0.1:2223"
            return stack.enter_context(run_server(folder, listen, certificates, **options))  # type: ignore[arg-type]

        yield start


@pytest.fixture
def switch(start_switch: StartSwitch) -> Server:
    """A switch with the sample office on free loopback ports, for UDP, TCP and TLS; sound goes directly."""
    return start_switch(media="never")


@pytest.fixture
def netlab() -> Iterator[Lab]:
    """An internet to which a test adds homes and an office."""
    if not may_make_namespaces():
        if os.environ.get("INTEROP_REQUIRED") and os.geteuid() == 0:
            pytest.fail("root, and yet no network namespaces")
        pytest.skip("network namespaces want root")
    with lab() as made:
        yield made
