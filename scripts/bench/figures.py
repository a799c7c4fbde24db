"""What `signalling` found, as a table and as a plot."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PEER = "kamailio"


@dataclass(frozen=True, slots=True)
class Figure:
    """One run of one load against one server."""

    load: str
    server: str
    round: int
    us: float
    """CPU time of the server per operation, microseconds."""


@dataclass(frozen=True, slots=True)
class Row:
    """What the rounds of one load say about one server."""

    load: str
    server: str
    us: tuple[float, ...]
    """In order of size."""
    ratios: tuple[float, ...]
    """To the peer in the same round, in order of size; empty for the peer itself."""

    @property
    def median(self) -> float:
        return statistics.median(self.us)


def rows(found: Sequence[Figure]) -> list[Row]:
    """Load by load, in the order in which they and the servers first came."""
    peer = {(one.load, one.round): one.us for one in found if one.server == PEER}
    table = []
    loads = list(dict.fromkeys(one.load for one in found))
    pairs = dict.fromkeys((one.load, one.server) for one in found)
    for load, server in sorted(pairs, key=lambda pair: loads.index(pair[0])):
        mine = [one for one in found if (one.load, one.server) == (load, server)]
        ratios = [one.us / peer[load, one.round] for one in mine if server != PEER and (load, one.round) in peer]
        table.append(Row(load, server, tuple(sorted(one.us for one in mine)), tuple(sorted(ratios))))
    return table


def markdown(table: Sequence[Row], names: dict[str, str], targets: dict[str, float]) -> str:
    """A table for people and for docs/performance.md."""
    lines = [
        "| load | server | µs/op, median [min..max] | times kamailio, median [min..max] | to reach |",
        "|---|---|---|---|---|",
    ]
    for row in table:
        ratio = target = ""
        if row.ratios:
            ratio = f"**{statistics.median(row.ratios):.2f}** [{row.ratios[0]:.2f}..{row.ratios[-1]:.2f}]"
            target = f"{targets[row.load]:g}" if row.load in targets else ""
        spread = f"{row.median:.0f} [{row.us[0]:.0f}..{row.us[-1]:.0f}]"
        lines.append(f"| {names[row.load]} | {row.server} | {spread} | {ratio} | {target} |")
    return "\n".join(lines)


def plot(table: Sequence[Row], names: dict[str, str], file: Path) -> bool:
    """Bars beside each other for each load, lines from the least to the most; False without matplotlib."""
    try:
        import matplotlib
    except ImportError:
        return False
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "softswitch"
    from matplotlib import pyplot

    loads = list(dict.fromkeys(row.load for row in table))
    servers = list(dict.fromkeys(row.server for row in table))
    width = 0.8 / len(servers)
    figure, axes = pyplot.subplots(figsize=(9, 4.5), layout="constrained")
    for at, server in enumerate(servers):
        mine = {row.load: row for row in table if row.server == server}
        places = [number + at * width for number, load in enumerate(loads) if load in mine]
        shown = [mine[load] for load in loads if load in mine]
        heights = [row.median for row in shown]
        spread = [[row.median - row.us[0] for row in shown], [row.us[-1] - row.median for row in shown]]
        bars = axes.bar(places, heights, width, yerr=spread, capsize=3, label=server)
        texts = [
            f"{row.median:.0f}" + (f"\n{statistics.median(row.ratios):.2f}×" if row.ratios else "") for row in shown
        ]
        axes.bar_label(bars, texts, padding=3, fontsize=8)
    axes.set_xticks([number + width * (len(servers) - 1) / 2 for number in range(len(loads))])
    axes.set_xticklabels([names[load].replace(", ", ",\n") for load in loads], fontsize=8)
    axes.set_ylabel("CPU µs for each operation")
    axes.margins(y=0.15)
    axes.legend()
    figure.savefig(file, metadata={"Date": None})
    pyplot.close(figure)
    return True
