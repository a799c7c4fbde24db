"""`python -m softswitch.media.relay`: the relay as a process of its own."""

from __future__ import annotations

import sys

from .process import main
from .settings import parse_arguments

if __name__ == "__main__":
    sys.exit(main(parse_arguments(sys.argv[1:])))
