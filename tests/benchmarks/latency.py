"""How long a visitor waits: scan to relay, side by side with what the machine itself takes in the same second."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from firmware.core import jwk
from tests.benchmarks import floors
from tests.benchmarks.figures import Figure, median, number, percentile
from tests.benchmarks.gate import Gate, alone, connected

SAMPLES = 400
WARM_UP = 20
SETTLE_S = 1.5
IDLE_LATENCY = "/dev/cpu_dma_latency"


def latency(folder: Path) -> list[Figure]:
    """With a hub and without one.

    With one, each scan has a flush, a bare answer, the least gate, the same with rules and a record, and an empty loop beside
    it, each after the same pause: a slow moment of the machine meets all of them alike.
    """
    with alone(folder / "alone") as gate:
        without, disk_alone, _ = _admissions(gate)
    with connected(folder / "hub") as (gate, _, listener), _floors(folder, gate) as beside:
        echo, least, judging, loop = beside
        took, disk, shown = _admissions(gate, [echo.answer, least.answer, judging.answer, lambda _: loop.turn()])
        time.sleep(SETTLE_S)
        arrived = listener.decisions[-SAMPLES:]
    to_hub = [(there - on) * 1000 for there, on in zip(arrived, shown, strict=True)]
    floor = f"fdatasync {number(median(disk))}, bare Python echo {number(median(echo.took_ms))} ms"
    least_above, judging_above = (number(median(each.took_ms) - median(disk)) for each in (least, judging))
    least_possible = f"verify, flush, answer alone {least_above} ms above it, with rules and a record {judging_above}"
    p99 = f"fdatasync {_p99(disk)}, echo {_p99(echo.took_ms)}, verify, flush and answer alone {_p99(least.took_ms)} ms"
    above, verify_one = median(took) - median(disk), floors.bare_es256()
    es256_ms = median([verify_one() for _ in range(SAMPLES)]) / 1000
    speed = f"one takes {number(es256_ms * 1000)} us here, and took {floors.ES256_US} where the limit was set"
    tails = [_tail(each.took_ms) for each in (echo, least, loop)]
    beside = "echo {}, verify, flush and answer alone {}, an empty loop {}".format(*map(number, tails))
    return [
        Figure("scan -> relay, median", median(took), "ms", 1.5, floor=floor),
        Figure("  above the disk's own flush", above, "ms", 0.7, floor=least_possible),
        Figure("  in bare ES256 verifications", above / es256_ms, "", 700 / floors.ES256_US, floor=speed),
        Figure("scan -> relay, p99", percentile(took, 99), "ms", 5.0, floor=p99),
        Figure("  in medians", _tail(took), "", floor=beside),
        Figure(
            "  without a hub, median", median(without), "ms", 1.5, floor=f"fdatasync {number(median(disk_alone))} ms"
        ),
        Figure("  without a hub, p99", percentile(without, 99), "ms", 5.0),
        Figure("relay -> MQTT subscriber, median", median(to_hub), "ms", 5.0, floor="QoS 1, Mosquitto, 2 processes"),
    ]


def _p99(took_ms: list[float]) -> str:
    return number(percentile(took_ms, 99))


def _tail(took_ms: list[float]) -> float:
    """p99 in medians: about 1 on a machine that does nothing else."""
    return percentile(took_ms, 99) / median(took_ms)


@contextmanager
def _floors(folder: Path, gate: Gate) -> Iterator[tuple[floors.Program, floors.Program, floors.Program, floors.Loop]]:
    """The least gate knows the key of `gate`'s issuer, so that it takes the same lines."""
    key = gate.issuer.jwk("booking")
    x, y = (jwk.unpack(str(key[name])) for name in ("x", "y"))
    with ExitStack() as stack:
        programs = (
            floors.echo(folder / "echo"),
            floors.least(folder / "least", x, y),
            floors.least(folder / "judging", x, y, "judging"),
        )
        for program in programs:
            stack.callback(program.close)
        time.sleep(SETTLE_S)
        yield *programs, floors.Loop()


def _admissions(
    gate: Gate, beside: Iterable[Callable[[bytes], None]] = ()
) -> tuple[list[float], list[float], list[float]]:
    """ms of each admission, ms of a bare flush after each, and the moment of each relay frame.

    `beside`: what is given the same line after each, in turn.
    """
    disk = floors.Disk(gate.folder)
    bookings = gate.bookings(SAMPLES + WARM_UP)
    for booking in bookings[:WARM_UP]:
        gate.admit(booking)
    took = []
    for booking in bookings[WARM_UP:]:
        took.append(gate.admit(booking))
        for also in beside:
            time.sleep(floors.PAUSE_S)
            also(booking + b"\r")
        time.sleep(floors.PAUSE_S)
        disk.flush()
    disk.close()
    return [ms for ms, _ in took], disk.took_ms, [on for _, on in took]


def latency_awake(folder: Path) -> list[Figure]:
    """The same on processors that do not halt while nothing is to be done, as a board's do not.

    In a virtual machine a halt gives the processor away: waking takes as long as a verification, and behind it the caches
    are another's. A Pi only waits for its next interrupt. Where nobody may ask for it (root, /dev/cpu_dma_latency): no row.
    """
    if not os.access(IDLE_LATENCY, os.W_OK):
        return []
    with kept_awake(), connected(folder / "hub") as (gate, _, _), _floors(folder, gate) as (echo, _, judging, _):
        took, disk, _ = _admissions(gate, [echo.answer, judging.answer])
    floor = f"fdatasync {number(median(disk))}, bare Python echo {number(median(echo.took_ms))} ms"
    least = f"verify, rules, a record, flush, answer alone {number(median(judging.took_ms) - median(disk))} ms above it"
    return [
        Figure("  processors kept awake, median", median(took), "ms", 1.5, floor=floor),
        Figure("    above the disk's own flush", median(took) - median(disk), "ms", 0.7, floor=least),
        Figure("    p99", percentile(took, 99), "ms", 5.0),
    ]


@contextmanager
def kept_awake() -> Iterator[None]:
    """The kernel leaves no processor in a state that takes longer than 0 us to leave, as long as the file is open."""
    asked = os.open(IDLE_LATENCY, os.O_WRONLY)
    try:
        os.write(asked, bytes(4))
        yield
    finally:
        os.close(asked)


def latency_in_trouble(folder: Path) -> list[Figure]:
    """The same while the broker is killed and started again every half second."""
    with connected(folder) as (gate, broker, _):
        over = threading.Event()

        def trouble() -> None:
            while not over.wait(0.5):
                broker.kill()
                over.wait(0.5)
                broker.start()

        troublemaker = threading.Thread(target=trouble)
        troublemaker.start()
        try:
            took, _, _ = _admissions(gate)
        finally:
            over.set()
            troublemaker.join()
    return [
        Figure("  broker killed every second, median", median(took), "ms", 1.5),
        Figure("  broker killed every second, p99", percentile(took, 99), "ms", 5.0),
    ]
