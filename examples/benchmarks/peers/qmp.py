"""What a program does with QEMU's own Python package qemu.qmp: what QmpClient is measured against.

Reads commands from its input, does each, and prints the microseconds that it took, and the median of its parts:

    depth1 N   makes N round trips
    depth8 N   makes N round trips, eight at a time
"""

import asyncio
import sys
import time

from qemu.qmp import QMPClient


async def round_trip(client):
    began = time.perf_counter()
    answer = await client.execute("query-status")
    assert answer["status"]
    return (time.perf_counter() - began) * 1e6


async def main():
    client = QMPClient("peer")
    await client.connect(sys.argv[1])
    for line in sys.stdin:
        command, count = line.split()
        depth = 8 if command == "depth8" else 1
        took = []
        began = time.perf_counter()
        for _ in range(int(count) // depth):
            took += await asyncio.gather(*[round_trip(client) for _ in range(depth)])
        wall = (time.perf_counter() - began) * 1e6
        took.sort()
        print(f"{wall:.1f} {took[len(took) // 2]:.1f}", flush=True)


asyncio.run(main())
