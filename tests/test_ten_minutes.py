"""From an empty portal to a first customer on their page, by clicking: real systems, and the vendors of the sandbox.

The operator has set the environment, and named the first owner. Everything else is done in Chromium, and counted.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

import pytest
from playwright.sync_api import Browser, Page, expect
from support_live import LivePortal
from support_redis import RedisProcess
from support_rt import RequestTracker
from support_sandbox import HUBSPOT_TOKEN, ODOO_DATABASE, ODOO_KEY, ODOO_LOGIN, RunningSandbox
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


def connect(walker: Walker, title: str, name: str, fields: Mapping[str, str]) -> None:
    walker.click("link", f"Connect {title}")
    walker.type("Name that customers see", name)
    for label, value in fields.items():
        walker.type(label, value)
    walker.click("button", "Test and connect")
    expect(walker.page.get_by_role("heading", level=1)).to_have_text(name)


def first_steps(page: Page, portal: LivePortal) -> Walker:
    page.set_default_timeout(PATIENCE)
    olga = Walker(page)
    olga.open(f"{portal.url}/staff")
    come_in(olga, "Staff sign-in", "olga")
    expect(page.get_by_role("main")).to_contain_text("First steps")
    olga.click("link", "Connect a system", within="main")
    return olga


def invite(olga: Walker, columns: str, line: str) -> None:
    olga.click("link", "Today")
    olga.click("link", "Invite customers", within="main")
    olga.type("Or the lines themselves", f"{columns}\n{line}")
    olga.click("button", "Try every line")
    olga.click("button", "Invite them")


def expect_on_home(browser: Browser, portal: LivePortal, words: Sequence[str | re.Pattern[str]]) -> None:
    """Let the customer sign in, and wait for all of it on their first page."""
    context = browser.new_context()
    ann = Walker(context.new_page())
    ann.open(portal.url)
    come_in(ann, "Sign in with your company account", "halvor")
    home = ann.page.get_by_role("main")
    for each in words:
        expect(home).to_contain_text(each, timeout=PATIENCE)
    context.close()


def fresh_from(source: str) -> re.Pattern[str]:
    return re.compile(f"From {source}, (just now|[0-9]+ minutes? ago)")


def tell(olga: Walker) -> tuple[int, int, int]:
    olga.click("link", "Today")
    expect(olga.page.get_by_role("main")).not_to_contain_text("First steps")
    acts = (olga.clicks, olga.fields, olga.loads)
    print(f"\n{acts} and {olga.keys} keys: {olga.minutes:.1f} min, and {olga.waited:.0f} s waited")  # noqa: T201  # told
    return acts


def test_takes_less_than_ten_minutes(
    page: Page, browser: Browser, empty_portal: LivePortal, request_tracker: RequestTracker, tryton: Tryton
) -> None:
    request_tracker.user(ADDRESS)
    request_tracker.ticket(ADDRESS, "Hatch leaks", "It drips on the chart table.")
    olga = first_steps(page, empty_portal)
    given = {"Address": request_tracker.url, "Authentication token": request_tracker.token}
    connect(olga, "Request Tracker", "Help desk", given)
    olga.click("link", "Connect another system")
    given = {"Address": tryton.url, "Database": tryton.database, "Application key": tryton.portal_key}
    connect(olga, "Tryton", "Orders and invoices", given)

    olga.click("link", "Its statuses")
    olga.click("link", "Change waiting of Orders and invoices, orders")
    olga.type("Label", "On our list")
    olga.click("button", "Save in the draft")
    olga.click("link", "Try it, and publish")
    olga.click("button", "Publish")

    line = f"{ADDRESS},halvorsen,Halvorsen Marine,company,{tryton.ids['ann']},{ADDRESS}"
    invite(olga, COLUMNS, line)
    seen = ("Hatch leaks", re.compile("(Order|Quote) [0-9]+[,.]"), "€1,732.45", "On our list")
    expect_on_home(browser, empty_portal, (*seen, fresh_from("Help desk"), fresh_from("Orders and invoices")))
    assert tell(olga) == (19, 12, 20)
    assert olga.keys < 700
    assert olga.minutes < 10


def test_takes_less_than_ten_minutes_with_three_systems(
    page: Page, browser: Browser, empty_portal: LivePortal, sandbox: RunningSandbox
) -> None:
    """The vendors that cannot run here, at their far ends over real HTTP."""
    olga = first_steps(page, empty_portal)
    given = {"Address": sandbox.odoo_url, "Database": ODOO_DATABASE, "Login": ODOO_LOGIN, "API key": ODOO_KEY}
    connect(olga, "Odoo", "Orders and invoices", given)
    olga.click("link", "Connect another system")
    given = {"Access token (optional)": HUBSPOT_TOKEN, "Address (optional)": sandbox.hubspot_url}
    connect(olga, "HubSpot", "Web shop", given)
    olga.click("link", "Connect another system")
    store = sandbox.site.zendesk
    given = {
        "Address": sandbox.zendesk_url,
        "E-mail (optional)": store.email,
        "API token (optional)": store.token,
    }
    connect(olga, "Zendesk Support", "Help desk", given)
    columns = "email,account,account_name,reach,source:odoo,source:hubspot,source:zendesk"
    invite(olga, columns, f"{ADDRESS},bakery,Alder Lane Bakery,company,10,company:9010,organization:360001000010")
    sources = ("Orders and invoices", "Web shop", "Help desk")
    seen = ("INV-2093", "WEB-1063", "Delivery at the Market Street shop")
    expect_on_home(browser, empty_portal, (*seen, *map(fresh_from, sources)))
    assert tell(olga) == (17, 16, 18)
    assert olga.minutes < 10
