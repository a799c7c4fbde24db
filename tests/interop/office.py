"""The sample office as the outside programs meet it: people, their phones, and the files that describe them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DOMAIN = "acme.example"


@dataclass(frozen=True, slots=True)
class Account:
    """What is typed into one phone."""

    name: str
    """The account: the user name for digest."""
    person: str
    """The address of record: sip:<person>@acme.example."""
    number: str
    password: str

    @property
    def aor(self) -> str:
        return f"sip:{self.person}@{DOMAIN}"


ACCOUNTS = {
    account.name: account
    for account in (
        Account("anna-desk", "anna", "101", "pw-desk-7Qx"),
        Account("anna-home", "anna", "101", "pw-home-2Lk"),
        Account("carla-home", "carla", "102", "pw-carla-9Zt"),
        Account("dario-home", "dario", "103", "pw-dario-4Wm"),
    )
}

DIALPLAN = f"""\
site:
  domain: {DOMAIN}
  timezone: Europe/Berlin

people:
  anna:                       # no rules: every place rings at once
    name: Anna Berger
    number: 101
    places:
      office: {{phone: anna-desk}}
      home: {{phone: anna-home}}
  carla:
    name: Carla Ruiz
    number: 102
    places:
      home: {{phone: carla-home}}
  dario:
    name: Dario Conti
    number: 103
    places:
      home: {{phone: dario-home}}

phones:
  anna-desk: {{secret: anna-desk}}
  anna-home: {{secret: anna-home}}
  carla-home: {{secret: carla-home}}
  dario-home: {{secret: dario-home}}

codes:
  "600": echo
"""


@dataclass(frozen=True, slots=True)
class Listen:
    """One listening address of the switch under test."""

    transport: str
    """udp, tcp or tls."""
    host: str
    port: int
    advertised: str = ""
    """The address told to peers, when it is another one (1:1 NAT)."""
    network: str = "internet"

    @property
    def yaml(self) -> str:
        advertise = f", advertise: {self.advertised}:{self.port}" if self.advertised else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f'{{transport: {self.transport}, bind: "{host}:{self.port}"{advertise}, network: {self.network}}}'


def write_office(
    folder: Path,
    listen: tuple[Listen, ...],
    certificate: Path,
    key: Path,
    digest: tuple[str, ...],
    media: str,
    ports: str,
    more: str = "",
    level: str = "debug",
    dialplan: str = DIALPLAN,
    secrets_too: str = "",
    engine: str = "built-in",
    authorities: Path | None = None,
    relay: str = "",
) -> Path:
    """The configuration, dialplan and secrets in `folder`; the configuration's path.

    `more` is YAML to add to the configuration, `secrets_too` to the secrets; `level` is the log's. `authorities` has
    whose certificates are trusted besides the system's. `relay` is more of the relay's line.
    `media` is "always" or "never": whether sound goes through the relay; `ports` its range, "20000-20999".
    """
    (folder / "dialplan.yaml").write_text(dialplan)
    secrets = folder / "secrets.yaml"
    secrets.touch(mode=0o600)
    secrets.write_text("".join(f'{a.name}: "{a.password}"\n' for a in ACCOUNTS.values()) + secrets_too)
    config = folder / "softswitch.yaml"
    config.write_text(
        "listen:\n"
        + "".join(f"  - {one.yaml}\n" for one in listen)
        + f"dialplans: [{folder}/dialplan.yaml]\n"
        + f"secrets: {secrets}\n"
        + f"store: sqlite:///{folder}/switch.db\n"
        + f"digest: {{algorithms: [{', '.join(digest)}]}}\n"
        + f"relay: {{engine: {engine}, ports: {ports}, use: {media}{relay and ', ' + relay}}}\n"
        + f"tls: {{certificate: {certificate}, key: {key}{f', authorities: {authorities}' if authorities else ''}}}\n"
        + f"control: {folder}/control.sock\n"
        + f"log: {{format: json, level: {level}}}\n"
        + more
    )
    return config
