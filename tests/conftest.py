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
FAULTS = "test_faults.py"
LONG = (
    FAULTS,
    "test_attacks.py",
    "test_serve.py",
    "test_two_processes.py",
    "test_every_route.py",
    "test_mail_month.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Try once more what failed beside other programs, which a busy machine may keep waiting for minutes.

    A fault of ours fails both times, and the end of the report names what was tried again. All other tests get one try.
    What takes long comes first, and files with the fewest tests last, so that no process waits long for another.
    """
    order: dict[str, tuple[int, int]] = {}
    for item in items:
        name = item.path.name
        turn, many = order.get(name, (LONG.index(name) if name in LONG else len(LONG) + 1, 0))
        if name == FAULTS or OTHER_PROGRAMS & {*item.keywords, *getattr(item, "fixturenames", ())}:
            item.add_marker(pytest.mark.flaky(reruns=1))
            turn = min(turn, len(LONG))
        order[name] = (turn, many - 1)
    items.sort(key=lambda item: (*order[item.path.name], item.path.name))
