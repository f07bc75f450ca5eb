"""The I2C port against a far end on a real socket; the kernel's own bus is tested in the machine of tests/rig."""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firmware.clock import Clock
from firmware.ports import i2c_bus
from firmware.ports.far_i2c import FarI2c
from firmware.ports.i2c_bus import Answered, BusGone, I2cPort, KernelBus
from sensors.driver import ReadWord, Reply, Transfer

PATIENCE_S = 20.0
READ = Transfer(bytes.fromhex("ec05"), 9, 1.0)
WORD = ReadWord(7)
ENDLESS = b"9" * 10_000


def until(true: Callable[[], Any]) -> Any:
    end = time.monotonic() + PATIENCE_S
    while not (got := true()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)
    return got


class Played:
    """A bus whose devices are played by a thread: `answers` says what each (address, question) is told."""

    def __init__(self, path: Path) -> None:
        self.path, self.asked = path, list[tuple[int, Transfer | ReadWord]]()
        self.answers: Callable[[int, Transfer | ReadWord], bytes | None] = lambda address, question: b"\x01\x02"
        self.far = FarI2c(str(path))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._play, daemon=True)
        self._thread.start()

    def _play(self) -> None:
        while not self._stop.is_set():
            select.select([self.far], [], [], 0.05)
            for address, question in self.far.read():
                self.asked.append((address, question))
                data = self.answers(address, question)
                if data is None:
                    self.far.nobody(address)
                else:
                    self.far.device(address)(Reply(question, data))

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self.far.close()


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[Played]:
    made = Played(tmp_path / "bus")
    yield made
    made.close()


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[Callable[..., I2cPort]]:
    made: list[I2cPort] = []

    def port(address: int = 0x62, path: str = "") -> I2cPort:
        made.append(I2cPort(path or f"unix:{tmp_path}/bus", address, Clock()))
        return made[-1]

    yield port
    for each in made:
        each.close()
        each.close()


def heard(port: I2cPort) -> tuple[float, Reply]:
    assert select.select([port.fileno()], [], [], PATIENCE_S)[0], "nothing came"
    (answer,) = port.read()
    return answer


def test_a_question_is_answered_and_stamped(bus: Played, ports: Callable[..., I2cPort]) -> None:
    port, clock = ports(), Clock()
    assert port.fileno() >= 0 and port.because == "" and port.name == f"unix:{bus.path} 0x62"
    before = clock.elapsed_ms()
    port.write(READ)
    t_ms, reply = heard(port)
    assert reply == Reply(READ, b"\x01\x02") and before <= t_ms <= clock.elapsed_ms()
    assert bus.asked == [(0x62, READ)]
    assert port.read() == [] and port.dropped == 0
    port.write(WORD)
    assert heard(port)[1] == Reply(WORD, b"\x01\x02")


def test_two_devices_of_one_bus_hear_only_their_own(bus: Played, ports: Callable[..., I2cPort]) -> None:
    bus.answers = lambda address, question: bytes([address, 0])
    one, other = ports(0x62), ports(0x5A)
    for port in (one, other):
        port.write(WORD)
    assert heard(one)[1].data == b"\x62\x00" and heard(other)[1].data == b"\x5a\x00"


def test_a_path_without_a_scheme_is_a_bus_of_the_kernels(ports: Callable[..., I2cPort]) -> None:
    port = ports(path="/dev/null")
    assert (port.name, port.because, port.fileno()) == ("/dev/null 0x62", "/dev/null is no I2C bus", -1)


def test_what_is_no_question_is_not_asked(bus: Played, ports: Callable[..., I2cPort]) -> None:
    port = ports()
    port.write(b"\x07")
    port.write(WORD)
    assert heard(port)[1].to == WORD and len(bus.asked) == 1 and port.dropped == 0


def test_a_bus_that_is_there_is_not_looked_for(
    bus: Played, ports: Callable[..., I2cPort], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, looked = ports(), list[str]()
    monkeypatch.setattr(i2c_bus.SocketBus, "look", lambda self: looked.append("again"))
    assert port.tend(Clock().elapsed_ms() + 60_000) is None and not looked


def test_nobody_at_the_address_is_no_answer_and_counted(bus: Played, ports: Callable[..., I2cPort]) -> None:
    bus.answers = lambda address, question: None
    port = ports()
    port.write(READ)
    until(lambda: port.dropped == 1)
    assert port.read() == [] and port.fileno() >= 0 and port.because == ""


def test_a_newer_question_takes_the_place_of_the_older(bus: Played, ports: Callable[..., I2cPort]) -> None:
    """The device hangs in the first; its late answer, to the very same words, is not the second's."""
    go = threading.Event()
    answers = iter([b"\x00\x01", b"\x00\x02"])

    def slow(address: int, question: Transfer | ReadWord) -> bytes:
        go.wait(PATIENCE_S)
        return next(answers)

    bus.answers = slow
    port = ports()
    port.write(WORD)
    until(lambda: bus.asked)
    port.write(READ)  # never begun: the next one takes its place
    port.write(WORD)
    go.set()
    assert heard(port)[1] == Reply(WORD, b"\x00\x02")
    assert port.dropped == 2 and len(bus.asked) == 2


def test_an_answer_that_nobody_fetched_is_not_the_next_ones(bus: Played, ports: Callable[..., I2cPort]) -> None:
    port = ports()
    port.write(WORD)
    assert select.select([port.fileno()], [], [], PATIENCE_S)[0]
    bus.answers = lambda address, question: b"\x09\x09"
    port.write(WORD)
    until(lambda: len(bus.asked) == 2)
    assert until(port.read)[0][1].data == b"\x09\x09" and port.dropped == 1


def test_a_bug_in_the_thread_that_asks_does_not_stay_there(
    bus: Played, ports: Callable[..., I2cPort], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> bytes:
        raise KeyError("a bug")

    port = ports()
    monkeypatch.setattr(i2c_bus.SocketBus, "ask", broken)
    port.write(WORD)
    assert select.select([port.fileno()], [], [], PATIENCE_S)[0], "the loop is told"
    with pytest.raises(RuntimeError, match="failed"):
        port.read()


def test_a_closed_port_asks_and_says_nothing_more(bus: Played, ports: Callable[..., I2cPort]) -> None:
    before = len(os.listdir("/proc/self/fd"))
    port = ports()
    port.write(WORD)
    assert select.select([port.fileno()], [], [], PATIENCE_S)[0]
    port.close()
    port.write(READ)
    assert port.read() == [] and port.fileno() == -1 and port.tend(9e9) is None
    assert len(bus.asked) == 1
    until(lambda: len(os.listdir("/proc/self/fd")) == before)


def test_a_bus_that_comes_later_is_found(tmp_path: Path, ports: Callable[..., I2cPort]) -> None:
    port = ports()
    assert port.fileno() == -1 and port.because.startswith(f"{tmp_path}/bus is not there")
    port.write(WORD)
    assert port.read() == [] and port.dropped == 1
    before = len(os.listdir("/proc/self/fd"))
    due = port.tend(0.0)
    assert due is not None and port.tend(due - 1) == due and port.fileno() == -1
    assert port.tend(due) == due + 1_000
    assert len(os.listdir("/proc/self/fd")) == before, "looking in vain costs no descriptor"
    bus = Played(tmp_path / "bus")
    try:
        assert port.tend(due + 1_000) is None and port.fileno() >= 0 and port.because == ""
        port.write(WORD)
        assert heard(port)[1].data == b"\x01\x02"
    finally:
        bus.close()


def test_a_bus_that_vanishes_makes_the_port_absent_and_comes_back(
    tmp_path: Path, ports: Callable[..., I2cPort]
) -> None:
    bus = Played(tmp_path / "bus")
    port = ports()
    bus.close()
    port.write(WORD)
    assert select.select([port.fileno()], [], [], PATIENCE_S)[0], "the loop is told"
    assert port.read() == [] and port.fileno() == -1 and "is not there" in port.because
    bus = Played(tmp_path / "bus")
    try:
        assert port.tend(Clock().elapsed_ms() + 2_000) is None
        for _ in range(2):
            port.write(WORD)
            assert heard(port)[1].data == b"\x01\x02" and port.fileno() >= 0 and port.because == ""
    finally:
        bus.close()


@pytest.mark.parametrize(
    "said", [b"", b"\n", b"{}", b"[1]\n", b'{"data": "1"}\n', b'{"data": 7}\n', b"\xff\xfe\n", ENDLESS]
)
def test_a_far_end_that_talks_nonsense_is_no_answer(tmp_path: Path, ports: Callable[..., I2cPort], said: bytes) -> None:
    server = socket.socket(socket.AF_UNIX)
    server.bind(f"{tmp_path}/bus")
    server.listen()
    port = ports()
    server.accept()[0].close()  # it looked whether there is a bus
    port.write(WORD)
    line, _ = server.accept()
    line.recv(100)
    try:
        line.sendall(said)
        while said == ENDLESS:
            line.sendall(said)
    except OSError:
        assert said == ENDLESS, "only what is endless is hung up on"
    line.close()
    until(lambda: port.dropped == 1)
    assert port.read() == [] and port.fileno() >= 0
    server.close()


def test_a_far_end_that_hangs_is_no_answer(
    tmp_path: Path, ports: Callable[..., I2cPort], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(i2c_bus, "SOCKET_S", 0.1)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{tmp_path}/bus")
        server.listen()
        port = ports()
        port.write(WORD)
        until(lambda: port.dropped == 1)
        assert port.read() == [] and port.because == ""


@pytest.mark.parametrize(
    "said", [b"", b"x\n", b"{}\n", b'{"address": 98, "write": "e"}\n', b'{"address": 5e9}\n', b"7" * 50_000]
)
def test_the_far_end_survives_nonsense(bus: Played, ports: Callable[..., I2cPort], said: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(bus.path))
        caller.sendall(said)
    port = ports()
    port.write(WORD)
    assert heard(port)[1].data == b"\x01\x02"


def test_a_closed_port_leaves_nothing_open(bus: Played, ports: Callable[..., I2cPort]) -> None:
    port = ports()
    port.write(WORD)
    heard(port)
    descriptor = port.fileno()
    port.close()
    with pytest.raises(OSError):
        os.fstat(descriptor)


def test_a_port_can_be_closed_while_the_bus_hangs(bus: Played, ports: Callable[..., I2cPort]) -> None:
    go = threading.Event()
    bus.answers = lambda address, question: b"\x00" if go.wait(PATIENCE_S) else None
    port = ports()
    port.write(WORD)
    until(lambda: bus.asked)
    port.close()
    port.write(WORD)
    assert port.fileno() == -1 and port.read() == [] and port.tend(0.0) is None and port.dropped == 0
    go.set()


@pytest.mark.parametrize("kind", ["missing", "file", "tty", "folder"])
def test_what_is_no_bus_is_said_in_one_sentence_and_never_opened(kind: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = {"missing": f"{tmp_path}/i2c-1", "file": f"{tmp_path}/file", "tty": "/dev/tty", "folder": str(tmp_path)}[
        kind
    ]
    with pytest.raises(BusGone, match="is not there" if kind == "missing" else "is no I2C bus"):
        KernelBus(path).look()


class Recorded:
    """In the place of smbus2's bus: the messages of each transaction, as (read, length or bytes)."""

    funcs = i2c_bus.I2cFunc.SMBUS_PEC

    def __init__(self) -> None:
        self.said: list[Any] = []

    def __enter__(self) -> Recorded:
        return self

    def __exit__(self, *_: object) -> None:
        self.said.append("closed")

    def i2c_rdwr(self, *messages: Any) -> None:
        self.said.append([len(each) if each.flags else bytes(each) for each in messages])

    def enable_pec(self, on: bool) -> None:
        self.said.append(("pec", on))

    def read_word_data(self, address: int, register: int) -> int:
        self.said.append((address, register))
        return 0x3AD2


@pytest.mark.parametrize(
    ("question", "said", "data"),
    [
        (READ, [[b"\xec\x05"], 0.001, [9], "closed"], bytes(9)),
        (Transfer(b"\x10", 2), [[b"\x10", 2], "closed"], bytes(2)),
        (Transfer(b"\x3f\x86"), [[b"\x3f\x86"], "closed"], b""),
        (Transfer(b"\x3f\x86", 0, 5.0), [[b"\x3f\x86"], "closed"], b""),
        (Transfer(b"", 3, 5.0), [[3], "closed"], bytes(3)),
        (WORD, [("pec", True), (0x62, 7), "closed"], b"\xd2\x3a"),
    ],
)
def test_what_the_kernel_is_asked(question: Any, said: list[Any], data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait parts a transfer in two transactions; a word is asked for with PEC where the adapter knows it."""
    bus, recorded = KernelBus("/dev/i2c-1"), Recorded()
    monkeypatch.setattr(bus, "_opened", lambda: recorded)
    assert bus.ask(0x62, question, recorded.said.append) == data
    assert recorded.said == said


def test_an_adapter_that_knows_no_checksum_is_asked_without(monkeypatch: pytest.MonkeyPatch) -> None:
    bus, recorded = KernelBus("/dev/i2c-1"), Recorded()
    recorded.funcs = i2c_bus.I2cFunc.SMBUS_READ_WORD_DATA
    monkeypatch.setattr(bus, "_opened", lambda: recorded)
    assert bus.ask(0x62, WORD, recorded.said.append) == b"\xd2\x3a" and recorded.said == [(0x62, 7), "closed"]


@pytest.mark.parametrize("question", [Transfer(b"x" * 9_000), Transfer(b"x", 9_000), Transfer(b"x", -1)])
def test_a_question_no_message_can_hold_is_refused(question: Transfer, monkeypatch: pytest.MonkeyPatch) -> None:
    bus = KernelBus("/dev/i2c-1")
    monkeypatch.setattr(bus, "_opened", Recorded)
    with pytest.raises(ValueError, match="longer"):
        bus.ask(0x62, question, lambda seconds: None)


def test_the_words_on_the_socket() -> None:
    """Somebody else's simulator may listen there."""
    assert msgspec.json.encode(i2c_bus.Asked(98, "ec05", 9)) == b'{"address":98,"write":"ec05","read":9}'
    assert msgspec.json.encode(i2c_bus.Asked(90, word=7)) == b'{"address":90,"word":7}'
    assert msgspec.json.encode(Answered("d23a")) == b'{"data":"d23a"}'
    assert msgspec.json.encode(Answered(nack=True)) == b'{"nack":true}'
