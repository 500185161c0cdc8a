"""Support modules with fixtures or hooks, by name."""

import pytest
from hypothesis import settings

settings.register_profile("hallway", deadline=None)  # how long anything takes says nothing on a busy machine
settings.load_profile("hallway")

pytest.register_assert_rewrite("connectors.testing")  # the kit asserts, outside of the tests

pytest_plugins = [
    "support_needs",  # first: the others import it
    "support_once",
    "support_db",
    "support_redis",
    "support_tls",
    "support_sandbox",
    "support_op",
    "support_portal",
    "support_pseudo",
    "support_door",
    "support_rt",
    "support_live",
    "support_tryton",
    "support_signin",
    "support_cli",
    "support_serve",
    "support_every_page",
    "support_identity",
    "support_inviting",
    "support_outbox",
    "support_codes",
]

OTHER_PROGRAMS = {"live", "demo", "stage"}  # a mark and fixtures: back offices, browsers, a server with all it starts


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Try once more what failed beside other programs, which a busy machine may keep waiting for minutes.

    A fault of ours fails both times, and the end of the report names what was tried again. All other tests get one try.
    """
    for item in items:
        if item.path.name == "test_faults.py" or OTHER_PROGRAMS & {*item.keywords, *getattr(item, "fixturenames", ())}:
            item.add_marker(pytest.mark.flaky(reruns=1))
