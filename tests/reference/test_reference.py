"""The files in `docs/` are what the code says, AsyncAPI and JSON Schema accept them, and nothing of the wire is missing."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from firmware.core import commands, jwk
from firmware.reference import asyncapi, schemas
from firmware.reference.__main__ import files, main
from firmware.reference.channels import CHANNELS, PLACES
from firmware.reference.orders import ORDERS
from mqtt.messages import LaneStatus, Status
from mqtt.topics import HALL_WIDE

DOCS = Path(__file__).parents[2] / "docs"
OFFICIAL = json.loads(Path(__file__).with_name("asyncapi-3.0.0.json").read_text(encoding="utf-8"))


def test_the_files_are_what_the_code_says(tmp_path: Path) -> None:
    assert main([str(tmp_path)]) == 0
    written = {
        str(file.relative_to(tmp_path)): file.read_text("utf-8") for file in tmp_path.rglob("*") if file.is_file()
    }
    assert written == files()
    stale = [name for name, text in written.items() if (DOCS / name).read_text("utf-8") != text]
    assert not stale, f"run: python -m firmware.reference docs ({stale})"
    assert {file.name for file in (DOCS / "schemas").iterdir()} == {Path(name).name for name in written if "/" in name}


def test_asyncapi_accepts_the_document() -> None:
    jsonschema.Draft7Validator(OFFICIAL).validate(asyncapi.document())


@pytest.mark.parametrize("spoil", ["channels", "operations"])
def test_asyncapi_would_not_accept_anything(spoil: str) -> None:
    document = asyncapi.document()
    next(iter(document[spoil].values()))["surprise"] = 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(OFFICIAL).validate(document)


@pytest.mark.parametrize("name", [name for name in files() if name.startswith("schemas/")])
def test_json_schema_accepts_each(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(files()[name]))


def test_no_topic_is_missing() -> None:
    addresses = {each.address for each in CHANNELS}
    ours = [getattr(PLACES, name) for name in ("availability", "status", "event", "history", "passes", "homeassistant")]
    ours += [PLACES.hall_wide(what) for what in HALL_WIDE] + [PLACES.command("0name0")]
    plain = {
        topic.replace("0hall0", "{hall}").replace("0device0", "{device}").replace("0name0", "{name}") for topic in ours
    }
    assert plain <= addresses and len(addresses) == len(CHANNELS)


def test_no_order_is_missing_and_each_is_carried_out() -> None:
    assert {each.name for each in ORDERS} == set(jwk.COMMANDS) == set(commands.ORDERS)


def test_a_fields_comment_is_its_description() -> None:
    assert schemas.words(LaneStatus)["waiting"] == "People seen in front of the gate."
    assert schemas.of(Status)["$defs"]["LaneStatus"]["properties"]["waiting"]["description"]
