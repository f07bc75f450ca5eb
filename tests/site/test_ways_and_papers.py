"""A hatch beside ways out, a terminal's guard, and a door's own papers: each mistake beside what is none."""

from __future__ import annotations

import pytest

from firmware import site
from firmware.errors import Mistake
from firmware.typed_toml import Mistakes
from tests.site.conftest import SITE, Bench


def said(bench: Bench, text: str) -> list[str]:
    try:
        return [f"warning {one.key}" for one in site.load(bench.write(text=text)).warnings]
    except Mistakes as wrong:
        return [f"error {one.key}" for one in wrong.all]
    except Mistake as wrong:
        return [f"error {wrong.key}"]


@pytest.mark.parametrize(
    ("lane", "keys", "odd"),
    [
        ("A", "hatch = true", []),
        ("A", 'hatch = true\nescape_way = true\non_failure = "open"', ["error lane[0].hatch"]),
        ("B", "hatch = true\nescape_way = false", ["error lane[1].hatch"]),
        ("B", "hatch = false", []),
    ],
)
def test_nobody_leaves_by_a_hatch(bench: Bench, lane: str, keys: str, odd: list[str]) -> None:
    head, name, rest = SITE.partition(f'name = "{lane}"\n')
    for key in ("escape_way", "on_failure"):
        if key in keys:
            at = rest.index(key)
            rest = rest[:at] + rest[rest.index("\n", at) + 1 :]
    assert said(bench, f"{head}{name}{keys}\n{rest}") == odd


def test_a_door_whose_papers_are_there_is_not_told_that_it_is_not_enrolled(bench: Bench) -> None:
    text = SITE.replace('"mqtt://127.0.0.1:1883"', '"mqtts://127.0.0.1:8883"').replace(
        "[side_link]", '[hub.tls]\nca = "ca.pem"\ncert = "cert.pem"\nkey = "key.pem"\n[side_link]'
    )
    (bench.folder / "ca.pem").write_text("")
    assert said(bench, text) == ["warning hub.tls.cert", "warning hub.tls.key"]
    for name, left in (("cert.pem", ["warning hub.tls.key"]), ("key.pem", [])):
        (bench.folder / name).write_text("")
        (bench.folder / name).chmod(0o600)
        assert said(bench, text) == left
    (bench.folder / "key.pem").chmod(0o640)
    assert said(bench, text) == ["error hub.tls.key"]


def test_a_site_without_a_side_link_needs_no_key_of_one(bench: Bench) -> None:
    (bench.folder / "side-link.key").unlink()
    assert said(bench, SITE) == ["error side_link.key"]
    head, _, rest = SITE.partition("[side_link]")
    assert said(bench, head + rest[rest.index("[clock]") :]) == []
