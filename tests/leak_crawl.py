"""The long crawl: how many words of one company does anybody else read in a hundred thousand requests?

python tests/leak_crawl.py --requests 100000 --seed 1 --seconds 3600
"""

import argparse
import asyncio
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path

from support_leak import Crawl
from support_leak_world import leak_world
from support_redis import RedisProcess

from gateway.records import migrate


async def crawl(requests: int, seed: int, seconds: float) -> int:
    """Walk until there were so many requests or it is time, tell what came of it, and give an exit code."""
    began = time.monotonic()
    process = RedisProcess(shutil.which("redis-server") or sys.exit("install redis-server"))
    process.start()
    try:
        with tempfile.TemporaryDirectory(prefix="leak-") as folder:
            url = f"sqlite:///{folder}/hallway.db"
            await asyncio.to_thread(migrate.upgrade, url)
            async with leak_world(Path(folder), url, process) as world:
                walk = Crawl(world, seed, requests)
                walking = asyncio.create_task(walk.run())
                told = 0
                while not walking.done():
                    await asyncio.wait([walking], timeout=10)
                    if time.monotonic() - began > seconds:
                        walk.requests = 0
                    for finding in walk.findings[told:][:50]:
                        say(finding)
                    told = len(walk.findings)
                    say(f"{walk.asked} requests, {told} findings, {time.monotonic() - began:.0f} s")
                await walking
    finally:
        process.close()
    for line in (*walk.findings[told:][:50], *walk.summary(), f"seed {seed}"):
        say(line)
    return 1 if walk.findings else 0


def say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--seconds", type=float, default=3600)
    options = parser.parse_args()
    sys.exit(asyncio.run(crawl(options.requests, options.seed, options.seconds)))
