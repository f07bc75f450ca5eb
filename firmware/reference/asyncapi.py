"""The AsyncAPI 3 document of the hall's wire, seen from a hub: what it may send, what it receives."""

from __future__ import annotations

from typing import Any

from firmware.reference import schemas
from firmware.reference.channels import CHANNELS, PARAMETERS, Channel
from firmware.version import VERSION

JSON, JOSE, TEXT = "application/json", "application/jose", "text/plain"
CONTENT = {"json": JSON, "sealed": JSON, "jws": JOSE, "text": TEXT}
SEAL = {
    "type": "object",
    "properties": {
        "mac": {
            "type": "string",
            "pattern": "^[0-9a-f]{64}$",
            "description": "HMAC-SHA-256 with the hall's key over `hallgate-KIND-v1|` and the JSON without it; the last field",
        }
    },
    "required": ["mac"],
}


def document() -> dict[str, Any]:
    payloads, named = schemas.components([each.payload for each in CHANNELS], "#/components/schemas/{name}")
    pairs = list(zip(CHANNELS, payloads, strict=True))
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "hallgate",
            "version": VERSION,
            "description": "MQTT 5, QoS 1. Times are RFC 3339 with milliseconds and offset. Unknown fields are ignored.",
        },
        "defaultContentType": JSON,
        "channels": {each.name: _channel(each) for each in CHANNELS},
        "operations": {each.name: _operation(each) for each in CHANNELS},
        "components": {
            "messages": {each.name: _message(each, payload) for each, payload in pairs},
            "schemas": named,
        },
    }


def _channel(each: Channel) -> dict[str, Any]:
    return {
        "address": each.address,
        "description": each.about,
        "parameters": {name: {"description": PARAMETERS[name]} for name in each.parameters},
        "messages": {each.name: {"$ref": f"#/components/messages/{each.name}"}},
    }


def _operation(each: Channel) -> dict[str, Any]:
    found: dict[str, Any] = {
        "action": "send" if each.writer == "hub" else "receive",
        "channel": {"$ref": f"#/channels/{each.name}"},
        "bindings": {"mqtt": {"qos": 1, "retain": each.retained}},
    }
    if each.name.endswith("command"):
        found["reply"] = {"address": {"location": "$message.header#/responseTopic"}}
    return found


def _message(each: Channel, payload: dict[str, Any]) -> dict[str, Any]:
    found = {"name": each.name, "title": each.zh, "contentType": CONTENT[each.wrapping], "payload": payload}
    if each.wrapping == "sealed":
        found["payload"] = {"allOf": [payload, SEAL]}
    if each.wrapping == "jws":
        found["payload"] = {"type": "string", "description": "compact JWS (RFC 7515)"}
        found["x-jws-payload"] = payload
    return found
