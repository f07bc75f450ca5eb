"""The words that say which broker a verb speaks with, and by which certificate."""

from __future__ import annotations

import argparse
from types import SimpleNamespace

from firmware import files
from firmware.errors import Mistake
from mqtt.address import Address


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--broker", metavar="URL", help="mqtt://host:port or mqtts://host:port")
    parser.add_argument("--ca", help="certificate of the authority (mqtts)")
    parser.add_argument("--cert", help="our certificate (mqtts)")
    parser.add_argument("--key", help="our key (mqtts)")


def address(arguments: argparse.Namespace) -> Address:
    """Raises Mistake when it cannot be one."""
    if arguments.broker is None:
        raise Mistake("which broker? write mqtt://host:port", key="--broker")
    for named in filter(None, (arguments.ca, arguments.cert, arguments.key)):
        files.read(named)  # what is not there is a slip of whoever typed it, and no reason to try the broker again
    tls = SimpleNamespace(ca=arguments.ca, cert=arguments.cert, key=arguments.key)
    return Address.typed(arguments.broker, tls if arguments.ca or arguments.cert or arguments.key else None)
