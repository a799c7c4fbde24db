"""The command line: which commands there are, and how each of them ends.

Exit codes: 0 done; 1 the configuration has problems, or the answer is no; 2 the command was not understood;
3 no switch is running; 69 something is not to be had now, such as an address; 70 a mistake of the switch itself;
130 interrupted.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import click

import softswitch
from softswitch.cli.calls import calls
from softswitch.cli.check import check
from softswitch.cli.common import DONE, OUR_MISTAKE, PROBLEMS, Refused, show_problems
from softswitch.cli.demo import demo
from softswitch.cli.emergency import emergency
from softswitch.cli.messages import messages
from softswitch.cli.outside import outside
from softswitch.cli.override import override
from softswitch.cli.person import person
from softswitch.cli.phone import phone
from softswitch.cli.presence import presence
from softswitch.cli.relay import relay
from softswitch.cli.reload import reload
from softswitch.cli.run import run
from softswitch.cli.schema import schema
from softswitch.cli.simulate import simulate
from softswitch.cli.status import status
from softswitch.cli.trunk import trunk
from softswitch.cli.trunks import trunks
from softswitch.cli.voicemail import voicemail
from softswitch.cli.week import week
from softswitch.cli.why import why
from softswitch.errors import ConfigError

COMMANDS: dict[str, click.Command] = {
    "run": run,
    "relay": relay,
    "check": check,
    "reload": reload,
    "status": status,
    "why": why,
    "presence": presence,
    "trunks": trunks,
    "trunk": trunk,
    "outside": outside,
    "emergency": emergency,
    "simulate": simulate,
    "week": week,
    "schema": schema,
    "calls": calls,
    "messages": messages,
    "phone": phone,
    "person": person,
    "override": override,
    "voicemail": voicemail,
    "demo": demo,
}

cli = click.Group(
    commands=COMMANDS,
    help="A telephone switch for firms whose people work at the office, on the road and at home.",
    epilog="Exit codes: 0 done, 1 problems found or the answer is no, 2 not understood, 3 no switch is running.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
cli.params.append(
    click.Option(
        ["--version"],
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=lambda context, _, wanted: _say_version(context) if wanted else None,
        help="Show the version and exit.",
    )
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit; whatever happens, the operator gets a sentence and never a traceback."""
    sys.exit(_outcome(arguments))


def _outcome(arguments: Sequence[str] | None) -> int:
    try:
        result = cli.main(None if arguments is None else list(arguments), prog_name="softswitch", standalone_mode=False)
        return result if isinstance(result, int) else DONE
    except Refused as error:
        click.echo(f"softswitch: {error.message}", err=True)
        return error.code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except ConfigError as error:
        show_problems(error.problems)
        return PROBLEMS
    except (click.Abort, KeyboardInterrupt):
        click.echo("softswitch: interrupted", err=True)
        return 130
    except BrokenPipeError:
        # Whoever read our output has seen enough (`| head`). Python would complain once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except OSError as error:
        click.echo(f"softswitch: {error.filename or 'system'}: {error.strerror or error}", err=True)
        return PROBLEMS
    except Exception as error:  # the last line of defence: our mistake, told in one sentence
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        click.echo(f"softswitch: a mistake of its own, please report it: {error!r} at {where}", err=True)
        return OUR_MISTAKE


def _say_version(context: click.Context) -> None:
    click.echo(f"softswitch {softswitch.__version__}")
    context.exit()
