"""The boards' device trees, changed once at build time so that the header's pins are what a site file calls them.

The serial ones become ttyAMA0, the I2C bus i2c-1. As they come, Debian's trees give the good UART (PL011) to the
Bluetooth chip and GPIO 14 and 15 to the mini-UART, whose speed follows the core's clock. The Pi's own way to swap them
is an overlay, which Debian does not ship. The bus of GPIO 2 and 3 is on in them (100 kHz), but its number is given in
the order in which the buses are found, those of HDMI among them.
"""

from __future__ import annotations

import re
from pathlib import Path

from deploy.image import tools
from firmware.errors import Failure

PL011, MINI = "/soc/serial@7e201000", "/soc/serial@7e215040"
HEADER_PINS = "/soc/gpio@7e200000/uart0_gpio14"
I2C = "/soc/i2c@7e804000"
PHANDLES_FROM = 0x400
"""Above every number that dtc gives."""


def free_the_serial_pins(tree: Path) -> None:
    """PL011 to GPIO 14 and 15, the mini-UART (the kernel's console) to no pin, Bluetooth away. Raises Failure."""
    if "bluetooth" in tools.run(["fdtget", "-l", tree, PL011]).split():
        tools.run(["fdtput", "-r", tree, f"{PL011}/bluetooth"])
    here = set(tools.run(["fdtget", "-p", tree, PL011]).split())
    if "uart-has-rtscts" in here:
        tools.run(["fdtput", "-d", tree, PL011, "uart-has-rtscts"])
    tools.run(["fdtput", "-t", "x", tree, HEADER_PINS, "phandle", f"{PHANDLES_FROM:x}"])
    tools.run(["fdtput", "-t", "x", tree, PL011, "pinctrl-0", f"{PHANDLES_FROM:x}"])
    if "pinctrl-0" in tools.run(["fdtget", "-p", tree, MINI]).split():
        tools.run(["fdtput", "-d", tree, MINI, "pinctrl-0", "pinctrl-names"])


def number_the_bus(tree: Path) -> None:
    """The I2C bus of GPIO 2 and 3 is number 1, whichever is found first. Raises Failure where it is switched off."""
    if (status := tools.run(["fdtget", "-d", "okay", tree, I2C, "status"]).strip()) != "okay":
        raise Failure(f"{tree.name}: the I2C bus of the header is {status}")
    tools.run(["fdtput", "-p", "-t", "s", tree, "/aliases", "i2c1", I2C])


def lacking(trees: Path, wanted: tuple[str, ...]) -> list[str]:
    """The boards of the recipe whose tree is not among these files."""
    there = {re.sub(r"^bcm\d+-", "", path.stem) for path in trees.glob("*.dtb")}
    return [board for board in wanted if board not in there]
