"""No page is forgotten: each that the application has is among those that are looked at, and each fits a phone."""

import re

import pytest
from support_door import litestar_of
from support_every_page import DESK, DOORS, MEMBERS_PAGES, Stage
from support_portal import Portal

# What pages there are does not depend on the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

NO_PAGE = re.compile(
    r"/api/.*|.*/invite/letter|.*/preview/mail|/live|/static/.*|.*/files/.*|.*\.(csv|json|pdf|po|toml)|/healthz|/readyz|/metrics|/auth/.*"
)
LEADS_ON = re.compile(r"(go_to|go_on|back_to|lead_back|ask_for_a_call)")  # what such a handler is called

NAMED_LATER = {  # by ids that are made with what they show: their own tests look at them
    "/staff/customers/{account}/members/{member}/data",
    "/staff/erased/{member}",
    "/staff/customers/adoption/again",
}
NOT_THERE = {
    *("/invoices/erp/0", "/nowhere", "/staff", "/invoices/statement?from=x&to=y"),
    *("/auth/callback?state=none", "/auth/9/start", "/staff/sources/consent"),
}


async def test_looks_at_every_page_that_there_is(portal: Portal) -> None:
    """Who adds one names it in `support_every_page`, and it is seen under axe, wide and narrow, by day and by night."""
    seen = {path.partition("?")[0] for path in (*MEMBERS_PAGES, *DOORS, *DESK)}
    routes = litestar_of(portal.app).routes
    pages = {
        route.path_format
        for route in routes
        for handler in getattr(route, "route_handlers", [])
        if "GET" in handler.http_methods
        and not NO_PAGE.fullmatch(route.path_format)
        and not LEADS_ON.match(handler.fn.__name__)
    }
    assert len(pages) > 30
    forgotten = {
        page for page in pages if not any(re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", page), path) for path in seen)
    }
    assert forgotten - NAMED_LATER == set()


async def test_fits_the_narrowest_phone(stage: Stage) -> None:
    maya, sam = await stage.member("maya", "bakery"), await stage.staff("owner")
    too_wide, others = [], set()
    for session, paths in ((maya, MEMBERS_PAGES), (sam, DESK), (None, DOORS)):
        page = await (await stage.look(session)).new_page()
        await page.set_viewport_size({"width": 320, "height": 640})
        for path in paths:
            answer = await page.goto(path)
            if answer and answer.status != 200:
                others.add(path)
            if await page.evaluate("document.documentElement.scrollWidth") > 320:
                too_wide.append(path)
    assert too_wide == []
    assert others == NOT_THERE, "a page that is not there proves nothing of it"
