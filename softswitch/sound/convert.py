"""`python -m softswitch.sound.convert FROM TO …`: WAV files in any form into our own, in a process of its own.

Another sample rate is much arithmetic, and neither calls nor packets may wait for it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from .wav import alaw_file, alaw_of


def convert(source: Path, target: Path) -> None:
    """Write `target` as a whole or not at all. Raises OSError, and ValueError in an operator's words."""
    made = alaw_file(alaw_of(source.read_bytes()))
    part = target.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(made)
    os.replace(part, target)


def main(words: Sequence[str]) -> int:
    """Convert each pair; the exit status is 1 when one could not be, and standard error says why."""
    failed = 0
    for source, target in zip(words[0::2], words[1::2], strict=True):
        try:
            convert(Path(source), Path(target))
        except (OSError, ValueError) as error:
            print(f"{source}: {error}", file=sys.stderr)
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
