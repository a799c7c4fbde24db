"""The log: lines a person reads on a console, or JSON for journald; a level that is off costs one attribute.

    if log.info_on:
        log.info("call answered", call_id=call_id, to="anna at home")

Lines about a call carry `call_id`. Whatever peers sent is printed with its control characters escaped, so that no
one writes lines of their own into our log. Secrets are not logged; fields named like one are blanked all the same.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, TextIO

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}

_SECRET = frozenset(("password", "secret", "ha1", "a1", "authorization", "proxy_authorization", "credentials"))
_SYSLOG = {"debug": "<7>", "info": "<6>", "warning": "<4>", "error": "<3>"}
"""Priorities as journald reads them at the start of a line (sd-daemon(3))."""


class Log:
    """The switch's one log. The `…_on` attributes are for callers with something to format first."""

    def __init__(self) -> None:
        self.debug_on = False
        self.info_on = False
        self._write: Any = None
        """None until configured: then nothing is written, as in tests."""

    def debug(self, event: str, **fields: object) -> None:
        """What a developer wants to know: messages, transactions, timers."""
        if self.debug_on:
            self._write.debug(event, **fields)

    def info(self, event: str, **fields: object) -> None:
        """What an operator wants to read back: calls, registrations, start and end."""
        if self.info_on:
            self._write.info(event, **fields)

    def warning(self, event: str, **fields: object) -> None:
        """What an operator should look at some day."""
        if self._write is not None:
            self._write.warning(event, **fields)

    def error(self, event: str, **fields: object) -> None:
        """What hurts someone now."""
        if self._write is not None:
            self._write.error(event, **fields)

    def bug(self, event: str, error: BaseException, **fields: object) -> None:
        """An exception that is our own mistake, with its traceback (without the values of variables)."""
        if self._write is not None:
            self._write.error(event, exc_info=error, **fields)


log = Log()


def configure(format: str = "console", level: str = "info", stream: TextIO | None = None) -> None:
    """Write lines of `level` and above to `stream` (standard error); `format` is "console" or "json".

    What libraries log by `logging` comes along, from warnings up.
    """
    import structlog  # with what it draws in, a third of the time that the other commands take to begin

    silence()
    out = stream if stream is not None else sys.stderr
    shared: list[Any] = [structlog.processors.add_log_level, blank_secrets, printable]
    if format == "json":
        ending: list[Any] = [
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
        if "JOURNAL_STREAM" in os.environ and stream is None:
            ending = [*ending[:2], _Prioritized(ending[2])]
    else:
        ending = [
            structlog.processors.TimeStamper(fmt="%H:%M:%S.%f", utc=False),
            structlog.dev.ConsoleRenderer(
                colors=out.isatty(), pad_event_to=32, exception_formatter=structlog.dev.plain_traceback
            ),
        ]
    least = LEVELS[level]
    lazy = structlog.wrap_logger(
        _Lines(out), processors=[*shared, *ending], wrapper_class=structlog.make_filtering_bound_logger(least)
    )
    log._write = lazy.bind()  # as it is, each line would make a logger of its own first
    log.debug_on = least <= LEVELS["debug"]
    log.info_on = least <= LEVELS["info"]
    logging.getLogger().addHandler(_FromLogging(logging.WARNING))


def silence() -> None:
    """Write nothing any more, as before `configure`."""
    log._write, log.debug_on, log.info_on = None, False, False
    root = logging.getLogger()
    for handler in [one for one in root.handlers if isinstance(one, _FromLogging)]:
        root.removeHandler(handler)


def blank_secrets(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank the values of fields that are named like secrets."""
    for name in event:
        if name in _SECRET:
            event[name] = "(not shown)"
    return event


def printable(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Bytes as text, control characters escaped; numbers, truth values and None as they are."""
    for name, value in event.items():
        if name == "exc_info" or isinstance(value, (int, float)) or value is None:
            continue
        text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
        if not text.isprintable():
            text = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
        event[name] = text
    return event


class _Prioritized:
    """A line with its syslog priority in front."""

    def __init__(self, renderer: Callable[[object, str, MutableMapping[str, Any]], str | bytes]) -> None:
        self._renderer = renderer

    def __call__(self, logger: object, name: str, event: MutableMapping[str, Any]) -> str:
        line = self._renderer(logger, name, event)
        return _SYSLOG.get(event.get("level", "info"), "<6>") + str(line)


class _Lines:
    """Writes whole lines; a log that cannot be written is no reason to stop telephoning."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except OSError:
            return

    debug = info = warning = error = msg


class _FromLogging(logging.Handler):
    """What libraries say, in our form."""

    def emit(self, record: logging.LogRecord) -> None:
        fields: Mapping[str, Any] = {"source": record.name}
        if record.exc_info and record.exc_info[1] is not None:
            fields = {**fields, "exc_info": record.exc_info[1]}
        if record.levelno >= logging.ERROR:
            log.error(record.getMessage(), **fields)
        else:
            log.warning(record.getMessage(), **fields)
