"""Pictures of every page, for people to look at: `make shots` puts them into .shots/.

The demo is started on free ports with an empty data folder, and is gone afterwards.
"""

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright
from support_chromium import CHROMIUM
from support_demo import Demo, running_demo
from support_serve import end, start
from support_tree import ROOT

from gateway.demo.outside import sign_in_provider
from gateway.demo.people import read_people

OUT = ROOT / ".shots"
WIDTHS: dict[int, int] = {1280: 900, 390: 844}  # -> height
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
PAGES = {  # name -> path, or the link to follow on the page before
    "home": "/",
    "quote": "main h3 a:has-text('Quote ')",
    "orders": "/orders",
    "order": "main a[href^='/orders/']:not([href*='/files/'])",
    "invoices": "/invoices",
    "invoice": "main table a[href^='/invoices/']:not([href*='/files/'])",
    "why": "main a[href$='/why']",
    "statement": "/invoices/statement",
    "requests": "/requests",
    "request": "main a[href^='/requests/']:not([href*='/files/'])",
    "requests-solved": "/requests?show=solved",
    "request-solved": "main a[href^='/requests/helpdesk/']",
    "new-request": "/requests/new",
    "ask": "main a[href^='/requests/new/']",
    "call-back": "/requests/call-back",
    "documents": "/documents",
    "search": "/search?q=oven",
    "search-empty": "/search?q=zeppelin",
    "help": "/help",
    "help-found": "/help?q=invoice",
    "help-empty": "/help?q=zeppelin",
    "help-article": "/help/paying",
    "account": "/account",
    "mails": "/account/mails",
    "details": "/account/details",
    "details-edit": "main a[href*='/account/details/edit']",
    "delete-login": "/account/delete",
    "not-found": "/invoices/erp/0",
}
LONG = {"orders-long": "/orders?show=all", "invoices-long": "/invoices?show=all&page=4"}
SEVERAL = {  # ways in besides the first
    "HALLWAY_OIDC_TITLE": "Sign in with your customer account",
    "HALLWAY_OIDC_2_TITLE": "Sign in with Example Net",
    "HALLWAY_OIDC_3_FOR": "staff",
}
LISTS = ("home", "orders", "invoices", "requests", "documents")


def main() -> None:
    program = shutil.which("chromium") or sys.exit("make shots wants Chromium: apt-get install chromium")
    shutil.rmtree(OUT, ignore_errors=True)
    with (
        tempfile.TemporaryDirectory(prefix="hallway-shots-") as folder,
        running_demo(Path(folder)) as demo,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM)
        picture_for_the_readme(next(pages(browser)), demo.url)
        for look in (tour, tour_of_ones_own, tour_of_a_long_history, tour_without_links):
            for page in pages(browser):
                look(page, demo.url)
        kill_back_offices(demo)
        for page in pages(browser):
            tour_in_the_dark(page, demo.url)
        with several_ways_in(Path(folder) / "several") as url:
            for page in pages(browser):
                tour_of_the_doors(page, url)
        browser.close()
    sys.stdout.write(f"{len(list(OUT.iterdir()))} pictures are in {OUT.relative_to(ROOT)}/\n")


def pages(browser: Browser) -> Iterator[Page]:
    """Open a browser of each size and scheme, one after the other."""
    for width, height in WIDTHS.items():
        for scheme in SCHEMES:
            context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
            yield context.new_page()
            context.close()


def picture_for_the_readme(page: Page, base: str) -> None:
    """Take what fits on a screen. It is kept as docs/portal.png."""
    sign_in(page, base, "maya")
    page.screenshot(path=OUT / "portal.png")


def tour(page: Page, base: str) -> None:
    """Take everything that maya sees, and the doors in and out."""
    page.goto(base)
    shoot(page, "sign-in")
    sign_in(page, base, "maya")
    for name, target in PAGES.items():
        page.goto(base + (target if target.startswith("/") else str(page.locator(target).first.get_attribute("href"))))
        shoot(page, name)
    change_a_detail(page, base)
    page.goto(f"{base}/account")
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.get_by_role("button", name="End session").click()
    page.wait_for_url(f"{base}/signed-out*")
    shoot(page, "signed-out")


def change_a_detail(page: Page, base: str) -> None:
    """Take the second look at a change, and what is said of it when it was sent."""
    page.goto(f"{base}/account/details")
    page.locator(PAGES["details-edit"]).first.click()
    page.get_by_label("Mobile").fill(f"+353 86 {time.monotonic_ns() % 10**7:07}")
    page.get_by_role("button", name="Look it over").click()
    shoot(page, "details-check")
    page.get_by_role("button", name="Change it").click()
    page.wait_for_url(f"{base}/account/details#changes")
    shoot(page, "details-sent")


def tour_of_ones_own(page: Page, base: str) -> None:
    """Take what a colleague sees who sees only what names him."""
    sign_in(page, base, "joseph")
    for name in (*LISTS, "account"):
        page.goto(base + PAGES[name])
        shoot(page, f"own-{name}")


def tour_of_a_long_history(page: Page, base: str) -> None:
    sign_in(page, base, "harbour")
    for name, path in LONG.items():
        page.goto(base + path)
        shoot(page, name)


def tour_of_the_doors(page: Page, base: str) -> None:
    page.goto(f"{base}/sign-in")
    shoot(page, "sign-in-several")
    page.goto(f"{base}/auth/3/start")
    page.get_by_role("button", name="maya", exact=True).click()
    page.wait_for_url(f"{base}/staff")
    shoot(page, "staff")


def tour_without_links(page: Page, base: str) -> None:
    sign_in(page, base, "nobody")
    for name in LISTS:
        page.goto(base + PAGES[name])
        shoot(page, f"unlinked-{name}")


def tour_in_the_dark(page: Page, base: str) -> None:
    """Take what is left when no back office answers and nothing is in the cache."""
    sign_in(page, base, "fenwick")
    for name in LISTS:
        page.goto(base + PAGES[name])
        shoot(page, f"unreachable-{name}")


def sign_in(page: Page, base: str, subject: str) -> None:
    while (answer := page.goto(f"{base}/auth/start")) and answer.status == 429:  # too many tries
        page.wait_for_timeout(5000)
    page.get_by_role("button", name=subject, exact=True).click()
    page.wait_for_url(f"{base}/**")


@contextmanager
def several_ways_in(folder: Path) -> Iterator[str]:
    """Serve a portal that is nothing but its doors: one provider under three names, the last of them for staff."""
    people = read_people(ROOT / "connector_fixtures" / "demo" / "people.toml").people
    with sign_in_provider(people) as issuer:
        named = {
            f"HALLWAY_OIDC_{n}{key}": value
            for n in ("", "2_", "3_")
            for key, value in {
                "ISSUER": issuer,
                "CLIENT_ID": f"client{n}",
                "CLIENT_SECRET": f"shots-secret-{n}",
            }.items()
        }
        server = start({**named, **SEVERAL, "HALLWAY_DATA_DIR": str(folder), "HALLWAY_LOG_LEVEL": "error"})
        try:
            server.wait_until_open()
            yield server.url
        finally:
            end(server)


def kill_back_offices(demo: Demo) -> None:
    for pid in demo.family():
        if b"connectors.sandbox" in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)


def shoot(page: Page, name: str) -> None:
    """Take the whole page, in a window as high as it is: what sticks to an edge is then where it belongs."""
    size = page.viewport_size
    assert size
    scheme = "dark" if page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else "light"
    whole = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": max(size["height"], whole)})
    page.screenshot(path=OUT / f"{name}-{size['width']}-{scheme}.png")
    page.set_viewport_size(size)


if __name__ == "__main__":
    main()
