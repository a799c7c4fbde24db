"""What the commands share: finding the settings, loading all that is configured, saying what is wrong."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

import click

from softswitch import configuration
from softswitch.configuration import Configuration as Configuration
from softswitch.configuration import read_all
from softswitch.dialplan.plan import Plan, Plans
from softswitch.errors import Problem
from softswitch.settings import Settings
from softswitch.settingsfile import load_settings
from softswitch.suggest import did_you_mean

DONE = 0
PROBLEMS = 1
"""Something is wrong in the configuration, or the answer to the question is no."""
USAGE = 2
"""The command was not understood (click's own)."""
NOT_RUNNING = 3
"""No switch answers."""
OUR_MISTAKE = 70
"""A bug of the switch (EX_SOFTWARE of sysexits.h)."""

DEFAULT_FILES = (Path("config/softswitch.yaml"), Path("/etc/softswitch/softswitch.yaml"))

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    envvar="SOFTSWITCH_CONFIG",
    help="The settings; else config/softswitch.yaml here, else /etc/softswitch/softswitch.yaml.",
)


class Refused(click.ClickException):
    """The end of a command, in words for the operator."""

    def __init__(self, text: str, exit_code: int = PROBLEMS) -> None:
        super().__init__(text)
        self.code = exit_code


def find_config(given: Path | None) -> Path:
    """The settings file to use. Raises Refused when there is none."""
    if given is not None:
        return given
    for path in DEFAULT_FILES:
        if path.exists():
            return path
    raise Refused(f"no settings: neither {DEFAULT_FILES[0]} nor {DEFAULT_FILES[1]} is there; name them with --config")


def read_settings(config: Path | None) -> tuple[Settings, list[Problem]]:
    """The settings alone, for commands that ask a running switch. Raises ConfigError."""
    return load_settings(find_config(config), os.environ)


def read_configuration(config: Path | None, secrets_needed: bool = True) -> Configuration:
    """Settings, dialplans and secrets. Raises ConfigError with the problems of all three.

    `secrets_needed=False`: the secrets file may not be there yet.
    """
    return read_all(find_config(config), os.environ, Path.cwd(), secrets_needed, time.time())


def shown_path(path: Path) -> Path:
    """As short as it can be said from here."""
    return configuration.shown_path(path, Path.cwd())


def show_problems(problems: Sequence[Problem]) -> None:
    """One line each on standard error; without line and column where there are none."""
    for problem in problems:
        click.echo(str(problem).replace(":0:0: ", ": ", 1), err=True)


def printable(text: object) -> str:
    """A text that came from outside, without what would move the cursor or change colours."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in str(text))


def choose_plan(plans: Plans, site: str | None, who: str) -> tuple[Plan, str]:
    """The site that `who` belongs to, and its user part; `who` may be "101" or "101@acme.example".

    Raises Refused when several sites could be meant.
    """
    user, at, domain = who.partition("@")
    wanted = site or (domain if at else None)
    if wanted is not None:
        if wanted not in plans:
            raise Refused(f'no site "{wanted}" is configured{did_you_mean(wanted, plans)}')
        return plans[wanted], user
    if len(plans) == 1:
        return next(iter(plans.values())), user
    having = [plan for plan in plans.values() if plan.lookup(user) is not None]
    if len(having) == 1:
        return having[0], user
    names = ", ".join(plan.site for plan in having or plans.values())
    raise Refused(f"which of these sites? {names}; say {user}@SITE")
