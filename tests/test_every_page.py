"""No page is forgotten: each that the application has is among those that are looked at, and each fits a phone."""

import re

import pytest
from support_door import litestar_of
from support_every_page import DESK, DOORS, MEMBERS_PAGES, Stage
from support_portal import Portal

# What pages there are does not depend on the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

NO_PAGE = re.compile(
    r"/api/.*|/live|/static/.*|.*/files/.*|.*\.(csv|pdf)|/healthz|/readyz|/metrics"  # no page at all
    r"|.*/(back|correct|reply|move/\{move\})|/account/details/(check|send)|/requests/call-back"  # lead on to another
    r"|/staff/sources/\{name\}/(pause|resume|read-anew|register)"  # as above
    r"|/auth/.*"  # as above, at a provider's
)


async def test_looks_at_every_page_that_there_is(portal: Portal) -> None:
    """Who adds one names it in `support_every_page`, and it is seen under axe, wide and narrow, by day and by night."""
    seen = {path.partition("?")[0] for path in (*MEMBERS_PAGES, *DOORS, *DESK)}
    routes = litestar_of(portal.app).routes
    pages = {
        route.path_format
        for route in routes
        for handler in getattr(route, "route_handlers", [])
        if "GET" in handler.http_methods and not NO_PAGE.fullmatch(route.path_format)
    }
    assert len(pages) > 30
    forgotten = {
        page for page in pages if not any(re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", page), path) for path in seen)
    }
    assert forgotten == set()


async def test_fits_the_narrowest_phone(stage: Stage) -> None:
    maya, sam = await stage.member("maya", "bakery"), await stage.staff("owner")
    too_wide = []
    for session, paths in ((maya, MEMBERS_PAGES), (sam, DESK), (None, DOORS)):
        page = await (await stage.look(session)).new_page()
        await page.set_viewport_size({"width": 320, "height": 640})
        for path in paths:
            await page.goto(path)
            if await page.evaluate("document.documentElement.scrollWidth") > 320:
                too_wide.append(path)
    assert too_wide == []
