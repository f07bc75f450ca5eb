"""A bad wire, as a process between hosts: datagrams come late, twice, in another order or never; streams come late.

    python -m tests.network.wire SEED udp,A,B,DOOR-A,DOOR-B tcp,AT,TO ...

A `udp` line joins two doors of which each knows the other by an address of the wire: what comes to A leaves by B to door B,
what comes to B leaves by A to door A. A `tcp` line carries connections made at AT to TO. Prints `ready`.
"""

from __future__ import annotations

import asyncio
import random
import sys

LATE_S = (0.0, 0.15)
"""Each datagram by another time, so that they overtake each other."""
TWICE, NEVER = 0.25, 0.15
STREAM_S = 0.02

Address = tuple[str, int]


def address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return host, int(port)


class End(asyncio.DatagramProtocol):
    """One of the two addresses of a line: what comes in here leaves by the other, to that one's `door`."""

    other: End
    transport: asyncio.DatagramTransport

    def __init__(self, draw: random.Random, door: Address) -> None:
        self.draw, self.door = draw, door

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, source: Address) -> None:
        if self.draw.random() < NEVER:
            return
        for _ in range(2 if self.draw.random() < TWICE else 1):
            late_s = self.draw.uniform(*LATE_S)
            asyncio.get_running_loop().call_later(late_s, self.other.transport.sendto, data, self.other.door)


async def udp(a: Address, b: Address, door_a: Address, door_b: Address, draw: random.Random) -> None:
    loop = asyncio.get_running_loop()
    _, one = await loop.create_datagram_endpoint(lambda: End(draw, door_a), local_addr=a)
    _, two = await loop.create_datagram_endpoint(lambda: End(draw, door_b), local_addr=b)
    one.other, two.other = two, one


async def tcp(near: Address, towards: Address) -> None:
    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(4_096):
                await asyncio.sleep(STREAM_S)
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(*towards)
        except OSError:
            writer.close()
            return
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    await asyncio.start_server(serve, *near)


async def main(words: list[str]) -> None:
    draw = random.Random(int(words[0]))
    for word in words[1:]:
        kind, *ends = word.split(",")
        if kind == "udp":
            await udp(*map(address, ends), draw=draw)  # type: ignore[arg-type]
        else:
            await tcp(*map(address, ends))
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
