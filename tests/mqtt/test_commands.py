"""An order is done at most once and every refusal is said; `evacuate` is obeyed until it was reset at the hall."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.core import jwk, trust_list
from firmware.core.events import CommandArrived
from mqtt.commands import REFUSALS_BURST, CommandDesk, CommandGuard
from mqtt.jws import pack
from mqtt.messages import CommandAnswer, Envelope, HistoryRequest, Incoming, PassesList, Status
from mqtt.signing import sign
from tests.mqtt.signed_orders import BOSS, CLERK, DEVICE, HALL, NOW, NOW_S, THIEF, Keys, desk, done, order, outcome


def test_a_good_order_is_done_and_answered_where_it_was_asked() -> None:
    here = desk()
    judged = here.arrived(order(), NOW)
    assert judged.event == CommandArrived(
        id="o-1",
        name="open_once",
        issuer="hub",
        lane="A",
        body={"lane": "A"},
        kid="boss",
        counter=1,
        expires_s=NOW_S + 10,
    )
    (reply,) = here.done(done("o-1"))
    assert (reply.topic, reply.correlation) == ("answers/1", b"c")
    assert json.loads(reply.payload) == {"v": 1, "id": "o-1", "result": "done", "because": ""}


@pytest.mark.parametrize("copy", [{"retained": True}, {"kid": "clerk", "key": CLERK}])
def test_a_refused_copy_does_not_answer_for_the_order_itself(copy: dict[str, Any]) -> None:
    """Both wait in the inbox; the copy's record comes first, and what is asked was still done."""
    here = desk()
    spoilt = here.arrived(order(**copy), NOW)
    good = here.arrived(order(), NOW)
    assert outcome(good) == ("do", None) and spoilt.event is not None and spoilt.event.refusal is not None
    assert here.done(done("o-1", spoilt.event.refusal)) == []
    (reply,) = here.done(done("o-1"))
    assert json.loads(reply.payload)["result"] == "done"
    again = here.arrived(order(), NOW).reply
    assert again is not None and json.loads(again.payload)["result"] == "done"


REFUSED = {
    "bad_signature": {"key": THIEF},
    "unknown_key": {"kid": "nobody", "key": THIEF},
    "not_allowed": {"kid": "clerk", "key": CLERK},
    "expired": {"now_s": NOW_S - 11},
    "issued_in_future": {"now_s": NOW_S + 301},
    "retained": {"retained": True},
    "wrong_address": {"hall": "pudong"},
    "unknown_version": {"v": 2},
    "malformed": {"body": {"lane": {"deep": 1}}},
}


@pytest.mark.parametrize(("because", "spoilt"), REFUSED.items())
def test_refusals_are_said_aloud_and_put_on_record(because: str, spoilt: dict[str, Any]) -> None:
    assert outcome(desk().arrived(order(**spoilt), NOW)) == (because, because)


def test_another_device_or_another_name_in_the_topic_is_refused() -> None:
    assert outcome(desk().arrived(order(device="gate-2"), NOW))[0] == "wrong_address"
    hold = f"hallgate/v1/{HALL}/device/{DEVICE}/command/hold"
    assert outcome(desk().arrived(order(topic=hold), NOW))[0] == "wrong_address"


def test_no_order_is_judged_by_a_clock_that_is_not_trusted() -> None:
    doubtful = msgspec.structs.replace(NOW, trusted=False)
    assert outcome(desk().arrived(order(), doubtful)) == ("clock_uncertain", "clock_uncertain")


def test_a_counter_must_rise_and_a_repeated_id_gets_the_first_answer() -> None:
    here = desk()
    assert outcome(here.arrived(order(counter=5), NOW))[0] == "do"
    assert outcome(here.arrived(order(counter=5), NOW)) == (None, None), "still being done: no second event"
    assert len(here.done(done("o-1"))) == 2
    assert outcome(here.arrived(order(counter=5), NOW)) == (None, "")
    assert outcome(here.arrived(order(id="o-2", counter=5), NOW))[0] == "counter"
    assert outcome(here.arrived(order(id="o-3", counter=4), NOW))[0] == "counter"
    assert outcome(here.arrived(order(id="o-4", counter=6), NOW))[0] == "do"


def test_the_guard_survives_a_restart_by_its_own_json_or_by_the_journal() -> None:
    here = desk()
    judged = here.arrived(order(), NOW)
    here.done(done("o-1"))
    stored = msgspec.json.decode(msgspec.json.encode(here.guard), type=CommandGuard)
    rebuilt = CommandGuard()
    assert judged.event is not None
    rebuilt.learn(judged.event)
    rebuilt.answered("boss", done("o-1"))
    assert stored == rebuilt == here.guard
    assert outcome(desk(rebuilt).arrived(order(), NOW)) == (None, "")
    assert outcome(desk(rebuilt).arrived(order(id="o-9"), NOW))[0] == "counter"


def test_evacuate_is_obeyed_old_retained_and_without_a_clock_until_its_id_was_reset() -> None:
    here, doubtful = desk(), msgspec.structs.replace(NOW, trusted=False)
    here.arrived(order(counter=100), NOW)
    old = order("evacuate", id="fire-1", now_s=1, retained=True)
    assert outcome(here.arrived(old, doubtful))[0] == "do"
    here.done(done("fire-1"))
    assert outcome(here.arrived(old, doubtful)) == (None, ""), "in force: nothing to do again"
    here.guard.reset_evacuation()
    assert outcome(here.arrived(old, NOW)) == ("was_reset", "was_reset")
    assert outcome(here.arrived(order("evacuate", id="fire-2", now_s=1), NOW))[0] == "do"
    assert outcome(here.arrived(order("evacuate", id="f", kid="clerk", key=CLERK), NOW))[0] == "not_allowed"
    assert outcome(here.arrived(order("evacuate", id="f", key=THIEF), NOW))[0] == "bad_signature"


def test_a_flood_of_forged_orders_does_not_fill_the_journal() -> None:
    here = desk()
    forged = [here.arrived(order(key=THIEF), NOW) for _ in range(200)]
    recorded = sum(judged.event is not None for judged in forged)
    assert (recorded, here.unrecorded) == (REFUSALS_BURST, 200 - REFUSALS_BURST)
    assert outcome(here.arrived(order(), NOW))[0] == "do"


def test_the_memory_is_bounded_and_forgetting_opens_no_door() -> None:
    here = desk()
    first = order(id="n-0", counter=1)
    for n in range(1000):
        here.arrived(order(id=f"n-{n}", counter=n + 1), NOW)
        here.arrived(order(id=f"m-{n}", counter=1, issuer=f"i-{n}"), NOW)
    assert len(here.guard.answers) <= 256
    assert len(here.guard.counters) <= 64
    assert outcome(here.arrived(first, NOW))[1] == "counter"


def test_an_answer_goes_nowhere_when_nobody_asked_for_one() -> None:
    asked = order()
    here = desk()
    assert here.arrived(Incoming(asked.topic, asked.payload), NOW).event is not None
    assert here.done(done("o-1")) == []


TOKEN = order().payload


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.tuples(st.integers(0, len(TOKEN) - 1), st.integers(1, 255)).map(
            lambda where: TOKEN[: where[0]] + bytes([TOKEN[where[0]] ^ where[1]]) + TOKEN[where[0] + 1 :]
        ),
        st.integers(0, len(TOKEN) - 1).map(lambda n: TOKEN[:n]),
    )
)
def test_any_other_bytes_are_refused_without_an_exception(token: bytes) -> None:
    """One changed bit of a good order may still be the same base64, then it is the same order; never another one."""
    topic = order().topic
    judged = desk().arrived(Incoming(topic, token, False, "answers/1"), NOW)
    assert judged.event is not None
    if judged.event.refusal is None:
        assert judged.event == desk().arrived(order(), NOW).event


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
FIELDS = ("v", "id", "issued_at", "expires_at", "counter", "issuer", "hall", "device", "name", "body")


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=3))
def test_a_signed_envelope_of_any_shape_gets_an_answer(changed: dict[str, Any]) -> None:
    good = json.loads(_payload(order()))
    spoilt = json.dumps({**good, **changed}).encode()
    message = Incoming(order().topic, sign(spoilt, BOSS, "boss"), False, "answers/1")
    judged = desk().arrived(message, NOW)
    assert judged.event is not None
    assert (judged.reply is None) == (judged.event.refusal is None)
    msgspec.json.encode(judged.event)


def _payload(message: Incoming) -> bytes:
    from mqtt.jws import unpack

    return unpack(message.payload.split(b".")[1])


def test_header_tricks_are_malformed() -> None:
    body = pack(b"{}")
    for header in (b'{"alg":"none","kid":"boss"}', b'{"alg":"HS256","kid":"boss"}', b'{"alg":"EdDSA"}', b"[]", b'"x"'):
        token = pack(header) + b"." + body + b"."
        assert outcome(desk().arrived(Incoming(order().topic, token), NOW))[0] == "malformed"
    critical = pack(b'{"alg":"EdDSA","kid":"boss","crit":["b64"],"b64":false}') + b"." + body + b"."
    assert outcome(desk().arrived(Incoming(order().topic, critical), NOW))[0] == "malformed"


@pytest.mark.parametrize("part", [0, 1, 2])
@pytest.mark.parametrize("sign_of_no_alphabet", [b"=", b"!", b"\n", b"+", b"\xff"])
def test_a_token_is_base64url_and_nothing_else_in_each_of_its_parts(part: int, sign_of_no_alphabet: bytes) -> None:
    """Decoders leave out what is none: one signature would have many spellings."""
    parts = order().payload.split(b".")
    parts[part] += sign_of_no_alphabet
    assert outcome(desk().arrived(Incoming(order().topic, b".".join(parts)), NOW))[0] == "malformed"


@pytest.mark.parametrize(("more", "expected"), [(0, "bad_signature"), (1, "too_long")])
def test_a_token_has_sixteen_kibibytes_at_most(more: int, expected: str) -> None:
    header, body, _ = order().payload.split(b".")
    longest = header + b"." + body + b"." + b"A" * (16_384 - len(header) - len(body) - 2)
    assert outcome(desk().arrived(Incoming(order().topic, longest + b"A" * more), NOW))[0] == expected


def test_an_answer_has_the_shape_of_the_contract() -> None:
    assert CommandAnswer(id="x", result="failed", because="no_lane").encoded() == (
        b'{"v":1,"id":"x","result":"failed","because":"no_lane"}'
    )


def test_the_device_s_own_trust_list_is_asked_and_only_command_keys_count() -> None:
    def entry(kinds: list[str]) -> dict[str, object]:
        return jwk.write(BOSS.public_key(), kinds, ["open_once"])

    kid = str(entry(["command"])["kid"])
    for kinds, expected in ((["command"], "do"), (["booking"], "unknown_key")):
        trusted = trust_list.parse(json.dumps({"keys": [entry(kinds)]}).encode())
        here = CommandDesk(HALL, DEVICE, lambda found=trusted: found, CommandGuard())  # type: ignore[misc]
        assert outcome(here.arrived(order(kid=kid), NOW))[0] == expected


@pytest.mark.parametrize("message", [Status, HistoryRequest, Envelope, CommandAnswer, PassesList])
def test_every_message_has_a_json_schema(message: type) -> None:
    assert msgspec.json.schema(message)["$defs"]


# ---------------------------------------------------------------- an evacuation that another door was given


def test_an_evacuation_of_another_door_is_obeyed_here_once_and_not_after_a_reset() -> None:
    here = desk()
    fire = order("evacuate", id="fire-1", now_s=1, device="gate-9").payload
    event = here.handed_on(fire, NOW)
    assert event is not None and (event.name, event.id, event.refusal) == ("evacuate", "fire-1", None)
    assert list(here.guard.evacuations.values()) == [fire.decode()], "it can be shown to the next door"
    assert here.handed_on(fire, NOW) is None
    here.guard.reset_evacuation()
    assert here.handed_on(fire, NOW) is None and not here.guard.evacuations
    assert here.handed_on(order("evacuate", id="fire-2", device="gate-9").payload, NOW) is not None


@pytest.mark.parametrize(
    "spoilt",
    [{"key": THIEF}, {"kid": "nobody"}, {"kid": "clerk", "key": CLERK}, {"hall": "pudong"}, {"v": 2}, {"name": "hold"}],
)
def test_nothing_else_travels_from_door_to_door(spoilt: dict[str, Any]) -> None:
    here = desk()
    with pytest.raises(ValueError):
        here.handed_on(order(**{"name": "evacuate", **spoilt}).payload, NOW)
    assert not here.guard.evacuations


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_bytes_from_another_door_raise_nothing_unexpected(token: bytes) -> None:
    with pytest.raises((ValueError, msgspec.DecodeError)):
        desk().handed_on(token, NOW)


def test_an_order_about_one_limit_is_not_believed_at_the_bank_of_another() -> None:
    bank = CommandDesk(HALL, DEVICE, Keys, CommandGuard(), bank=lambda: True)
    topic = f"hallgate/v1/{HALL}/rights/%s/command"
    said = order("hold", device="bank", body={"resource": "zone-b1"}, topic=topic % "zone-b1")
    assert outcome(bank.arrived(msgspec.structs.replace(said, topic=topic % "hall"), NOW))[0] == "wrong_address"
    assert outcome(bank.arrived(said, NOW))[0] == "do"
    whole = order("hold", id="o-2", counter=2, device="bank", body={}, topic=topic % "zone-b1")
    assert outcome(bank.arrived(whole, NOW))[0] == "wrong_address"
    assert outcome(bank.arrived(msgspec.structs.replace(whole, topic=topic % "hall"), NOW))[0] == "do"


def test_who_is_no_bank_any_more_leaves_its_orders_to_the_one_there_is() -> None:
    acting = [True]
    bank = CommandDesk(HALL, DEVICE, Keys, CommandGuard(), bank=lambda: acting[0])
    topic = f"hallgate/v1/{HALL}/rights/hall/command"
    assert bank.mine(topic)
    acting[0] = False
    assert not bank.mine(topic)
    own = order("hold", device="bank", topic=f"hallgate/v1/{HALL}/device/{DEVICE}/command/hold")
    assert outcome(bank.arrived(own, NOW))[0] == "wrong_address"
