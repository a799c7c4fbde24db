"""A configured office in a temporary folder, and the command line to use there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from softswitch.cli.main import main

ROOT = Path(__file__).parent.parent.parent

SETTINGS = """\
listen:
  - {transport: udp, bind: 127.0.0.1:5060, advertise: sip.acme.example:5070}
  - {transport: tls, bind: 127.0.0.1:5061}
dialplans: office.yaml
secrets: secrets.yaml
"""


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Result]


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder; the current one too."""
    for name in [name for name in os.environ if name.startswith("SOFTSWITCH_")]:
        monkeypatch.delenv(name)
    (tmp_path / "config").mkdir()
    (tmp_path / "config/softswitch.yaml").write_text(SETTINGS)
    shutil.copy(ROOT / "tests/office.yaml", tmp_path / "config/office.yaml")
    shutil.copy(ROOT / "config/secrets.yaml", tmp_path / "config/secrets.yaml")
    (tmp_path / "config/secrets.yaml").chmod(0o600)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def softswitch(office: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run one command; the whole of it, with the exit code that a shell would see."""

    def run(*arguments: str) -> Result:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        said = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        assert "Traceback" not in said.err
        return Result(ended.value.code, said.out, said.err)

    return run
