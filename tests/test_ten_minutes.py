"""From an empty portal to a first customer on their page, with a real Request Tracker and a real Tryton, by clicking.

The operator has set the environment, and named the first owner. Everything else is done in Chromium, and counted.
"""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from support_live import LivePortal
from support_redis import RedisProcess
from support_rt import RequestTracker
from support_tryton import Tryton
from support_walk import Walker

pytestmark = pytest.mark.live

PATIENCE = 120_000  # milliseconds; a limit for machines that are busy, not a promise
ADDRESS = "ann@halvorsen-marine.example"
COLUMNS = "email,account,account_name,reach,source:tryton,source:request-tracker"


@pytest.fixture
def empty_portal(tmp_path_factory: pytest.TempPathFactory, live_redis: RedisProcess) -> Iterator[LivePortal]:
    served = LivePortal(tmp_path_factory.mktemp("empty"), live_redis.url, {})
    try:
        served.run("migrate")
        served.run("staff", "add", served.op.issuer, "olga", "--role", "owner", "--name", "Olga Owner")
        served.start()
        yield served
    finally:
        served.stop()


def come_in(walker: Walker, way: str, person: str) -> None:
    walker.click("link", way)
    walker.fill("input[name=login]", person)
    walker.fill("input[name=password]", "any")
    walker.click("button", "Sign-in")
    walker.click("button", "Continue")


def connect(walker: Walker, title: str, name: str, **fields: str) -> None:
    walker.click("link", f"Connect {title}")
    walker.type("Name that customers see", name)
    for label, value in fields.items():
        walker.type(label.replace("_", " "), value)
    walker.click("button", "Test and connect")
    expect(walker.page.get_by_role("heading", level=1)).to_have_text(name)


def test_takes_less_than_ten_minutes(
    page: Page, browser: Browser, empty_portal: LivePortal, request_tracker: RequestTracker, tryton: Tryton
) -> None:
    request_tracker.user(ADDRESS)
    request_tracker.ticket(ADDRESS, "Hatch leaks", "It drips on the chart table.")
    page.set_default_timeout(PATIENCE)
    olga, main = Walker(page), page.get_by_role("main")
    olga.open(f"{empty_portal.url}/staff")
    come_in(olga, "Staff sign-in", "olga")
    expect(main).to_contain_text("First steps")

    olga.click("link", "Connect a system", within="main")
    connect(
        olga, "Request Tracker", "Help desk", Address=request_tracker.url, Authentication_token=request_tracker.token
    )
    olga.click("link", "Connect another system")
    given = {"Address": tryton.url, "Database": tryton.database, "Application_key": tryton.portal_key}
    connect(olga, "Tryton", "Orders and invoices", **given)

    olga.click("link", "Its statuses")
    olga.click("link", "Change waiting of Orders and invoices, orders")
    olga.type("Label", "On our list")
    olga.click("button", "Save in the draft")
    olga.click("link", "Try it, and publish")
    olga.click("button", "Publish")

    olga.click("link", "Today")
    olga.click("link", "Invite customers", within="main")
    line = f"{ADDRESS},halvorsen,Halvorsen Marine,company,{tryton.ids['ann']},{ADDRESS}"
    olga.type("Or its lines", f"{COLUMNS}\n{line}")
    olga.click("button", "Try every line")
    olga.click("button", "Invite them")

    context = browser.new_context()
    ann = Walker(context.new_page())
    ann.open(empty_portal.url)
    come_in(ann, "Sign in with your company account", "halvor")
    home = ann.page.get_by_role("main")
    expect(home).to_contain_text("Hatch leaks", timeout=PATIENCE)
    expect(home).to_contain_text(re.compile("(Order|Quote) [0-9]+[,.]"), timeout=PATIENCE)
    expect(home).to_contain_text("€1,732.45", timeout=PATIENCE)
    expect(home).to_contain_text("On our list")
    for source in ("Help desk", "Orders and invoices"):
        expect(home).to_contain_text(re.compile(f"From {source}, (just now|[0-9]+ minutes? ago)"), timeout=PATIENCE)
    context.close()

    olga.click("link", "Today")
    expect(main).not_to_contain_text("First steps")
    acts = (olga.clicks, olga.fields, olga.loads)
    print(f"\n{acts} and {olga.keys} keys: {olga.minutes:.1f} min, and {olga.waited:.0f} s waited")  # noqa: T201  # told
    assert acts == (19, 12, 20)
    assert olga.keys < 700
    assert olga.minutes < 10
