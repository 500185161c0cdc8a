"""Support modules with fixtures or hooks, by name."""

import pytest
from hypothesis import settings

settings.register_profile("hallway", deadline=None)  # how long anything takes says nothing on a busy machine
settings.load_profile("hallway")

pytest.register_assert_rewrite("connectors.testing")  # the kit asserts, outside of the tests

pytest_plugins = [
    "support_needs",  # first: the others import it
    "support_db",
    "support_redis",
    "support_tls",
    "support_sandbox",
    "support_op",
    "support_portal",
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
