"""Voices: who is heard, who waits, what is not said any more; exact frames of both modules."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.core.actions import VoiceSay
from firmware.outputs import voice_dfplayer as dfplayer
from firmware.outputs import voice_syn6288 as syn
from sensors.readings import Garbled, Ready, Refused, Silent
from tests.outputs.bench import Bench, vector

STOP = "fd 00 02 02 fd"


def say(phrase: str, zh: str = "请通行", volume: int = 70) -> VoiceSay:
    return VoiceSay(lane="A", phrase=phrase, zh=zh, volume_percent=volume)


def speech(**own: Any) -> Bench:
    return Bench("voice_syn6288", syn.Settings(**own))


# ---------------------------------------------------------------- SYN6288: frames


def test_frames_are_the_printed_ones() -> None:
    bench = speech(sets_volume=False)
    bench.order(say("queue_ahead", "请排队"))
    assert bench.take_sent() == [vector("syn6288", "say_请排队")]
    bench.stop()
    assert bench.take_sent() == [vector("syn6288", "stop")] == [STOP]
    bench = speech()
    bench.far.hear = lambda raw, t_ms: bench.far.show(Ready(), t_ms) if raw == syn.frame(syn.QUERY) else []
    bench.order(say("admit"))
    bench.feed(b"A")
    bench.run(10_000)
    assert bench.take_sent()[-1] == vector("syn6288", "query")


@pytest.mark.parametrize(
    ("encoding", "par", "text"),
    [("gb2312", 0, "c7eb"), ("gbk", 1, "c7eb"), ("unicode", 3, "8bf7")],
)
def test_encodings(encoding: str, par: int, text: str) -> None:
    bench = speech(encoding=encoding, sets_volume=False)
    bench.order(say("x", "请"))
    assert bench.sent[0][4] == par and bench.sent[0][5:-1].hex() == text


@pytest.mark.parametrize(
    ("asked", "cap", "volume"), [(70, 80, 11), (100, 80, 12), (100, 100, 16), (-5, 80, 0), (5, 0, 0)]
)
def test_the_volume_is_capped(asked: int, cap: int, volume: int) -> None:
    bench = speech(volume_percent_max=cap)
    bench.order(say("x", "[v16]请通行", asked))
    assert bench.far.volume == volume
    assert list(bench.far.said) == ["v16 请通行"]


def test_a_long_phrase_goes_on_in_pieces_cut_at_a_pause() -> None:
    sentence = "大厅人数已达上限，请在二米线外等候，有人离开后按顺序进入。"
    bench = speech(waits_ms=0)
    bench.order(say("hall_full", sentence * 6))
    bench.run(120_000)
    assert len(bench.far.said) > 1
    assert "".join(bench.far.said) == sentence * 6
    assert all(piece.endswith("。") for piece in bench.far.said)
    assert all(len(raw) <= 206 for raw in bench.sent)


def test_no_phrase_is_endless() -> None:
    bench = speech(sets_volume=False)
    bench.order(say("x", "请" * 5_000))
    bench.run(600_000)
    assert [len(raw) for raw in bench.sent] == [206] * 4, "200 bytes of text, and what frames them"


def test_a_character_that_the_module_has_no_room_for_is_left_out() -> None:
    bench = speech(encoding="unicode")
    bench.order(say("x", "请😀排队"))
    assert list(bench.far.said) == ["请排队"]


# ---------------------------------------------------------------- who is heard, for any voice


def test_a_newer_phrase_replaces_the_one_that_waits_and_cuts_off_nothing() -> None:
    bench = speech()
    bench.order(say("admit", "请通行"))
    bench.run(100)
    bench.order(say("late", "已过预约时段"))
    bench.order(say("mask", "请佩戴口罩"))
    bench.run(20_000)
    assert list(bench.far.said) == ["请通行", "请佩戴口罩"]


def test_what_waited_too_long_is_not_said() -> None:
    bench = speech(waits_ms=1_000)
    bench.order(say("idle", "请出示预约码请出示预约码"))
    bench.run(100)
    bench.order(say("late", "已过预约时段"))
    bench.run(60_000)
    assert list(bench.far.said) == ["请出示预约码请出示预约码"]


def test_evacuation_cuts_everything_off_but_not_itself() -> None:
    bench = speech()
    bench.order(say("idle", "请出示预约码"))
    bench.run(500)
    bench.order(say("late", "已过预约时段"))
    bench.order(say("evacuate", "紧急疏散"))
    assert bench.take_sent()[1] == STOP
    bench.run(400)
    bench.order(say("evacuate", "紧急疏散"))
    assert bench.take_sent() == []
    bench.run(20_000)
    assert list(bench.far.said) == ["请出示预约码", "紧急疏散", "紧急疏散"]


@pytest.mark.parametrize("end", ["stop", "replug"])
def test_what_was_begun_or_waits_is_not_said_after_the_end(end: str) -> None:
    """A player has been told the volume and not the clip yet; another phrase waits behind it."""
    bench = player(waits_ms=60_000)
    bench.order(say("late"))
    bench.order(say("admit"))
    getattr(bench, end)()
    bench.run(60_000)
    assert list(bench.far.said) == []


@pytest.mark.parametrize(("after_ms", "goes_on"), [(299, False), (300, True)])
def test_an_end_that_is_told_at_once_is_that_of_the_phrase_before(after_ms: int, goes_on: bool) -> None:
    for bench, ended in ((speech(), b"O"), (player(sets_volume=False), dfplayer.frame(dfplayer.ENDED, 1))):
        bench.far.hear = lambda raw, t_ms: []
        bench.order(say("admit"))
        bench.order(say("late", "已过预约时段"))
        bench.run(after_ms)
        bench.feed(ended)
        assert len(bench.sent) == 1 + goes_on


def test_nothing_is_said_at_start_or_after_a_replug() -> None:
    bench = speech()
    bench.start()
    bench.order(say("admit"))
    bench.order(say("late", "已过预约时段"))
    bench.take_sent()
    bench.replug()
    bench.run(60_000)
    assert bench.take_sent() == []
    bench.stop()
    assert bench.take_sent() == []


# ---------------------------------------------------------------- SYN6288: answers


def test_a_mute_module_is_told_once_and_still_spoken_to() -> None:
    bench = speech()
    bench.far.hear = lambda raw, t_ms: []
    bench.order(say("admit"))
    bench.run(499)
    assert bench.readings == []
    bench.run(1)
    assert bench.readings == [Silent(500)]
    bench.run(10_000)
    for _ in range(2):
        bench.order(say("admit"))
        bench.run(10_000)
    assert bench.readings == [Silent(500)]
    assert len(bench.take_sent()) == 3
    bench.feed(b"?")
    assert bench.readings[1:] == [Garbled(1, "no answer of a SYN6288")]
    bench.feed(b"A")
    assert bench.readings[-1] == Ready("SYN6288")


def test_a_module_wired_one_way_is_no_fault() -> None:
    bench = speech(answers=False)
    bench.far.hear = lambda raw, t_ms: []
    bench.order(say("admit"))
    bench.run(200)
    bench.order(say("late"))
    bench.run(20_000)
    assert bench.readings == [] and len(bench.sent) == 2


QUERY = "fd 00 02 21 de"
LATE = syn.frame(syn.SPEAK, b"\x01" + "已过预约时段".encode("gbk")).hex(" ")


@pytest.mark.parametrize(
    ("answer", "then"), [(b"N", [(2_000, QUERY), (2_500, LATE)]), (b"O", [(0, LATE)]), (b"", [(500, LATE)])]
)
def test_a_module_that_should_have_finished_is_asked_before_the_next_phrase_begins(
    answer: bytes, then: list[tuple[int, str]]
) -> None:
    """Three characters are finished after 2.2 s. It says: still speaking; idle; or nothing at all."""
    bench = speech(waits_ms=60_000, sets_volume=False)
    bench.far.hear = lambda raw, t_ms: []
    bench.order(say("admit"))
    bench.feed(b"A")
    bench.order(say("late", "已过预约时段"))
    bench.take_sent()
    bench.run(2_200)
    assert bench.take_sent() == [QUERY]
    asked_ms, bench.log[:] = bench.now_ms, []
    bench.feed(answer)
    bench.run(2_500)
    assert [(t_ms - asked_ms, raw.hex(" ")) for t_ms, raw in bench.log] == then


def test_a_lost_idle_is_asked_for() -> None:
    bench = speech()
    heard = bench.far.hear
    bench.far.hear = lambda raw, t_ms: [later for later in heard(raw, t_ms) if later.after_ms == 0]
    bench.order(say("admit"))
    bench.run(100)
    bench.run(10_000)
    bench.order(say("late", "已过预约时段"))
    bench.run(10_000)
    assert list(bench.far.said) == ["请通行", "已过预约时段"]
    assert bench.readings == []


def test_a_refused_phrase_is_told_and_the_next_one_goes_on() -> None:
    bench = speech()
    bench.far.hear = lambda raw, t_ms: []
    bench.order(say("admit"))
    bench.order(say("late"))
    bench.feed(b"E")
    assert [type(reading) for reading in bench.readings] == [Refused]
    assert len(bench.sent) == 2
    bench.feed(b"\x00\x01")
    assert bench.readings[-1] == Garbled(2, "no answer of a SYN6288")


@given(text=st.text(max_size=400), volume=st.integers(-500, 500), encoding=st.sampled_from(list(syn.CODECS)))
@settings(max_examples=150, deadline=None)
def test_any_text_becomes_good_frames_within_the_cap(text: str, volume: int, encoding: Any) -> None:
    bench = speech(encoding=encoding)
    bench.order(say("x", text, volume))
    bench.run(600_000)
    assert len(bench.far.said) == len([raw for raw in bench.sent if raw[3] == syn.SPEAK])
    assert all("[" not in piece for piece in bench.far.said)
    assert bench.far.volume is None or 0 <= bench.far.volume <= 12


# ---------------------------------------------------------------- DFPlayer


def player(**own: Any) -> Bench:
    return Bench("voice_dfplayer", dfplayer.Settings(clips={"admit": 1, "late": 7, "evacuate": 9}, **own))


def test_clip_frames() -> None:
    bench = player(plays="track", sets_volume=False)
    bench.order(say("admit"))
    assert bench.take_sent() == [vector("dfplayer", "play_0001")]
    assert dfplayer.frame(dfplayer.MP3_FOLDER, 7).hex(" ") == "7e ff 06 12 00 00 07 fe e2 ef"


@pytest.mark.parametrize(("cap", "volume"), [(50, 15), (100, 30), (0, 0)])
def test_the_volume_goes_ahead_of_every_clip(cap: int, volume: int) -> None:
    bench = player(volume_percent_max=cap)
    bench.order(say("admit", volume=100))
    assert [raw[3] for raw in bench.sent] == [dfplayer.VOLUME]
    bench.run(dfplayer.PAUSE_MS)
    assert [raw[3] for raw in bench.sent] == [dfplayer.VOLUME, dfplayer.MP3_FOLDER]
    assert (bench.far.volume, list(bench.far.said)) == (volume, [1])


def test_clips_follow_each_other_although_the_end_is_told_twice() -> None:
    bench = player()
    bench.order(say("admit"))
    bench.run(100)
    bench.order(say("late"))
    bench.run(2_100)
    bench.order(say("admit"))
    bench.run(1_000)
    assert list(bench.far.said) == [1, 7]
    bench.run(3_000)
    assert list(bench.far.said) == [1, 7, 1]
    assert bench.readings == []


def test_a_player_that_never_says_it_has_ended_is_not_waited_for_for_ever() -> None:
    bench = player(clip_ms_max=3_000, waits_ms=10_000)
    bench.far.hear = lambda raw, t_ms: []
    bench.order(say("admit"))
    bench.order(say("late"))
    bench.run(10_000)
    assert [raw[6] for raw in bench.sent if raw[3] == dfplayer.MP3_FOLDER] == [1, 7]


def test_a_phrase_without_a_clip_is_told_and_not_said() -> None:
    bench = player()
    bench.order(say("mask"))
    assert bench.readings == [Refused("no clip is given for the phrase 'mask'")]
    assert bench.sent == []


def test_the_players_own_troubles_are_told() -> None:
    bench = player()
    bench.feed(dfplayer.frame(dfplayer.STARTED, 2) + dfplayer.frame(dfplayer.CARD_OUT, 2))
    assert bench.readings == [Ready("DFPlayer"), Refused("the memory card was taken out")]


def test_a_player_that_starts_anew_has_forgotten_what_it_was_told_and_so_have_we() -> None:
    bench = player(waits_ms=60_000)
    bench.order(say("admit"))
    bench.run(100)
    bench.order(say("late"))
    bench.feed(dfplayer.frame(dfplayer.STARTED, 2))
    bench.run(60_000)
    assert list(bench.far.said) == [1]


def test_what_the_player_says_of_other_things_ends_no_clip() -> None:
    """41h: it has heard us; 3Ah: a card was put in."""
    bench = player(sets_volume=False)
    bench.order(say("admit"))
    bench.order(say("late"))
    bench.run(500)
    bench.feed(dfplayer.frame(0x41) + dfplayer.frame(0x3A, 2))
    assert list(bench.far.said) == [1]


def test_evacuation_stops_a_clip() -> None:
    bench = player(sets_volume=False)
    bench.order(say("late"))
    bench.run(500)
    bench.order(say("evacuate"))
    assert [raw[3] for raw in bench.sent] == [dfplayer.MP3_FOLDER, dfplayer.STOP, dfplayer.MP3_FOLDER]
