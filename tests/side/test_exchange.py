"""The side link without sockets: what arrives, what is believed, and what no bytes of anybody can do."""

from __future__ import annotations

import os
import zlib
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.peers import side_wire
from firmware.peers.side_exchange import (
    BEAT_MS,
    CARRIED_MAX,
    CARRIED_PER_BEAT,
    COALESCE_MS,
    KEYS_MAX,
    OUTBOX_MAX,
    PEERS_MAX,
    PIECES_MAX,
    SILENT_MS,
    SOURCES_MAX,
    STRANGERS_PER_S,
    Address,
    Exchange,
)
from firmware.peers.side_wire import DATAGRAM_BYTES_MAX, MESSAGE_BYTES_MAX, Part, Seal, Window, body_of, envelope
from tests.side.wires import KEY, Datagram, Wire, address, draws


def met(*names: str) -> Wire:
    wire = Wire(*names)
    wire.wait(10)
    assert all(len(door.peers) == len(names) - 1 for door in wire.doors.values())
    wire.got.clear()
    return wire


# -------------------------------------------------------------- what arrives


def test_a_change_is_told_at_once_and_the_latest_to_whoever_comes_later() -> None:
    wire = met("a", "b")
    wire.say("a", "row/a", b"one")
    assert wire.heard_by("b") == [b"one"]
    wire.wait(COALESCE_MS)
    wire.say("a", "row/a", b"two")
    wire.got.clear()
    wire.start("b")
    wire.wait(10)
    assert wire.heard_by("b", "row/a") == [b"two"]


def test_what_changes_fast_is_told_together_and_the_last_is_never_lost() -> None:
    wire = met("a", "b")
    for number in range(200):
        wire.now_ms += 0.5
        wire.say("a", "row/a", b"%d" % number)
        wire.door("a").tend(wire.now_ms)
        wire.carry()
    wire.wait(COALESCE_MS + 5)
    assert wire.heard_by("b")[-1] == b"199" and len(wire.heard_by("b")) <= 8


def test_a_beat_repeats_and_a_lost_change_is_said_again_soon() -> None:
    wire = met("a", "b")
    wire.cut = {"a"}
    wire.say("a", "row/a", b"one")
    wire.cut = set()
    wire.wait(100)
    assert wire.heard_by("b") == [b"one"]
    wire.wait(2 * BEAT_MS)
    assert len(wire.heard_by("b")) >= 3


def test_a_door_that_was_cut_off_learns_the_latest_within_a_second_of_healing() -> None:
    wire = met("a", "b", "c")
    wire.cut = {"c"}
    wire.wait(SILENT_MS + 1_000)
    wire.say("a", "row/a", b"meanwhile")
    wire.wait(1_000)
    wire.got.clear()
    wire.cut = set()
    wire.wait(1_010)
    assert b"meanwhile" in wire.heard_by("c")


def test_a_door_nobody_names_is_met_when_it_speaks() -> None:
    wire = Wire("a", "b")
    wire.doors[address("new")] = Exchange(KEY, "baoshan", "new", [address("a")], draws(77))
    wire.wait(20)
    wire.say("a", "row/a", b"x")
    assert wire.heard_by("new") == [b"x"]


def test_what_a_dead_door_said_is_handed_to_whoever_comes_later() -> None:
    wire = met("north", "south", "east")
    wire.cut = {"east"}
    wire.hand_on("north", "row/dead", b"its last word")
    wire.wait(SILENT_MS + BEAT_MS)
    wire.cut = set()
    wire.wait(1_200)
    assert wire.heard_by("east", "row/dead")[0] == b"its last word"
    assert {message.peer for to, message in wire.got if message.key == "row/dead"} == {"north"}


def test_of_many_last_words_a_few_go_with_every_beat_and_all_in_turn() -> None:
    wire = met("north", "south")
    for number in range(10):
        wire.hand_on("north", f"row/dead-{number}", b"%d" % number)
    wire.got.clear()
    wire.wait(BEAT_MS)
    assert len([message for _, message in wire.got if message.key.startswith("row/dead")]) == CARRIED_PER_BEAT
    wire.wait(3 * BEAT_MS)
    assert {message.payload for _, message in wire.got if message.key.startswith("row/dead")} == {
        b"%d" % number for number in range(10)
    }


def test_more_last_words_than_a_hall_can_have_are_refused_and_counted() -> None:
    wire = met("north", "south")
    for number in range(CARRIED_MAX):
        wire.hand_on("north", f"row/{number}", b"x")
    assert not wire.door("north").carry("row/one-more", b"x")
    assert wire.door("north").carry("row/0", b"newer")
    assert wire.door("north").refused["carried_too_much"] == 1


def test_long_messages_arrive_also_when_every_third_datagram_is_lost() -> None:
    wire, dice = met("a", "b"), Random(4)
    wire.spoil = lambda datagram: [] if dice.random() < 1 / 3 else [datagram]
    payload = Random(1).randbytes(60_000)
    wire.say("a", "passes/a", payload)
    wire.wait(12 * BEAT_MS, step_ms=50)
    assert wire.heard_by("b", "passes/a") == [payload]
    assert all(len(raw) <= DATAGRAM_BYTES_MAX for _, _, raw in wire.captured)


def test_long_messages_that_change_arrive_at_their_pace_and_long_before_a_beat() -> None:
    """Sixteen datagrams every 5 ms: a small receiver has no room for more."""
    wire = met("a", "b")
    for number in (1, 2):
        payload = Random(number).randbytes(60_000)
        wire.got.clear()
        wire.say("a", "passes/a", payload)
        for _ in range(10):
            wire.captured.clear()
            wire.wait(5.0)
            assert len(wire.captured) <= 16
        assert wire.heard_by("b", "passes/a") == [payload]


def test_of_a_long_message_each_beat_repeats_some_parts_until_all_have_come() -> None:
    wire = met("a", "b")
    wire.say("b", "row/b", b"here")
    payload = Random(1).randbytes(60_000)
    wire.cut = {"b"}
    wire.say("a", "passes/a", payload)
    wire.wait(500)
    wire.cut = set()
    wire.wait(2 * BEAT_MS)
    assert wire.heard_by("b") == [], "67 parts take three beats"
    wire.wait(BEAT_MS)
    assert wire.heard_by("b") == [payload]


def test_a_last_word_that_is_long_is_handed_on_whole_and_a_later_one_after_it() -> None:
    wire, words = met("north", "south"), [Random(number).randbytes(5_000) for number in (1, 2)]
    for word in words:
        wire.hand_on("north", "row/dead", word)
        wire.wait(BEAT_MS + 100)
    assert wire.heard_by("south") == words


def test_what_is_said_again_is_no_change() -> None:
    wire = met("a", "b")
    wire.say("a", "row/a", b"one")
    wire.wait(1_000)
    wire.captured.clear()
    wire.say("a", "row/a", b"one")
    wire.wait(1_000)
    assert wire.captured == []


def test_a_peer_that_is_not_there_is_looked_for_once_a_second() -> None:
    wire = met("a", "b")
    wire.cut = {"b"}
    wire.wait(SILENT_MS + 1_000)
    wire.captured.clear()
    wire.wait(10_000)
    assert len([to for source, to, _ in wire.captured if source == address("a")]) == 10


def test_too_large_or_one_key_too_many_is_refused_and_counted() -> None:
    wire = met("a", "b")
    door = wire.door("a")
    assert not door.publish("x", bytes(MESSAGE_BYTES_MAX + 1), 0.0)
    assert not door.publish("x", Random(1).randbytes(400_000), 0.0)
    assert all(door.publish(f"k{index}", b"", 0.0) for index in range(KEYS_MAX))
    assert not door.publish("one-more", b"", 0.0)
    assert door.refused["own_too_large"] == 3


def test_forty_doors_meet_and_hear_each_other() -> None:
    wire = Wire(*(f"door-{number}" for number in range(40)))
    wire.wait(2_000, step_ms=50)
    assert all(len(door.peers) == 39 for door in wire.doors.values())
    wire.say("door-7", "row/7", b"x")
    assert len({to for to, message in wire.got if message.payload == b"x"}) == 39


# -------------------------------------------------------------- what is believed


@settings(max_examples=100, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(2, 12))
def test_loss_repetition_and_disorder_never_bring_an_older_word_back(dice: Random, changes: int) -> None:
    wire, held = met("a", "b"), list[Datagram]()

    def spoil(datagram: Datagram) -> list[Datagram]:
        held.append(datagram)
        dice.shuffle(held)
        going = [each for each in held if dice.random() < 0.6]
        held[:] = [each for each in held if dice.random() < 0.5]
        return going

    wire.spoil = spoil
    for number in range(changes):
        wire.say("a", "row/a", bytes([number]))
        wire.wait(dice.choice((1, 25, 400)))
    told = wire.heard_by("b")
    assert told == sorted(told)
    wire.spoil = lambda datagram: [datagram]
    wire.wait(BEAT_MS + 100)
    assert wire.heard_by("b")[-1] == bytes([changes - 1])


def test_a_recording_is_refused_in_its_epoch_after_it_and_after_a_restart_of_the_listener() -> None:
    wire = met("a", "b")
    wire.say("a", "row/a", b"yesterday")
    recorded = [each for each in wire.captured if each[1] == address("b")]
    wire.got.clear()
    for restart in ((), ("a",), ("b",), ("a", "b")):
        for name in restart:
            wire.start(name)
        wire.wait(2_000)
        wire.got.clear()
        for each in recorded:
            wire.deliver(each)
        wire.carry()
        assert b"yesterday" not in wire.heard_by("b"), restart
    assert wire.door("b").refused["unproved"] > 0


def test_a_recording_does_not_make_a_dead_door_look_alive() -> None:
    wire = met("a", "b")
    wire.say("a", "row/a", b"x")
    recorded = [each for each in wire.captured if each[1] == address("b")]
    wire.cut = {"a"}
    wire.wait(20_000, step_ms=100)
    wire.cut, seen = set(), wire.door("b").peers["a"].heard_ms
    del wire.doors[address("a")]
    for each in recorded:
        wire.deliver(each)
    assert wire.door("b").peers["a"].heard_ms == seen


def test_another_hall_and_another_key_are_strangers() -> None:
    for stranger in ({"hall": "minhang"}, {"key": bytes(32)}):
        wire = Wire("a", "b")
        wire.start("b", **stranger)
        wire.say("b", "row/b", b"x")
        wire.wait(3_000)
        assert not wire.got and not wire.door("a").peers
        assert wire.door("a").refused["forged"] >= 3


def test_own_words_that_come_back_are_no_message_and_are_sent_no_more() -> None:
    here = address("a")
    door = Exchange(KEY, "baoshan", "a", [here, address("b")], draws(1))
    door.publish("row/a", b"x", 0.0)
    datagram = next(datagram for datagram, to in door.outbox if to == here)
    assert door.heard(datagram, here, 0.0) is None
    assert door.refused["reflected"] == 1 and here not in door.targets and not door.peers


def test_own_words_sent_back_under_a_peers_address_silence_nobody() -> None:
    """Who can write any address on a datagram could else part two doors for ever with one that they overheard."""
    wire = Wire("gate", "exit")
    wire.wait(2_000.0)
    overheard = next(raw for source, _, raw in wire.captured if source == address("gate"))
    wire.deliver((address("exit"), address("gate"), overheard))
    assert wire.door("gate").refused["reflected"] == 1
    wire.say("gate", "row", b"news")
    wire.wait(100.0)
    assert set(wire.heard_by("exit", "row")) == {b"news"}


def test_own_words_sent_back_before_the_peer_is_met_silence_nobody_either() -> None:
    wire = Wire("gate", "exit")
    wire.cut = {"exit"}
    wire.wait(2_000.0)
    overheard = next(raw for source, _, raw in wire.captured if source == address("gate"))
    wire.cut = set()
    wire.deliver((address("exit"), address("gate"), overheard))
    wire.wait(2_000.0)
    wire.say("gate", "row", b"news")
    wire.wait(100.0)
    assert set(wire.heard_by("exit", "row")) == {b"news"}


def test_another_device_of_our_name_is_not_believed() -> None:
    wire = met("a", "b")
    twin = Exchange(KEY, "baoshan", "a", [address("a")], draws(9))
    twin.publish("row/a", b"x", 0.0)
    for datagram, _ in twin.outbox:
        assert wire.door("a").heard(datagram, ("elsewhere", 1), wire.now_ms) is None
    assert wire.door("a").refused["own_name"] == len(twin.outbox) > 0


# -------------------------------------------------------------- hostile bytes


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=2_000), st.data())
def test_no_bytes_of_anybody_change_anything(raw: bytes, data: st.DataObject) -> None:
    wire = met("a", "b")
    wire.say("a", "row/a", b"x")
    wire.got.clear()
    good = data.draw(st.sampled_from([each[2] for each in wire.captured]))
    at = data.draw(st.integers(0, len(good) - 1))
    flipped = good[:at] + bytes([good[at] ^ data.draw(st.integers(1, 255))]) + good[at + 1 :]
    before = set(wire.door("b").peers)
    for forged in (raw, side_wire.MAGIC + raw, good[:at], good + raw[:9] + b"!", flipped, good, bytes(65_507)):
        assert wire.door("b").heard(forged, address("a"), wire.now_ms) is None
    assert set(wire.door("b").peers) == before and sum(wire.door("b").refused.values()) >= 7


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=1_100), st.integers(1, 2), st.binary(max_size=300))
def test_no_body_sealed_with_the_right_key_raises(body: bytes, kind: int, chunk: bytes) -> None:
    """A device of the hall that went mad: bounded, counted, never an exception."""
    wire = met("a", "b")
    seal, door = wire.door("a")._own, wire.door("b")
    key = "k" + str(len(body) % 90)
    parts = [Part(key, 9 + len(chunk), index, 3, chunk).encoded() for index in (0, 1, 2)]
    single = Part(key, 2**64 - 1, 0, 1, zlib.compress(bytes(MESSAGE_BYTES_MAX + 9))).encoded()
    for said in (body, bytes([kind]) + body, *parts, single):
        datagram = seal.seal(said[: DATAGRAM_BYTES_MAX - 150])
        message = door.heard(datagram, address("a"), wire.now_ms)
        assert message is None or len(message.payload) <= MESSAGE_BYTES_MAX
    assert len(door.peers["a"].versions) <= KEYS_MAX and len(door.outbox) <= OUTBOX_MAX


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=1_300))
def test_parsers_take_any_bytes(raw: bytes) -> None:
    for each in (raw, side_wire.MAGIC + raw):
        said = envelope(each)
        assert said is None or said.outside + said.sealed == each
    parsed = body_of(raw)
    assert parsed is None or parsed.encoded() == raw
    side_wire.unpacked(raw)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 3_000), max_size=60), st.integers(0, 100))
def test_a_window_takes_a_number_once_and_nothing_from_before(numbers: list[int], first: int) -> None:
    window, taken = Window(first), {first}
    for number in numbers:
        expected = number not in taken and number >= first and max(taken) - number < side_wire.WINDOW
        assert window.take(number) is expected
        taken |= {number} if expected else set()


def test_a_flood_of_strangers_does_not_keep_peers_out_and_fills_nothing() -> None:
    wire = met("a", "b")
    door = wire.door("b")
    for number in range(5_000):
        door.heard(os.urandom(100), (f"10.9.{number % 250}.{number // 250}", number), wire.now_ms)
    assert door.refused["garbled"] <= 2 * STRANGERS_PER_S and door.refused["too_many"] >= 4_700
    wire.say("a", "row/a", b"through")
    assert wire.heard_by("b") == [b"through"]
    assert len(door._budgets) <= SOURCES_MAX + 3


def test_a_peer_that_has_gone_mad_fills_no_memory() -> None:
    """It has the hall's key: a thousand keys, a hundred messages begun and not ended, a thousand addresses."""
    wire = met("a", "b")
    door, seal = wire.door("a"), wire.door("b")._own

    def says(body: bytes, source: Address) -> None:
        wire.now_ms += 20.0
        door.heard(seal.seal(body), source, wire.now_ms)

    for number in range(1_000):
        says(side_wire.packed(f"key/{number}", 1, b"x")[0], address("b"))  # type: ignore[index]
    mad = door.peers["b"]
    assert len(mad.versions) == KEYS_MAX + CARRIED_MAX
    assert door.refused["too_many_keys"] == 1_000 - KEYS_MAX - CARRIED_MAX
    for number in range(100):
        says(Part(f"key/{number}", 2, 0, 2, b"begun").encoded(), address("b"))
    assert len(mad.pieces) == PIECES_MAX
    says(Part("key/99", 2, 1, 2, b"").encoded(), address("b"))
    assert len(mad.pieces) == PIECES_MAX - 1, "ended, though it made no sense"
    for number in range(2_000):  # each twice: from the second time on it has a budget of its own
        says(Part("key/0", 1, 0, 1, b"old").encoded(), (f"10.0.{number // 500}.{number // 2 % 250}", 7946))
    assert len(door._heard_ms) == SOURCES_MAX and len(door._budgets) <= SOURCES_MAX + 1


def test_more_devices_than_a_hall_has_are_refused() -> None:
    wire = Wire("a")
    for number in range(PEERS_MAX + 6):
        wire.doors[address(f"n{number}")] = Exchange(KEY, "baoshan", f"n{number}", [address("a")], draws(500 + number))
    wire.wait(3_000, step_ms=100)
    assert len(wire.door("a").peers) == PEERS_MAX and wire.door("a").refused["too_many_peers"] > 0


def test_a_seal_opens_only_what_its_own_epoch_wrote() -> None:
    one, other = (Seal(KEY, "baoshan", "a", bytes([epoch]) * 16) for epoch in (1, 2))
    said = envelope(one.seal(b"hello"))
    assert said is not None and one.open(said) == b"hello" and other.open(said) is None
