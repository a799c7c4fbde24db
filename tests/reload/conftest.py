"""A configured office in a temporary folder, and a reloader for it as the switch would have one."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from softswitch.clock import SystemClock
from softswitch.configuration import Configuration
from softswitch.reload.reloader import Reloader
from softswitch.reload.start import read_to_start

DIALPLAN = """\
site: {domain: acme.example, timezone: Europe/Berlin, country: DE, holidays: {region: BY}}
schedules:
  office hours: [mon-fri 08:00-17:00, except holidays]
people:
  anna:
    number: 101
    places: {office: {phone: anna-desk}, mobile: {phone: anna-mobile}}
    calls:
      - {when: office hours, ring: office}
      - {ring: mobile}
phones:
  anna-desk: {secret: anna-desk}
  anna-mobile: {secret: anna-mobile}
assertions:
  - {at: mon 09:00, to: 101, rings: anna at office}
  - {at: 2027-01-06 10:00, to: 101, rings: anna at mobile}
"""
SETTINGS = """\
listen: [{transport: udp, bind: 127.0.0.1:5060}]
dialplans: office.yaml
secrets: secrets.yaml
store: sqlite:///switch.db
control: control.sock
"""


@dataclass
class Office:
    """The files, and what a switch would do with them."""

    folder: Path
    alarms: dict[str, str] = field(default_factory=dict)
    used: list[Configuration] = field(default_factory=list)
    """What the switch was told to use, in order."""

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def start(self) -> Configuration:
        return read_to_start(self.folder / "softswitch.yaml", {}, None)

    def reloader(self) -> Reloader:
        return Reloader(self.start(), self.used.append, self.alarms, SystemClock())

    @property
    def kept(self) -> Path:
        return self.folder / "switch.db.dialplan"


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    for name in [name for name in os.environ if name.startswith("SOFTSWITCH_")]:
        monkeypatch.delenv(name)
    made = Office(tmp_path)
    made.write("softswitch.yaml", SETTINGS)
    made.write("office.yaml", DIALPLAN)
    made.write("secrets.yaml", 'anna-desk: "one"\nanna-mobile: "two"\n')
    (tmp_path / "secrets.yaml").chmod(0o600)
    return made
