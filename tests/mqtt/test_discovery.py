"""What Home Assistant is told: held to its own documented keys, and its templates rendered over real statuses.

The judge is Home Assistant's documentation of the MQTT integration (device discovery, `sensor`, `binary_sensor`, `event`),
written out here. `./hallgate test --home-assistant` asks the program itself.
"""

from __future__ import annotations

import json
from typing import Any

import jinja2.sandbox
import jsonschema
import msgspec
import pytest

from firmware.core.records import Alarm, Incident, Round
from mqtt.discovery import announcement
from mqtt.messages import ClockStatus, DoctorStatus, JournalStatus, LaneStatus, RemainsStatus, SensorStatus, Status
from tests.brokers import Broker, wait_until
from tests.mqtt.hall import AT, decision, encoded, status
from tests.mqtt.helpers import Device, Ear

TEXT = {"type": "string", "minLength": 1}
ENTITY = {
    **dict.fromkeys(("platform", "name", "unique_id", "state_topic", "value_template", "icon"), TEXT),
    **dict.fromkeys(("json_attributes_topic", "json_attributes_template"), TEXT),
    "default_entity_id": {"type": "string", "pattern": r"^(sensor|binary_sensor|event)\.[a-z0-9_]+$"},
    "entity_category": {"const": "diagnostic"},
}
PLATFORMS: dict[str, dict[str, Any]] = {
    "sensor": {
        **ENTITY,
        "device_class": {"enum": ["distance", "temperature", "carbon_dioxide"]},
        "unit_of_measurement": TEXT,
        "state_class": {"const": "measurement"},
    },
    "binary_sensor": {**ENTITY, "device_class": {"enum": ["problem", "safety"]}},
    "event": {**ENTITY, "event_types": {"type": "array", "minItems": 1, "uniqueItems": True, "items": TEXT}},
}
NEEDED = ["platform", "name", "unique_id", "default_entity_id", "state_topic", "value_template"]


def of_platform(name: str) -> dict[str, Any]:
    keys = PLATFORMS[name]
    needed = [*NEEDED, "event_types"] if name == "event" else NEEDED
    return {
        "if": {"properties": {"platform": {"const": name}}},
        "then": {"properties": keys, "required": needed, "additionalProperties": False},
    }


DISCOVERY = {
    "type": "object",
    "required": ["device", "origin", "components"],
    "additionalProperties": False,
    "properties": {
        "device": {
            "type": "object",
            "required": ["identifiers", "name"],
            "additionalProperties": False,
            "properties": {
                "identifiers": {"type": "array", "minItems": 1, "items": TEXT},
                **dict.fromkeys(
                    ("name", "manufacturer", "model", "sw_version", "serial_number", "suggested_area"),
                    {"type": "string"},
                ),
            },
        },
        "origin": {
            "type": "object",
            "required": ["name"],
            "additionalProperties": False,
            "properties": {"name": TEXT, "sw_version": TEXT},
        },
        "components": {
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"pattern": "^[a-z0-9_]+$"},
            "additionalProperties": {
                "properties": {"platform": {"enum": [*PLATFORMS]}},
                "allOf": [of_platform(name) for name in PLATFORMS],
            },
        },
        "availability_topic": TEXT,
        "qos": {"enum": [0, 1, 2]},
    },
}
SENSORS = tuple(
    SensorStatus(device=name)
    for name in (
        *("scanner", "gate", "thermometer", "counter", "range", "fire_loop"),
        *("air", "window", "fire_door", "air_conditioning"),
    )
)
FULL = status(
    "entry-1",
    free_rights=12,
    remains=RemainsStatus(places=63),
    lanes=(
        LaneStatus(
            name="A",
            state="held",
            because="cleaning",
            sensors=SENSORS,
            waiting=4,
            gap_mm=2100,
            fire_loop_open=False,
            co2_ppm=1040,
            ventilation=("window_shut", "conditioning_on"),
        ),
        LaneStatus(name="Lift-2", direction="elevator", state="idle", sensors=(SensorStatus(device="scanner"),)),
    ),
)


def told(status: Status = FULL) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(announcement(status).encoded())
    return made


def shown(key: str, of: Any, template: str = "value_template") -> str:
    """As Home Assistant does: the payload as `value_json`, in Jinja's sandbox."""
    world = jinja2.sandbox.SandboxedEnvironment(undefined=jinja2.StrictUndefined)
    value = json.loads(msgspec.json.encode(of))
    return world.from_string(told()["components"][key][template]).render(value_json=value)


def test_home_assistants_own_words_are_kept() -> None:
    jsonschema.Draft202012Validator(DISCOVERY).validate(told())


@pytest.mark.parametrize("spoil", ["command_topic", "payload_press", "object_id", "availabilty"])
def test_a_word_it_does_not_know_would_be_found(spoil: str) -> None:
    made = told()
    made["components"]["inside"][spoil] = "x"
    assert not jsonschema.Draft202012Validator(DISCOVERY).is_valid(made)


def test_nothing_can_be_pressed_and_nobody_can_be_mixed_up() -> None:
    text = announcement(FULL).encoded()
    assert b"command_topic" not in text and b"set" not in text.replace(b"state_", b"")
    other = json.loads(announcement(msgspec.structs.replace(FULL, device="exit-1")).encoded())
    for key in ("unique_id", "default_entity_id"):
        ours = [one[key] for one in told()["components"].values()]
        assert len(set(ours)) == len(ours)
        assert not set(ours) & {one[key] for one in other["components"].values()}
    assert len(text) < 16_384


def test_every_number_of_the_status_is_shown() -> None:
    assert shown("inside", FULL) == "137" and shown("limit", FULL) == "200" and shown("free_rights", FULL) == "12"
    assert shown("places", FULL) == "63" and shown("rulebook", FULL) == "7" and shown("version", FULL) == "0.1.0"
    assert json.loads(shown("rulebook", FULL, "json_attributes_template")) == {"phase": "limited", "next": ""}
    assert (shown("a_gate", FULL), shown("a_waiting", FULL), shown("a_spacing", FULL)) == ("held", "4", "2100")
    assert json.loads(shown("a_gate", FULL, "json_attributes_template"))["because"] == "cleaning"
    assert (shown("a_fire_loop", FULL), shown("evacuated", FULL), shown("a_thermometer", FULL)) == ("OFF", "OFF", "OFF")
    assert shown("lift_2_gate", FULL) == "idle" and shown("lift_2_waiting", FULL) == "None", "Home Assistant: unknown"
    assert "lift_2_fire_loop" not in told()["components"]


def test_the_air_of_a_hall_is_shown() -> None:
    assert shown("a_co2", FULL) == "1040" and told()["components"]["a_co2"]["device_class"] == "carbon_dioxide"
    found = {key: shown(f"a_{key}", FULL) for key in ("window", "air_conditioning", "fire_door")}
    assert found == {"window": "ON", "air_conditioning": "ON", "fire_door": "OFF"}


def test_a_fire_and_a_dead_thermometer_are_shown() -> None:
    ill = tuple(
        msgspec.structs.replace(one, state="silent") if one.device == "thermometer" else one
        for one in FULL.lanes[0].sensors
    )
    lanes = (msgspec.structs.replace(FULL.lanes[0], sensors=ill, fire_loop_open=True), FULL.lanes[1])
    now = msgspec.structs.replace(FULL, lanes=lanes, evacuated=True)
    assert (shown("a_fire_loop", now), shown("evacuated", now), shown("a_thermometer", now)) == ("ON", "ON", "ON")
    assert shown("health", now) == "ON"
    assert json.loads(shown("health", now, "json_attributes_template"))["unwell"] == ["thermometer"]


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({}, "OFF"),
        ({"journal": JournalStatus(writable=False)}, "ON"),
        ({"clock": ClockStatus(trusted=False)}, "ON"),
        ({"outbox_lost": 3}, "ON"),
        ({"outbox_depth": 3}, "OFF"),
        ({"lanes": ()}, "OFF"),
    ],
)
def test_the_self_check_says_what_is_wrong(change: dict[str, Any], wanted: str) -> None:
    assert shown("health", msgspec.structs.replace(FULL, **change)) == wanted


def test_the_last_walk_of_the_doctor_is_shown() -> None:
    assert shown("doctor", FULL) == "None" and shown("doctor", FULL, "json_attributes_template") == "{}"
    walked = DoctorStatus(at=AT.format(2), result="fault", faults=("A scanner nothing_answers",))
    now = msgspec.structs.replace(FULL, doctor=walked, temperature_c=48.5)
    assert (shown("doctor", now), shown("board_temperature", now)) == ("fault", "48.5")
    assert json.loads(shown("doctor", now, "json_attributes_template"))["faults"] == ["A scanner nothing_answers"]


def test_alarms_incidents_and_rounds_are_events_and_nothing_else_is() -> None:
    root: dict[str, Any] = {"id": "e", "seq": 1, "boot": "b", "at": AT.format(1), "at_trusted": True, "lane": "A"}
    alarm, over = Alarm(**root, alarm="tailgate"), Alarm(**root, alarm="fire", active=False, detail="reset by 7")
    assert json.loads(shown("alarm", alarm)) == {"event_type": "raised", "alarm": "tailgate", "lane": "A", "detail": ""}
    assert json.loads(shown("alarm", over))["event_type"] == "ended"
    found = Incident(**root, incident="i-1", state="opened", because="positive", person="pseudonym-7", step="opened")
    told_of = json.loads(shown("incident", found))
    assert told_of == {"event_type": "opened", "incident": "i-1", "lane": "A", "step": "opened"}, "no person, no reason"
    walked = Round(**root, point="toilets", state="done", by="0123456789abcdef")
    told_of = json.loads(shown("round", walked))
    assert told_of == {"event_type": "done", "point": "toilets", "lane": "A", "due_at": ""}, "nobody's pass"
    for key in ("alarm", "incident", "round"):
        assert shown(key, decision(1)) == "" and shown("incident", alarm) == ""


def test_it_is_kept_and_said_again_when_home_assistant_starts(broker: Broker, device: Device) -> None:
    topic = "homeassistant/device/gate-1/config"
    device.link.publish_retained(topic, announcement(status("gate-1")).encoded())
    ear = Ear(broker.url, "homeassistant/#")
    wait_until(lambda: len(ear.on("/config")) == 1)
    ear.say("homeassistant/status", b"offline")
    ear.say("homeassistant/status", b"online")
    wait_until(lambda: len(ear.on("/config")) == 2)
    device.source.all.append(encoded(decision(1)))
    assert [message.retained for message in ear.on("/config")] == [True, True]
    ear.close()
