"""The figures this device has to reach, measured here and now: `python -m tests.benchmarks [NAME ...]`.

Prints one table; exits with 1 when a figure misses its limit. Needs a quiet machine and Mosquitto.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.benchmarks import latency, measures
from tests.benchmarks.figures import Figure, table
from tests.benchmarks.memory import memory
from tests.benchmarks.network import network
from tests.benchmarks.rules import judging, rehearsal
from tests.benchmarks.side import side
from tests.benchmarks.wire import wire

MEASURES = {
    "latency": latency.latency,
    "awake": latency.latency_awake,
    "trouble": latency.latency_in_trouble,
    "core": measures.core,
    "rules": judging,
    "rehearsal": rehearsal,
    "refusals": measures.refusals,
    "card": measures.card,
    "memory": memory,
    "ready": measures.ready,
    "side": side,
    "network": network,
    "wire": wire,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these: {', '.join(MEASURES)}")
    parser.add_argument("--folder", type=Path, help="where the journals lie: on the disk to be measured")
    wanted = parser.parse_args()
    unknown = set(wanted.names) - set(MEASURES)
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(dir=wanted.folder, prefix="hallgate-bench-") as folder:
        for name in wanted.names or MEASURES:
            print(f"measuring {name} ...", file=sys.stderr, flush=True)
            figures += MEASURES[name](Path(folder) / name)
    print(table(figures))
    return 0 if all(figure.ok for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
