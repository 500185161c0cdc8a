"""One customer of a real Tryton and of a real Request Tracker, on one page; a change in each of them shows there."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from support_live import LivePortal, sign_in
from support_redis import RedisProcess
from support_rt import RequestTracker
from support_tryton import Tryton

pytestmark = pytest.mark.live

SOURCES = """
[sources.erp]
connector = "tryton"
title = "Orders and invoices"
[sources.erp.settings]
base_url = "{tryton}"
database = "{database}"
application_key = {{ env = "TRYTON_KEY" }}
[sources.erp.promises]
orders = 86400
invoices = 86400
[sources.helpdesk]
connector = "request_tracker"
title = "Help desk"
[sources.helpdesk.settings]
base_url = "{rt}"
token = {{ env = "RT_TOKEN" }}
[sources.helpdesk.promises]
tickets = 86400
"""
PATIENCE = 120_000  # milliseconds; a limit for machines that are busy, not a promise
ADDRESS = "ann@halvorsen-marine.example"
OTHER = "bob@elsewhere.example"


@pytest.fixture(scope="module")
def both(
    tmp_path_factory: pytest.TempPathFactory, live_redis: RedisProcess, request_tracker: RequestTracker, tryton: Tryton
) -> Iterator[LivePortal]:
    for name in (ADDRESS, OTHER):
        request_tracker.user(name)
    secrets = {"RT_TOKEN": request_tracker.token, "TRYTON_KEY": tryton.portal_key}
    served = LivePortal(tmp_path_factory.mktemp("both"), live_redis.url, secrets)
    sources = served.folder / "sources.toml"
    sources.write_text(SOURCES.format(tryton=tryton.url, database=tryton.database, rt=request_tracker.url))
    try:
        served.run("migrate")
        served.run("sources", "apply", "--yes", str(sources))
        served.run("sources", "test")
        for subject, account, party, address in (("ann", "acme", "ann", ADDRESS), ("bob", "globex", "bob", OTHER)):
            for source, customer in (("erp", str(tryton.ids[party])), ("helpdesk", address)):
                served.run(
                    *("link", "--issuer", served.op.issuer, "--subject", subject, "--account", account),
                    *("--account-name", account.title(), "--source", source, "--customer", customer),
                    *("--fact", "customer number and address on file", "--reach", "company", "--unchecked"),
                )
        served.start()
        yield served
    finally:
        served.stop()


def test_shows_both_systems_on_one_page(page: Page, both: LivePortal, request_tracker: RequestTracker) -> None:
    request_tracker.ticket(ADDRESS, "Hatch leaks", "It drips on the chart table.")
    sign_in(page, both, "ann")
    main = page.get_by_role("main")
    expect(main).to_contain_text("Hatch leaks", timeout=PATIENCE)
    expect(main).to_contain_text(re.compile("(Order|Quote) [0-9]+[,.]"), timeout=PATIENCE)
    expect(main).to_contain_text("€1,732.45")
    expect(main).to_contain_text("From Orders and invoices")
    expect(main).to_contain_text("From Help desk")


def test_follows_both_on_open_pages_although_the_promise_is_a_day(
    page: Page, both: LivePortal, request_tracker: RequestTracker, tryton: Tryton
) -> None:
    """No webhook comes, and nobody loads a page again: the worker follows the feeds."""
    number = request_tracker.ticket(ADDRESS, "Keel rattles", "Only at anchor.")
    sign_in(page, both, "ann")
    home = page.get_by_role("main")
    expect(home).to_contain_text("Keel rattles", timeout=PATIENCE)
    order = page.context.new_page()
    order.goto(f"{both.url}/orders/erp/{tryton.ids['ordered']}")
    expect(order.get_by_role("main")).to_contain_text("PO-77")
    tryton.write("sale.sale", "ordered", reference="PO-77/C")
    request_tracker.reply(number, "May we come on Monday?", Status="stalled")
    try:
        expect(order.get_by_role("main")).to_contain_text("PO-77/C", timeout=PATIENCE)
        expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("needs? you"), timeout=PATIENCE)
        expect(home).to_contain_text("Keel rattles")
    finally:
        tryton.write("sale.sale", "ordered", reference="PO-77")  # the server is shared with other tests


def test_shows_the_other_customer_neither(page: Page, both: LivePortal, tryton: Tryton) -> None:
    sign_in(page, both, "bob")
    for path in ("/", "/orders?show=all", "/invoices?show=all", "/requests", "/documents", "/search?q=hatch"):
        page.goto(both.url + path)
        assert "Hatch leaks" not in page.content()
        assert "PO-77" not in page.content()
    answer = page.goto(f"{both.url}/orders/erp/{tryton.ids['ordered']}")
    assert answer is not None
    assert answer.status == 404
