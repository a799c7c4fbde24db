"""Writing a secret into the secrets file, leaving every other line of it as it was."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from softswitch import yamltext
from softswitch.errors import ConfigError
from softswitch.secrets import parse_secrets

HEADING = "# Secrets of phones and trunks. For the switch alone: chmod 600.\n"

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.+-]{0,63}", re.ASCII)
"""What an account may be called: it is a digest user name, a SIP user and a YAML key, in each without escapes."""


def store_hashes(
    path: Path, name: str, realm: str, hashes: Mapping[str, bytes], replace: bool = False, user: str = ""
) -> None:
    """Write HA1 hashes (lower-case hex, by algorithm) under `name`; `user` where it isn't the name.

    The file is replaced in one step, readable by its owner alone, and made when it is not there.
    Raises ConfigError when the file is not sound, KeyError when the name is taken and `replace` is not set,
    OSError when it cannot be written.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f'"{name}" cannot name an account')
    real = path.resolve()
    text = real.read_text(encoding="utf-8") if real.exists() else HEADING
    values = ", ".join(f"{algorithm}: {value.decode()}" for algorithm, value in hashes.items())
    whose = f"user: {user}, " if user and user != name else ""
    line = f"{name}: {{realm: {realm}, {whose}{values}}}\n"
    changed = with_entry(text, name, line, str(path), replace)
    _write(real, changed)


def with_entry(text: str, name: str, line: str, shown: str, replace: bool) -> str:
    """The file's text with `line` in place of the entry `name`, or at its end.

    Raises ConfigError when the text is not sound, before or after; KeyError when the name is taken.
    """
    before = parse_secrets(text, shown).names()
    tree = yamltext.compose(text, shown)
    assert isinstance(tree, yamltext.Mapping)  # parse_secrets refuses anything else
    if tree.entries and any(key.column != 1 for key, _ in tree):
        raise ConfigError([yamltext.problem_at(tree, "one entry a line, please: this form is not edited")])
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    if name not in tree.entries:
        changed = "".join(lines) + line
        expected = [*before, name]
    else:
        if not replace:
            raise KeyError(name)
        start = tree.entries[name][0].line - 1
        later = [key.line - 1 for key, _ in tree if key.line - 1 > start]
        end = min(later, default=len(lines))
        while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
            end -= 1  # comments stand above what they are about
        changed = "".join([*lines[:start], line, *lines[end:]])
        expected = before
    if parse_secrets(changed, shown).names() != expected:
        raise ConfigError([yamltext.problem_at(tree, "this file cannot be edited safely; do it by hand")])
    return changed


def _write(path: Path, text: str) -> None:
    """Replace a file in one step: after a crash it is the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        # Root may write here for the switch's own user; only root can give a file away, others need not.
        owner = (path if path.exists() else path.parent).stat()
        with contextlib.suppress(PermissionError):
            os.chown(temporary, owner.st_uid, owner.st_gid)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
