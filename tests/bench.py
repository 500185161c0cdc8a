"""Benchmarks: how far the portal is above the fastest that this machine could be. `make bench` runs them all.

ONLY=B1,B3 picks; QUICK=1 is for a first look. Each figure is a ratio of one run, so that it travels.
"""

import signal
import sys

import bench_cold
import bench_console
import bench_feeds
import bench_live
import bench_memory
import bench_peer
import bench_report
import bench_start
import bench_warm

BENCHMARKS = {
    "B1": bench_warm.home_kept,
    "B2": bench_warm.home_unchanged,
    "B3": bench_warm.home_rebuilt,
    "B4": bench_peer.account_view,
    "B6": bench_cold.cold_pages,
    "B7": bench_memory.snapshots,
    "B8": bench_feeds.ingest,
    "B9": bench_live.open_pages,
    "B10": bench_feeds.growth,
    "B11": bench_start.start_and_rest,
    "B12": bench_console.pages_of_staff,
    "scale": bench_feeds.scale,
}

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # and with it whatever it has started
    bench_report.run(BENCHMARKS)
