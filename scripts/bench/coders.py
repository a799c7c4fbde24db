#!/usr/bin/env python3
"""What it costs an end of our own to say and to hear one packet of 20 ms, in each codec: microseconds of CPU.

python scripts/bench/coders.py [--count 5000]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from softswitch.media.relay.coders import CODERS


def microseconds(work: Callable[[bytes], bytes], packet: bytes, count: int) -> float:
    """Of one packet, on average."""
    began = time.process_time()
    for _ in range(count):
        work(packet)
    return (time.process_time() - began) / count * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=5000)
    count = parser.parse_args().count
    for name, make in CODERS.items():
        coder, alaw = make(), bytes(range(160))
        payload = coder.encode(alaw)
        said, heard = microseconds(coder.encode, alaw, count), microseconds(coder.decode, payload, count)
        print(f"{name:5} say {said:6.2f} µs  hear {heard:6.2f} µs")


if __name__ == "__main__":
    main()
