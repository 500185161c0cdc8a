"""Everything that goes wrong around a real portal: what was promised, and what came.

python tests/faults.py        ONLY=toxics,redis picks, SHORT=1 takes a minute or two, SEED=1 repeats the luck
"""

import resource
import sys
from functools import partial

import bench_report
from faults_edges import edges
from faults_feeds import feeds
from faults_hooks import hooks
from faults_hostile import hostile
from faults_outbox import outbox
from faults_redis import redis
from faults_report import LATEST, plan_of_environment
from faults_storms import storms
from faults_toxics import toxics

SUITES = {
    "toxics": toxics,
    "storms": storms,
    "hostile": hostile,
    "redis": redis,
    "hooks": hooks,
    "feeds": feeds,
    "outbox": outbox,
}

if __name__ == "__main__":
    plan, seed = plan_of_environment()
    sys.stdout.write(f"SEED={seed}\n")
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))  # for a crowd
    bench_report.run({**{name: partial(suite, plan) for name, suite in SUITES.items()}, "edges": edges}, LATEST)
