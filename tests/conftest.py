"""Fixtures that many rooms' tests use."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

NOBODY = 65534
_CLONE_NEWNET = 0x40000000
_REAL_TIME = ("interop", "media")
"""Folders of tests with programs and sound in real time."""

# A run that decides about a change repeats the same examples; everybody else's look for new ones.
settings.register_profile("decides", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("decides")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Each of several processes that share the tests (pytest -n 2) gets a network of its own: no port is taken twice.

    It has a loopback and one cable, for a link-local address.
    """
    if hasattr(session.config, "workerinput") and os.geteuid() == 0 and shutil.which("ip"):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(_CLONE_NEWNET) == 0:
            cable = "link add cable0 type veth peer name cable1"
            for words in ("link set lo up", cable, "link set cable0 up", "link set cable1 up"):
                subprocess.run(["ip", *words.split()], check=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A test in real time has a second try: the other end is a program of others, and the machine may be busy.

    The summary tells which ones needed it; whoever sees the same one twice has found a fault.
    """
    if not config.pluginmanager.hasplugin("rerunfailures"):  # pytest -p no:rerunfailures: to look for such a fault
        return
    for item in items:
        if item.path.parent.name in _REAL_TIME:
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture
def bound_by_permissions(tmp_path: Path) -> Iterator[Path]:
    """A folder of one's own, and the current one, in which file permissions mean something: root acts as nobody in it.

    The way back is root's: a checkout may lie where nobody else may go.
    """
    if os.geteuid() != 0:
        with contextlib.chdir(tmp_path):
            yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(prefix="softswitch-test-"))  # only root may enter tmp_path
    os.chown(folder, NOBODY, NOBODY)
    back = Path.cwd()
    os.chdir(folder)
    os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        os.seteuid(0)
        os.chdir(back)
        shutil.rmtree(folder)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What a test said that passed with its second try: the first one's story is not lost."""
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.section(f"first try of {report.nodeid}")
        terminalreporter.line(report.longreprtext)
        for name, text in report.sections:
            terminalreporter.section(name, "-")
            terminalreporter.line(text)
