"""A site file is read into typed values, or every mistake in it is named by line, key and the nearest right word."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware import site
from firmware.errors import Mistake
from firmware.lanes import setup as setup_of
from sensors.driver import Driver, find
from tests.site.conftest import SITE, ZONED, Bench, line_of

LAMP = '[lane.lamp]\ndriver = "lamp_pins"\npins = { green = 2, red = 3 }\n'


# ---------------------------------------------------------------- what it says


def test_a_right_site_is_taken(bench: Bench) -> None:
    place = site.load(bench.site)
    entry, way_out = place.lanes
    assert (place.device.name, place.device.hall, place.rights.bank) == ("north-entry-1", "baoshan", True)
    assert (entry.name, entry.direction, entry.serves, entry.entry, way_out.entry) == (
        "A",
        "in",
        ("visitor",),
        True,
        False,
    )
    assert set(entry.devices) == {"scanner", "thermometer", "gate", "fire_loop"}
    assert place.warnings == ()


def test_a_device_has_its_driver_its_settings_and_its_wires(bench: Bench) -> None:
    entry, way_out = site.load(bench.site).lanes
    gate = way_out.devices["gate"]
    assert (gate.role, gate.driver.name, gate.port) == ("gate", "gate_relay_lcus", "/dev/ttyUSB0")
    assert gate.settings.channel == 2  # type: ignore[attr-defined]
    assert entry.devices["fire_loop"].pins == {"contact": 22}
    assert way_out.devices["button"].pins == {"contact": 23}


def test_paths_are_relative_to_the_site_file(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    place = site.load("site.toml")
    assert (place.rulebook, place.trust_keys) == (tmp_path / "rulebook.toml", tmp_path / "trust.jwks")
    assert place.hall_key == tmp_path / "hall.key"
    assert place.side_link and place.side_link.key == str(tmp_path / "side-link.key")


def test_zone_and_interlock_belong_to_the_lane_and_a_lonely_interlock_is_pointed_at(bench: Bench) -> None:
    text = SITE.replace('name = "A"', 'name = "A"\nzone = "b1"\ninterlock = "lock"')
    place = site.load(bench.write(text=text))
    assert (place.lanes[0].zone, place.lanes[0].interlock, place.lanes[1].interlock) == ("b1", "lock", "")
    assert [warning.key for warning in place.warnings] == ["lane[0].interlock"]


def test_the_shortest_site(bench: Bench) -> None:
    text = 'v = 1\n[device]\nname = "a"\nhall = "h"\n[[lane]]\nname = "A"\ndirection = "in"\n'
    place = site.load(bench.write(text=text))
    assert (place.hub, place.side_link, place.rulebook, place.clock.source) == (None, None, None, "system")
    assert [warning.key for warning in place.warnings] == ["rulebook", "trust"]


def test_a_byte_order_mark_of_some_editors_is_no_mistake(bench: Bench) -> None:
    bench.site.write_bytes(b"\xef\xbb\xbf" + bench.site.read_bytes())
    assert site.load(bench.site).device.name == "north-entry-1"
    bench.site.write_bytes(bench.site.read_bytes().replace(b"channel", b"chanel"))
    with pytest.raises(Mistake, match="did you mean channel"):
        site.load(bench.site)


def terminal(keys: str) -> str:
    return f'\n[lane.terminal]\ndriver = "terminal_http"\n{keys}\n'


def chips(*addresses: str) -> str:
    """Chips of one bus: the air's at its own address, thermometers at the given ones, in lanes of their own."""
    thermometer = '[lane.thermometer]\ndriver = "thermometer_mlx90614"\nport = "/dev/i2c-1"\n'
    tables = [
        f'\n[[lane]]\nname = "C{at}"\ndirection = "in"\n{thermometer}{where}\n' for at, where in enumerate(addresses)
    ]
    return '\n[lane.air]\ndriver = "air_scd41"\nport = "/dev/i2c-1"\n' + "".join(tables)


def test_chips_of_one_bus_have_their_own_addresses_as_delivered(bench: Bench) -> None:
    place = site.load(bench.write(text=SITE + chips("", "address = 0x5b")))
    found = [spec for lane in place.lanes for spec in lane.devices.values() if spec.port == "/dev/i2c-1"]
    assert [getattr(spec.settings, "address", None) for spec in found] == [0x62, 0x5A, 0x5B]


def test_a_bus_may_be_a_link_to_one_or_a_simulated_one(bench: Bench) -> None:
    (bench.folder / "air-bus").symlink_to("/dev/i2c-7")
    for port in (str(bench.folder / "air-bus"), f"unix:{bench.folder}/bus"):
        place = site.load(bench.write(text=SITE + chips().replace("/dev/i2c-1", port)))
        assert place.lanes[1].devices["air"].port == port


@pytest.mark.parametrize(
    ("addresses", "lane", "what"),
    [
        (("address = 0x62",), 2, "0x62 on /dev/i2c-1 is taken by lane[1].air"),
        (("", "", "address = 0x5b"), 3, "0x5a on /dev/i2c-1 is taken by lane[2].thermometer"),
    ],
)
def test_two_chips_at_one_address_are_a_mistake(bench: Bench, addresses: tuple[str, ...], lane: int, what: str) -> None:
    with pytest.raises(Mistake) as caught:
        site.load(bench.write(text=SITE + chips(*addresses)))
    assert (caught.value.key, caught.value.what) == (f"lane[{lane}].thermometer.address", what)
    lines = bench.site.read_text().splitlines()
    assert lines[(caught.value.line or 0) - 1] in ("address = 0x62", "[lane.thermometer]")


# ---------------------------------------------------------------- what it refuses


@pytest.mark.parametrize(
    ("old", "new", "key", "what"),
    [
        ("v = 1", "v = 3", "v", "3 is none of 1"),
        ('name = "north-entry-1"', 'name = "North"', "device.name", "is no id of a-z"),
        ('hall = "baoshan"', 'hal = "baoshan"', "device.hal", "did you mean hall?"),
        ("mqtt://127.0.0.1:1883", "http://127.0.0.1", "hub.url", "is no mqtt:// address"),
        ("mqtt://127.0.0.1:1883", "mqtt://127.0.0.1:99999", "hub.url", "1 to 65535"),
        ('listen = "127.0.0.1:7946"', 'listen = "7946"', "side_link.listen", "is no host:port"),
        ('peers = ["127.0.0.1:7947"]', 'peers = ["[::1]:7947"]', "side_link.peers[0]", "one is IPv6, one IPv4"),
        ('peers = ["127.0.0.1:7947"]', 'peers = ["127.0.0.1:0"]', "side_link.peers[0]", "1 to 65535"),
        ('key = "side-link.key"', 'key = "no.key"', "side_link.key", "there is no file"),
        ('source = "system"', 'source = "sistem"', "clock.source", "did you mean system?"),
        ("[rights]", "[right]", "right", "did you mean rights?"),
        ("bank = true", 'bank = "yes"', "rights.bank", "expected bool"),
        ('name = "A"', 'name = "A 1"', "lane[0].name", "is no lane name"),
        ('name = "B"', 'name = "A"', "lane[1].name", "another lane is called A"),
        ('direction = "in"', 'direction = "inn"', "lane[0].direction", "did you mean in?"),
        ("[lane.thermometer]", "[lane.termometer]", "lane[0].termometer", "did you mean thermometer?"),
        ('driver = "scanner_text_line"', 'driver = "scanner_textline"', "lane[0].scanner.driver", "scanner_text_line?"),
        (
            'driver = "scanner_text_line"',
            'driver = "gate_relay_lcus"',
            "lane[0].scanner.driver",
            "no driver for a scanner",
        ),
        (
            'driver = "scanner_text_line"',
            'diver = "scanner_text_line"',
            "lane[0].scanner.diver",
            "is no key here; did you mean driver?",
        ),
        ('port = "/dev/ttyAMA2"', 'prot = "/dev/ttyAMA2"', "lane[0].thermometer.prot", "did you mean port?"),
        ('port = "/dev/ttyAMA2"', "port = 3", "lane[0].thermometer.port", "expected str"),
        ("channel = 1", "chanel = 1", "lane[0].gate.chanel", "did you mean channel?"),
        ("channel = 1", 'channel = "one"', "lane[0].gate.channel", "expected int"),
        ("channel = 1", "channel = 1\nparity = 3", "lane[0].gate.parity", "is no key here"),
        ("pin = 22", "pin = 28", "lane[0].fire_loop.pin", "expected int <= 27"),
        ("pin = 22", "pins = { contct = 22, contact = 3 }", "lane[0].fire_loop.pins.contct", "wants pin = NUMBER"),
        ("pin = 22", 'pin = 22\nport = "/dev/x"', "lane[0].fire_loop.port", "hangs on pins"),
        ("pin = 22", "pin = 22\npins = { contact = 22 }", "lane[0].fire_loop.pin", "not both"),
        ("channel = 1", "channel = 1\npin = 5", "lane[0].gate.pin", "has no pins"),
        ("channel = 2", "channel = 1", "lane[1].gate.port", "is taken by lane[0].gate"),
        (
            'port = "/dev/ttyAMA2"',
            'port = "/dev/serial/by-path/one"',
            "lane[0].thermometer.port",
            "taken by lane[0].scanner",
        ),
        ("contact = 23", "contact = 22", "lane[1].button.pins.contact", "pin 22 is taken by lane[0].fire_loop"),
        ("rulebook.toml", "rules.toml", "rulebook.file", "there is no file"),
        ("trust.jwks", "trust.jwk", "trust.keys", "there is no file"),
        ('on_failure = "open"', 'on_failure = "closed"', "lane[1].on_failure", "nobody is held in"),
        ("pin = 22", 'pin = 22\nnormally = "open"', "lane[0].fire_loop.normally", "a cut wire is fire"),
        ("channel = 1", 'channel = 1\nenergised = "closed"', "lane[0].gate.energised", "when power fails"),
        ("channel = 1", LAMP + "yellow = true", "lane[0].lamp.pins", "yellow is missing"),
        ("channel = 1", LAMP.replace("2,", "2, yellow = 4,"), "lane[0].lamp.pins.yellow", "write yellow = true"),
        ("channel = 1", LAMP.replace("2,", "2, blue = 4,"), "lane[0].lamp.pins.blue", "wants pins = {"),
        ("channel = 1", "channel = 1" + terminal(""), "lane[0].terminal", "listen is missing"),
        ("channel = 1", "channel = 1" + terminal('port = "/dev/x"'), "lane[0].terminal.port", "write listen ="),
        ("channel = 1", "channel = 1" + terminal('listen = "8088"'), "lane[0].terminal.listen", "is no host:port"),
        ("channel = 1", "channel = 1" + terminal('listen = "hub:80"'), "lane[0].terminal.listen", "in numbers"),
        ("channel = 1", "channel = 1" + terminal('listen = "[::1]:0"'), "lane[0].terminal.listen", "1 to 65535"),
        (
            "channel = 1",
            "channel = 1" + terminal('listen = "127.0.0.1:8088"\nallow = ["10.0.0.999"]'),
            "lane[0].terminal.allow[0]",
            "is no address and no network",
        ),
        (
            'port = "/dev/serial/by-path/one"',
            'port = "/dev/i2c-1"' + chips(),
            "lane[0].air.port",
            "taken by lane[0].scanner",
        ),
        *(
            ("channel = 1", "channel = 1" + chips().replace("/dev/i2c-1", port), "lane[0].air.port", "is no I2C bus")
            for port in ("/dev/ttyAMA3", "i2c-1", "/dev/i2c-one", "/dev/i2c-1/x", "unix:", "1")
        ),
        ("channel = 1", "channel = 1" + chips().replace("port", "#"), "lane[0].air", 'port = "/dev/i2c-1"'),
        ("channel = 1", "channel = 1" + chips() + "address = 0x80", "lane[0].air.address", "expected int <= 119"),
        ("channel = 1", 'channel = 1\nlisten = "127.0.0.1:8088"', "lane[0].gate.listen", "does not come by network"),
        ("[lane.button]", "[lane.door]", "lane[1].direction", "somebody wants to leave"),
    ],
)
def test_a_mistake_is_named_by_file_line_and_key(bench: Bench, old: str, new: str, key: str, what: str) -> None:
    with pytest.raises(Mistake) as caught:
        site.load(bench.write(old, new))
    assert (caught.value.file, caught.value.key) == (str(bench.site), key)
    assert what in caught.value.what
    assert caught.value.line > 0


@pytest.mark.parametrize(("old", "line"), [("chanel = 1", 36), ("chanel = 2", 52)])
def test_the_line_is_the_lanes_own(bench: Bench, old: str, line: int) -> None:
    right = old.replace("chanel", "channel")
    with pytest.raises(Mistake) as caught:
        site.load(bench.write(right, old))
    assert caught.value.line == line == line_of(right)


@pytest.mark.parametrize(("wire", "key"), [("pin = 22", "pin"), ("pins = { contact = 22 }", "pins.contact")])
def test_a_pin_given_twice_is_shown_where_and_as_it_is_written(bench: Bench, wire: str, key: str) -> None:
    with pytest.raises(Mistake) as caught:
        site.load(bench.write("pins = { contact = 23 }", wire))
    assert (caught.value.line, caught.value.key) == (line_of("pins = { contact = 23 }"), f"lane[1].button.{key}")


def test_an_escape_way_without_a_fire_loop_is_refused(bench: Bench) -> None:
    text = SITE[: SITE.rindex("[lane.fire_loop]")]
    with pytest.raises(Mistake, match="nobody is held in") as caught:
        site.load(bench.write(text=text))
    assert caught.value.line == line_of("escape_way = true")


def test_a_port_that_is_missing_is_asked_for(bench: Bench) -> None:
    with pytest.raises(Mistake, match="port is missing: thermometer_gy_mcu90614 hangs on a tty"):
        site.load(bench.write('port = "/dev/ttyAMA2"\n', ""))


@pytest.mark.parametrize("name", ["COM3", "ttyUSB0", "./scanner", ""])
def test_a_port_without_its_folder_is_told(bench: Bench, name: str) -> None:
    with pytest.raises(Mistake) as caught:
        site.load(bench.write('port = "/dev/ttyAMA2"', f'port = "{name}"'))
    assert caught.value.line == line_of('port = "/dev/ttyAMA2"')


def test_a_file_that_says_nothing_of_its_version_is_told_where_and_what(bench: Bench) -> None:
    with pytest.raises(Mistake, match=r"site\.toml:1: v is missing: write v = 1$"):
        site.load(bench.write("v = 1\n", ""))


@pytest.mark.parametrize("misspelt", ["pinn = 22", "pinns = { contact = 22 }"])
def test_a_misspelt_pin_is_one_mistake(bench: Bench, misspelt: str) -> None:
    with pytest.raises(Mistake) as caught:
        site.load(bench.write("pin = 22", misspelt))
    (line,) = str(caught.value).splitlines()
    assert "is no key here; did you mean pin" in line


def test_all_mistakes_are_told_one_line_each(bench: Bench) -> None:
    text = SITE.replace("channel", "chanel").replace("[clock]", "[clok]")
    with pytest.raises(Mistake) as caught:
        site.load(bench.write(text=text))
    assert [line.split(": ")[1] for line in str(caught.value).splitlines()] == [
        *("clok", "lane[0].gate.chanel", "lane[1].gate.chanel")
    ]


@pytest.mark.parametrize(("secret", "key"), [("hall.key", "trust.hall_key"), ("side-link.key", "side_link.key")])
def test_a_secret_that_others_may_read_is_refused(bench: Bench, secret: str, key: str) -> None:
    (bench.folder / secret).chmod(0o640)
    with pytest.raises(Mistake, match="chmod 600") as caught:
        site.load(bench.site)
    assert caught.value.key == key


@pytest.mark.parametrize("content", [bytes(range(200, 232)), b"A" * 42, b""])
@pytest.mark.parametrize(("secret", "key"), [("hall.key", "trust.hall_key"), ("side-link.key", "side_link.key")])
def test_a_secret_that_is_none_is_found_before_a_door_depends_on_it(
    bench: Bench, secret: str, key: str, content: bytes
) -> None:
    (bench.folder / secret).write_bytes(content)
    with pytest.raises(Mistake, match="is no key of a hall: make one by hallgate key new --kind hall") as caught:
        site.load(bench.site)
    assert caught.value.key == key


def test_a_driver_that_lacks_its_package_says_so(bench: Bench) -> None:
    def poor(name: str) -> Driver:
        if name == "thermometer_gy_mcu90614":
            raise ModuleNotFoundError("No module named 'numpy'")
        return find(name)

    with pytest.raises(Mistake, match="needs a Python package: No module named 'numpy'"):
        site.load(bench.site, site.Catalogue(find=poor))


def test_two_links_to_one_tty_are_one_port(bench: Bench) -> None:
    (bench.folder / "tty").write_text("")
    (bench.folder / "alias").symlink_to("tty")
    text = SITE.replace("/dev/serial/by-path/one", f"{bench.folder}/tty").replace(
        "/dev/ttyAMA2", f"{bench.folder}/alias"
    )
    with pytest.raises(Mistake, match="is taken by lane"):
        site.load(bench.write(text=text))


def test_an_exit_that_stays_shut_by_itself_is_worth_a_warning(bench: Bench) -> None:
    text = SITE.replace('on_failure = "open"', 'on_failure = "closed"').replace('energised = "closed"\n', "")
    text = text.replace("escape_way = true", "escape_way = false")
    assert [warning.key for warning in site.load(bench.write(text=text)).warnings] == ["lane[1].on_failure"]
    both = text.replace('direction = "out"', 'direction = "both"\nfor = ["visitor"]')
    assert "lane[1].on_failure" in [warning.key for warning in site.load(bench.write(text=both)).warnings]


def test_a_way_out_that_nothing_opens_is_pointed_at(bench: Bench) -> None:
    """By a code somebody asks to come in, and a terminal hears our own codes only."""
    both = SITE.replace('direction = "in"', 'direction = "both"').replace(
        'on_failure = "closed"', 'on_failure = "open"'
    )
    both = both.replace("channel = 1", 'channel = 1\nenergised = "closed"')
    assert [warning.key for warning in site.load(bench.write(text=both)).warnings] == ["lane[0].direction"]
    terminal = '[lane.terminal]\ndriver = "terminal_http"\nlisten = "127.0.0.1:8088"'
    i, j = SITE.index("[lane.button]"), SITE.index("[lane.gate]", SITE.index("[lane.button]"))
    with pytest.raises(Mistake, match="somebody wants to leave"):
        site.load(bench.write(text=SITE[:i] + terminal + "\n" + SITE[j:]))
    counter = '[lane.counter]\ndriver = "counter_beam_pair"\npins = { outside = 5, inside = 6 }'
    (_, way_out) = site.load(bench.write(text=SITE[:i] + counter + "\n" + SITE[j:])).lanes
    assert setup_of(way_out).askers == (), "who steps into the beams is let out"


def test_a_lift_is_never_called_by_software_that_is_gone(bench: Bench) -> None:
    text = SITE.replace('direction = "out"', 'direction = "elevator"').replace(
        "escape_way = true", "escape_way = false"
    )
    with pytest.raises(Mistake, match="called by nobody when the software is gone") as caught:
        site.load(bench.write(text=text))
    assert caught.value.key == "lane[1].on_failure"


def test_a_fire_loop_that_floats_when_its_wire_is_cut_is_pointed_at(bench: Bench) -> None:
    floating = SITE.replace("pin = 22\n", 'pin = 22\npull = "none"\n', 1)
    (found,) = site.load(bench.write(text=floating)).warnings
    assert found.key == "lane[0].fire_loop.pull" and "resistor" in found.what


def test_an_exit_without_a_fire_loop_and_one_that_only_its_board_opens_are_pointed_at(bench: Bench) -> None:
    deaf = SITE.replace('[lane.fire_loop]\ndriver = "contact_switch"\npin = 22\n', "")
    deaf = deaf.replace("escape_way = true", "escape_way = false")
    (unheard,) = site.load(bench.write(text=deaf)).warnings
    assert unheard.key == "lane[1]" and "nothing tells this device of a fire" in unheard.what
    start, end = SITE.rindex("[lane.gate]"), SITE.rindex("[lane.fire_loop]")
    board = '[lane.gate]\ndriver = "gate_board_fe"\nport = "/dev/ttyUSB1"\n'
    (alone,) = site.load(bench.write(text=SITE[:start] + board + SITE[end:])).warnings
    assert alone.key == "lane[1].on_failure" and "try it with this device unplugged" in alone.what


def test_a_side_link_needs_a_secret_and_wants_numbers(bench: Bench) -> None:
    text = SITE.replace('key = "side-link.key"\n', "")
    assert site.load(bench.write(text=text)).warnings == ()
    with pytest.raises(Mistake, match=r"side_link.key: is missing: 32 bytes as base64url"):
        site.load(bench.write(text=text.replace('hall_key = "hall.key"\n', "")))
    (named,) = site.load(bench.write('peers = ["127.0.0.1:7947"]', 'peers = ["door-2.local:7946"]')).warnings
    assert named.key == "side_link.peers[0]" and "write the IP address" in named.what
    (empty,) = site.load(bench.write('peers = ["127.0.0.1:7947"]', "peers = []")).warnings
    assert empty.key == "side_link.peers" and "only found by doors that name it" in empty.what


def test_a_relay_that_lets_go_without_power_shuts_an_open_exit(bench: Bench) -> None:
    (warning,) = site.load(bench.write('energised = "closed"\n', "")).warnings
    assert (warning.key, warning.line) == ("lane[1].gate", line_of('energised = "closed"') - 4)
    assert "without power" in warning.what


@pytest.mark.parametrize(
    ("keys", "warned"),
    [
        ('listen = "0.0.0.0:8088"', True),
        ('listen = "127.0.0.1:8088"', False),
        ('listen = "[::]:8088"\nallow = ["10.1.2.3"]', False),
        (f'listen = "0.0.0.0:8088"\ntoken_sha256 = "{"0" * 64}"', False),
    ],
)
def test_a_terminal_anybody_could_speak_as_is_worth_a_warning(bench: Bench, keys: str, warned: bool) -> None:
    place = site.load(bench.write("channel = 1\n", "channel = 1" + terminal(keys)))
    assert ["lane[0].terminal" in str(warning.key) for warning in place.warnings] == [True] * warned
    assert place.lanes[0].devices["terminal"].port == keys.split('"')[1]


def test_a_lamp_with_yellow_has_its_pin(bench: Bench) -> None:
    lamp = LAMP.replace("2,", "2, yellow = 4,") + "yellow = true\n"
    place = site.load(bench.write("[lane.fire_loop]", lamp + "[lane.fire_loop]"))
    assert place.lanes[0].devices["lamp"].pins == {"green": 2, "yellow": 4, "red": 3}


def test_a_route_light_and_a_buzzer_hang_at_a_lane(bench: Bench) -> None:
    hands = (
        '[lane.route_light]\ndriver = "light_pin"\npin = 5\n[lane.buzzer]\ndriver = "buzzer_pin"\npin = 6\noff_ms = 0\n'
    )
    place = site.load(bench.write("[lane.fire_loop]", hands + "[lane.fire_loop]"))
    found = next(lane for lane in place.lanes if "buzzer" in lane.devices)
    assert found.devices["route_light"].pins == {"signal": 5} and found.devices["buzzer"].pins == {"signal": 6}
    told = {setup.name: (setup.route_light, setup.buzzer) for setup in map(setup_of, place.lanes)}
    assert told[found.name] == (True, True) and sum(map(any, told.values())) == 1


def test_a_lamp_is_no_route_light(bench: Bench) -> None:
    hands = '[lane.route_light]\ndriver = "lamp_pins"\npins = { green = 5, red = 6 }\n'
    with pytest.raises(Mistake, match="light_"):
        site.load(bench.write("[lane.fire_loop]", hands + "[lane.fire_loop]"))


def test_a_site_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="cannot be read: No such file"):
        site.load(tmp_path / "none.toml")


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, len(SITE)), cut=st.integers(0, 40), put=st.text(max_size=6))
def test_a_spoilt_site_is_a_site_or_a_mistake(bench: Bench, at: int, cut: int, put: str) -> None:
    bench.site.write_bytes((SITE[:at] + put + SITE[at + cut :]).encode("utf-8", "replace"))
    try:
        assert site.load(bench.site).lanes
    except Mistake as mistake:
        assert mistake.file == str(bench.site)


def test_a_hatch_is_no_way_out(bench: Bench) -> None:
    text = SITE.replace('name = "A"', 'name = "A"\nhatch = true')
    place = site.load(bench.write(text=text))
    assert [lane.hatch for lane in place.lanes] == [True, False]
    with pytest.raises(Mistake) as refused:
        site.load(bench.write(text=SITE.replace('name = "B"', 'name = "B"\nhatch = true')))
    assert refused.value.key == "lane[1].hatch"


# ---------------------------------------------------------------- zones and lifts

LIFT = 'direction = "elevator"\nfrom = "hall"'
CAR = "[lane.car]\nwidth_mm = 1600\ndepth_mm = 1400\nrated_persons = 13\n"


def test_a_lane_inside_the_hall_says_where_it_leads_and_from_where(bench: Bench) -> None:
    text = ZONED.replace('direction = "in"', 'direction = "in"\nzone = "b1"\nfrom = "b2"')
    place = site.load(bench.write(text=text))
    setup = setup_of(place.lanes[0])
    assert place.rights.zones == ("b1", "b2") and place.warnings == ()
    assert (setup.takes, setup.leaves) == (("zone-b1",), "zone-b2")
    assert (setup_of(place.lanes[1]).takes, setup_of(place.lanes[1]).leaves) == (("hall",), "")


def test_a_zone_that_nobody_counts_is_pointed_at(bench: Bench) -> None:
    """Where a lane leads may be a word of the bookings alone; beside zones that are counted it is a slip of the pen."""
    slip = 'direction = "in"\nzone = "b11"'
    (odd,) = site.load(bench.write(text=ZONED.replace('direction = "in"', slip))).warnings
    assert odd.key == "lane[0].zone" and odd.what.endswith("none of zones in [rights]; did you mean b1?")
    assert site.load(bench.write(text=SITE.replace('direction = "in"', slip))).warnings == ()


def test_a_lift_has_a_car_of_some_size(bench: Bench) -> None:
    text = SITE.replace('direction = "in"', LIFT)
    (unsized,) = site.load(bench.write(text=text)).warnings
    assert unsized.key == "lane[0]" and "nobody counts who rides" in unsized.what
    place = site.load(bench.write(text=text.replace("[lane.scanner]", CAR + "[lane.scanner]", 1)))
    car = setup_of(place.lanes[0]).car
    assert (
        place.warnings == () and car is not None and (car.width_mm, car.depth_mm, car.rated_persons) == (1600, 1400, 13)
    )


@pytest.mark.parametrize(
    ("old", "new", "key", "what"),
    [
        ("bank = true", 'bank = true\nzones = ["hall"]', r"rights.zones\[0\]", "is the whole hall already"),
        ("bank = true", 'bank = true\nzones = ["b1", "b1"]', r"rights.zones\[1\]", "is named twice"),
        ("bank = true", 'bank = true\nzones = ["B 1"]', r"rights.zones\[0\]", "is no id of a-z"),
        ('direction = "in"', 'direction = "in"\nfrom = "b7"', r"lane\[0\].from", "neither hall nor one of zones"),
        ('direction = "in"', 'direction = "in"\nfrom = "b1"\nzone = "b1"', r"lane\[0\].from", "from b1 to b1"),
        ("[lane.scanner]", CAR + "[lane.scanner]", r"lane\[0\].car", "only a lift has a car"),
        ('direction = "out"', 'direction = "elevator"', r"lane\[1\].escape_way", "a lift is no way out"),
        (
            "[lane.scanner]",
            CAR.replace("1600", "16") + "[lane.scanner]",
            r"lane\[0\].car.width_mm",
            "expected int >= 500",
        ),
    ],
)
def test_what_cannot_be_of_zones_and_lifts(bench: Bench, old: str, new: str, key: str, what: str) -> None:
    text = ZONED if "b1" in new and "zones" not in new else SITE
    with pytest.raises(Mistake, match=f"{key}: .*{what}"):
        site.load(bench.write(text=text.replace(old, new, 1)))


def test_a_zone_nobody_goes_to_is_worth_a_warning_unless_this_is_the_bank(bench: Bench) -> None:
    (idle,) = site.load(bench.write(text=ZONED.replace("bank = true", "bank = false")
                                    .replace('"b1", "b2"', '"b1"'))).warnings  # fmt: skip
    assert idle.key == "rights.zones[0]" and "no use for it" in idle.what
