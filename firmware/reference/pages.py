"""The reference as pages for people: tables of topics, orders, messages, and of every key a file may have."""

from __future__ import annotations

import importlib
import json
import pkgutil
from typing import Any

import firmware.outputs
import sensors
from firmware.reference import authors, schemas
from firmware.reference.channels import CHANNELS
from firmware.reference.markdown import flat, page, table
from firmware.reference.orders import ORDERS
from firmware.reference.schemas import Schema
from firmware.rulebook.book import Rulebook
from firmware.site.tables import File, LaneTable, Wiring
from mqtt.alarms import ALARMS
from mqtt.refusals import BECAUSE
from mqtt.words import WORDS
from sensors.driver import HAND_KINDS, SENSOR_KINDS, Driver, find

FIELDS = ("field", "type", "default", "meaning")
OVER = {
    "itself": "恢复后自己结束 by itself",
    "somebody": "有人处理后 when somebody has acted",
    "once": "只报一次 told once",
}
KEYS = ("key 键", "type 类型", "default 默认值", "meaning 说明")


def mqtt() -> str:
    _, named = schemas.components([each.payload for each in CHANNELS], "{name}")
    topics = [
        (f"`{each.address}`", each.writer, "yes" if each.retained else "no", each.wrapping, f"{each.zh}: {each.about}")
        for each in CHANNELS
    ]
    orders = [(f"`{each.name}`", each.zh, each.body or "-", each.about) for each in ORDERS]
    alarms = [(f"`{each.alarm}`", WORDS[each.alarm][0], each.zh, each.about, OVER[each.over]) for each in ALARMS]
    because = [(f"`{each.word}`", each.zh, each.about) for each in BECAUSE]
    return page(
        "# 消息接口 / The hall's MQTT wire",
        "MQTT 5, QoS 1. JSON, UTF-8, with `v`; readers ignore fields they do not know. `sealed`: the last field `mac` is "
        "an HMAC-SHA-256 with the hall's key over `hallgate-KIND-v1|` and the JSON without `mac` (KIND: `row`, `notice`, "
        "`passes`, `used`; of a zone `row-zone-b1`, `notice-zone-b1`). `jws`: a compact JWS. Machine-readable: "
        "[asyncapi.json](asyncapi.json), [schemas/](schemas).",
        "## 主题 / Topics",
        table(("topic", "writer", "retained", "form", "what it is"), topics),
        "## 指令 / Orders",
        "The payload of `command` is a compact JWS (EdDSA) over an `Envelope`; these are its names and the keys of its `body`.",
        table(("name", "中文", "body", "what it does"), orders),
        "## 没有执行的原因 / Why an order was not done",
        "The word in an answer's `because`, and in the `command` event. A newer firmware may know more of them.",
        table(("because", "中文", "what it means, what to do"), because),
        "## 告警 / Alarms",
        "The word in an alarm's `alarm`, which the live page shows with what to do. A newer firmware may know more of them.",
        table(("alarm", "中文", "怎么办", "what it means, what to do", "结束 over"), alarms),
        "## 内容 / Payloads",
        *_structures(named, FIELDS),
    )


def site() -> str:
    _, named = schemas.components([File, LaneTable, Wiring], "{name}")
    return page(
        "# 站点文件 / The site file",
        "One TOML file for each device; a key that is not here is an error. A lane's device tables hold the keys of "
        "`Wiring` and the settings of their driver, listed below by the driver's name.",
        *_structures(named, KEYS),
        "# 驱动设置 / Settings of the drivers",
        *[part for driver in drivers() for part in _settings(driver)],
    )


def rulebook() -> str:
    _, named = schemas.components([Rulebook], "{name}")
    return page(
        "# 规则书 / The rulebook",
        *authors.rules_guide(),
        *authors.words_table(),
        "## 全部键 / Every key",
        "One signed TOML file for the hall; a key that is not here is an error. Times of day are `HH:MM`, dates TOML dates.",
        *_structures(named, KEYS),
    )


def drivers() -> list[Driver]:
    """Every driver of the house, by name."""
    kinds = (*SENSOR_KINDS, *HAND_KINDS)
    modules = [each.name for room in (sensors, firmware.outputs) for each in pkgutil.iter_modules(room.__path__)]
    named = sorted(name for name in modules if name.split("_", 1)[0] in kinds)
    return [find(name) for name in named if hasattr(_module(name), "DRIVER")]


def _module(name: str) -> Any:
    room = "sensors" if name.split("_", 1)[0] in SENSOR_KINDS else "firmware.outputs"
    return importlib.import_module(f"{room}.{name}")


def _settings(driver: Driver) -> list[str]:
    _, named = schemas.components([driver.settings], "{name}")
    about = (_module(driver.name).__doc__ or "").strip().splitlines()[0]
    rows = [
        row for name in sorted(named, key=lambda one: one != driver.settings.__name__) for row in _rows(named[name])
    ]
    return [f"## {driver.name}", about, *([table(KEYS, rows)] if rows else ["No settings of its own."])]


# ------------------------------------------------------------ tables


def _structures(named: dict[str, Schema], heads: tuple[str, ...]) -> list[str]:
    parts = []
    for name, schema in named.items():
        if "properties" in schema:
            parts += [f"### {name}", *([flat(schema["description"])] if "description" in schema else [])]
            parts.append(table(heads, _rows(schema)))
    return parts


def _rows(schema: Schema) -> list[tuple[str, ...]]:
    required = schema.get("required", ())
    return [
        (f"`{name}`", _kind(field), "" if name in required else _default(field), field.get("description", ""))
        for name, field in schema.get("properties", {}).items()
    ]


def _default(field: Schema) -> str:
    """As TOML and JSON write it; what is empty or absent is a dash."""
    default = field.get("default")
    return "-" if default is None or default in ("", [], {}, ()) else f"`{json.dumps(default, ensure_ascii=False)}`"


def _kind(field: Schema) -> str:
    if "$ref" in field:
        return f"[{field['$ref']}](#{field['$ref'].lower()})"
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_kind(one) for one in field["anyOf"]))
    if "enum" in field:
        return ", ".join(f"`{one}`" for one in field["enum"])
    kind = str(field.get("type", "anything"))
    if kind == "array":
        inner = field.get("items") or {}
        return f"list of {_kind(inner)}" if inner else "list"
    return f"{kind}{_bounds(field)}"


def _bounds(field: Schema) -> str:
    low = field.get("minimum", field.get("minLength"))
    high = field.get("maximum", field.get("maxLength"))
    if low is None and high is None:
        return ""
    return f" {'' if low is None else low} … {'' if high is None else high}".rstrip()
