"""How a device presents itself to Home Assistant: one retained message lists everything worth seeing, nothing to press.

The device form of Home Assistant's MQTT discovery (2024.11 and later). Read-only on purpose: Home Assistant cannot sign
an order, so it gets no topic to write to. The values come from the status and the events that every hub hears; the
templates are Jinja and run at Home Assistant. Names are Chinese and English, entity ids English and stable.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec

from mqtt.messages import LaneStatus, Message, Status
from mqtt.topics import Topics

MAKER = "hallgate"


class Origin(Message, frozen=True, omit_defaults=False, kw_only=True):
    name: str = MAKER
    sw_version: str = ""


class AnnouncedDevice(Message, frozen=True, omit_defaults=False, kw_only=True):
    identifiers: tuple[str, ...]
    name: str
    manufacturer: str
    model: str
    sw_version: str
    serial_number: str
    """Hall and name: what is asked for at the gate."""
    suggested_area: str


class Component(Message, frozen=True, omit_defaults=True, kw_only=True):
    """One entity. `value_template` turns a status (or an event) into its state."""

    platform: Literal["sensor", "binary_sensor", "event"]
    name: str
    unique_id: str
    default_entity_id: str
    state_topic: str
    value_template: str
    device_class: str | None = None
    unit_of_measurement: str | None = None
    state_class: str | None = None
    entity_category: str | None = None
    icon: str | None = None
    event_types: tuple[str, ...] | None = None
    json_attributes_topic: str | None = None
    json_attributes_template: str | None = None


class Announcement(Message, frozen=True, omit_defaults=False, kw_only=True):
    """`homeassistant/device/<device>/config`, retained: Home Assistant's own words, so this one has no `v`."""

    device: AnnouncedDevice
    origin: Origin
    components: Annotated[dict[str, Component], msgspec.Meta(min_length=1)]
    availability_topic: str
    qos: int = 1


class _Entity(msgspec.Struct, frozen=True):
    """A row of the tables below. `template`: Jinja; `{lane}` is filled in with the way to a lane's status."""

    key: str
    platform: Literal["sensor", "binary_sensor"]
    name: str
    template: str
    device_class: str | None = None
    unit: str | None = None
    category: str | None = None
    icon: str | None = None
    attributes: str | None = None


_PEOPLE = "人"
_ILL = "value_json.lanes | map(attribute='sensors') | sum(start=[]) | rejectattr('state', 'eq', 'ok') | list"
_UNWELL = f"({_ILL}) or not value_json.journal.writable or not value_json.clock.trusted or value_json.outbox_lost > 0"


def _yes(condition: str) -> str:
    return "{{ 'ON' if " + condition + " else 'OFF' }}"


OF_THE_DEVICE = (
    _Entity("inside", "sensor", "在厅人数 Inside", "{{ value_json.inside }}", unit=_PEOPLE, icon="mdi:account-group"),
    _Entity("limit", "sensor", "人数上限 Limit", "{{ value_json.limit_persons }}", unit=_PEOPLE, icon="mdi:account-lock"),
    _Entity("places", "sensor", "还可进入 Places left", "{{ value_json.remains.places }}", unit=_PEOPLE, icon="mdi:seat"),
    _Entity("free_rights", "sensor", "本门可放行 Free rights", "{{ value_json.free_rights }}", unit=_PEOPLE, icon="mdi:ticket"),
    _Entity("evacuated", "binary_sensor", "疏散 Evacuation", _yes("value_json.evacuated"), "safety"),
    _Entity(
        "health", "binary_sensor", "自检 Self check", _yes(_UNWELL), "problem", category="diagnostic",
        attributes="{{ {'unwell': " + _ILL + " | map(attribute='device') | list, 'journal': value_json.journal.writable, "
        "'clock': value_json.clock.trusted, 'undelivered': value_json.outbox_depth} | tojson }}",
    ),
    _Entity(
        "doctor", "sensor", "体检 Doctor", "{{ value_json.doctor.result if value_json.doctor else None }}",
        category="diagnostic", icon="mdi:stethoscope",
        attributes="{{ (value_json.doctor or {}) | tojson }}",
    ),
    _Entity(
        "board_temperature", "sensor", "板温 Board temperature", "{{ value_json.temperature_c }}", "temperature", "°C",
        "diagnostic",
    ),
    _Entity("version", "sensor", "固件版本 Firmware", "{{ value_json.version }}", category="diagnostic", icon="mdi:chip"),
    _Entity(
        "rulebook", "sensor", "规则书 Rulebook", "{{ value_json.rulebook }}", category="diagnostic", icon="mdi:book-check",
        attributes="{{ {'phase': value_json.phase, 'next': value_json.rulebook_next} | tojson }}",
    ),
    _Entity(
        "undelivered", "sensor", "未送达事件 Undelivered events", "{{ value_json.outbox_depth }}", category="diagnostic",
        icon="mdi:tray-full",
    ),
)  # fmt: skip

OF_A_LANE = (
    _Entity(
        "gate", "sensor", "闸机 Gate", "{{ {lane}.state }}", icon="mdi:boom-gate",
        attributes="{{ {'direction': {lane}.direction, 'because': {lane}.because, 'incident': {lane}.incident} | tojson }}",
    ),
    _Entity("waiting", "sensor", "等候 Waiting", "{{ {lane}.waiting }}", unit=_PEOPLE, icon="mdi:human-queue"),
)  # fmt: skip

OF_A_SENSOR = {
    "range": _Entity("spacing", "sensor", "间距 Spacing", "{{ {lane}.gap_mm }}", "distance", unit="mm"),
    "thermometer": _Entity(
        "thermometer", "binary_sensor", "测温 Temperature station", _yes("({sensor}).state != 'ok'"), "problem"
    ),
    "counter": _Entity("counter", "binary_sensor", "计数器 Counter", _yes("({sensor}).state != 'ok'"), "problem"),
    "air": _Entity("co2", "sensor", "二氧化碳 CO2", "{{ {lane}.co2_ppm }}", "carbon_dioxide", unit="ppm"),
    "window": _Entity(
        "window", "binary_sensor", "开窗通风 Windows", _yes("'window_shut' in {lane}.ventilation"), "problem"
    ),
    "fire_door": _Entity(
        "fire_door", "binary_sensor", "防火门 Fire door", _yes("'fire_door_open' in {lane}.ventilation"), "problem"
    ),
    "air_conditioning": _Entity(
        "air_conditioning",
        "binary_sensor",
        "中央空调 Air conditioning",
        _yes("'conditioning_on' in {lane}.ventilation"),
        "problem",
    ),
    "fire_loop": _Entity("fire_loop", "binary_sensor", "消防回路 Fire loop", _yes("{lane}.fire_loop_open"), "safety"),
}
"""What a lane has more, by what hangs on its cables. A person's temperature is nobody's entity, only how the station is."""


class _Happening(msgspec.Struct, frozen=True):
    """A kind of our events. `event_type`: Jinja, one of `types`; `beside`: what stands beside it, never a person."""

    kind: str
    name: str
    event_type: str
    types: tuple[str, ...]
    beside: tuple[str, ...]


_STEPS = ("opened", "escalated", "acknowledged", "closed")
HAPPENINGS = (
    _Happening(
        "alarm",
        "告警 Alarm",
        "'raised' if value_json.active else 'ended'",
        ("raised", "ended"),
        ("alarm", "lane", "detail"),
    ),
    _Happening("incident", "事件 Incident", "value_json.state", _STEPS, ("incident", "lane", "step")),
    _Happening(
        "round",
        "消毒 Round",
        "value_json.state",
        ("due", "amber", "red", "done", "missed"),
        ("point", "lane", "due_at"),
    ),
)


def announcement(status: Status) -> Announcement:
    """What Home Assistant has to know of the device whose status this is."""
    topics = Topics(status.hall, status.device)
    made = [_component(topics, "", one, {}) for one in OF_THE_DEVICE]
    made += [_component(topics, lane.name, one, filled) for lane in status.lanes for one, filled in _of_lane(lane)]
    made += [_event(topics, one) for one in HAPPENINGS]
    return Announcement(
        device=AnnouncedDevice(
            identifiers=(f"{MAKER}-{status.hall}-{status.device}",),
            name=f"{status.hall} {status.device}",
            manufacturer=MAKER,
            model="闸口控制器 Gate controller",
            sw_version=status.version,
            serial_number=f"{status.hall}/{status.device}",
            suggested_area=status.hall,
        ),
        origin=Origin(sw_version=status.version),
        components=dict(made),
        availability_topic=topics.availability,
    )


def _of_lane(lane: LaneStatus) -> list[tuple[_Entity, dict[str, str]]]:
    here = f"(value_json.lanes | selectattr('name', 'eq', '{lane.name}') | first)"
    found = [(one, {"lane": here}) for one in OF_A_LANE]
    for sensor in lane.sensors:
        if one := OF_A_SENSOR.get(sensor.device):
            there = f"{here}.sensors | selectattr('device', 'eq', '{sensor.device}') | first"
            found.append((one, {"lane": here, "sensor": there}))
    return found


def _component(topics: Topics, lane: str, one: _Entity, filled: dict[str, str]) -> tuple[str, Component]:
    key, name = (f"{_slug(lane)}_{one.key}", f"{lane} {one.name}") if lane else (one.key, one.name)
    return key, Component(
        platform=one.platform,
        name=name,
        unique_id=f"{MAKER}-{topics.hall}-{topics.device}-{key}",
        default_entity_id=f"{one.platform}.{_slug(topics.hall)}_{_slug(topics.device)}_{key}",
        state_topic=topics.status,
        value_template=_filled(one.template, filled),
        device_class=one.device_class,
        unit_of_measurement=one.unit,
        state_class="measurement" if one.unit else None,
        entity_category=one.category,
        icon=one.icon,
        json_attributes_topic=topics.status if one.attributes else None,
        json_attributes_template=_filled(one.attributes, filled) if one.attributes else None,
    )


def _event(topics: Topics, one: _Happening) -> tuple[str, Component]:
    """Home Assistant passes over a message whose template gives nothing: every other kind of event."""
    fields = ", ".join([f"'event_type': {one.event_type}", *(f"'{key}': value_json.{key}" for key in one.beside)])
    condition = "{% if value_json.kind == '" + one.kind + "' %}"
    return one.kind, Component(
        platform="event",
        name=one.name,
        unique_id=f"{MAKER}-{topics.hall}-{topics.device}-{one.kind}",
        default_entity_id=f"event.{_slug(topics.hall)}_{_slug(topics.device)}_{one.kind}",
        state_topic=topics.event,
        value_template=condition + "{{ {" + fields + "} | tojson }}{% endif %}",
        event_types=one.types,
    )


def _filled(template: str, filled: dict[str, str]) -> str:
    for hole, text in filled.items():
        template = template.replace("{" + hole + "}", text)
    return template


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "_", name.lower())
