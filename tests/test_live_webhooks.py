"""A real Request Tracker tells of changes by the scrip of docs/webhooks.md, and the page follows."""

import re
import secrets
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from support_live import LivePortal, sign_in
from support_redis import RedisProcess
from support_rt import RequestTracker
from support_tree import ROOT

pytestmark = pytest.mark.live

PATIENCE = 60_000  # milliseconds; a limit for machines that are busy, not a promise
SECRET = b64encode(secrets.token_bytes(32)).decode()
SOURCES = """
[sources.helpdesk]
connector = "request_tracker"
title = "Help desk"
[sources.helpdesk.settings]
base_url = "{url}"
token = {{ env = "RT_TOKEN" }}
webhook_secret = {{ env = "RT_HOOK" }}
[sources.helpdesk.promises]
tickets = 86400
"""
SCRIP = """
our @Scrips = ({{
    Description => 'Tell Hallway', Queue => 0, Stage => 'TransactionBatch', Template => 'Blank',
    ScripCondition => 'On Transaction', ScripAction => 'User Defined',
    CustomIsApplicableCode => 'return 1;', CustomPrepareCode => 'return 1;', CustomCommitCode => q~{code}~,
}});
"""


def scrip(address: str) -> str:
    """Give the scrip as the document has it, for this address and secret."""
    (code,) = re.findall(r"```perl\n(.*?)```", (ROOT / "docs" / "webhooks.md").read_text(), re.DOTALL)
    for line, value in (("address", address), ("secret ", SECRET)):
        code, found = re.subn(rf"(my \${line} *= )'[^']*'", rf"\1'{value}'", code)
        assert found == 1
    return SCRIP.format(code=code)


@pytest.fixture(scope="module")
def portal(
    tmp_path_factory: pytest.TempPathFactory, live_redis: RedisProcess, request_tracker: RequestTracker
) -> Iterator[LivePortal]:
    folder: Path = tmp_path_factory.mktemp("live-webhooks")
    secrets_ = {"RT_TOKEN": request_tracker.token, "RT_HOOK": SECRET}
    served = LivePortal(folder, live_redis.url, secrets_)
    (folder / "sources.toml").write_text(SOURCES.format(url=request_tracker.url))
    (folder / "scrip.pl").write_text(scrip(f"{served.url}/hooks/helpdesk"))
    request_tracker.user("wendy@acme.example")
    request_tracker.insert(folder / "scrip.pl")
    try:
        served.run("migrate")
        served.run("sources", "apply", "--yes", str(folder / "sources.toml"))
        served.run(
            *("link", "--issuer", served.op.issuer, "--subject", "ann", "--account", "acme", "--reach", "company"),
            "--unchecked",
            *("--source", "helpdesk", "--customer", "wendy@acme.example", "--fact", "address on file"),
        )
        served.start()
        yield served
    finally:
        served.stop()


def test_shows_a_reply_of_staff_on_an_open_page_although_the_promise_is_a_day(
    page: Page, portal: LivePortal, request_tracker: RequestTracker
) -> None:
    number = request_tracker.ticket("wendy@acme.example", "Widget arrived broken", "One of two is cracked.")
    sign_in(page, portal, "ann")
    expect(page.get_by_role("main")).to_contain_text("Widget arrived broken", timeout=PATIENCE)
    page.goto(f"{portal.url}/requests/helpdesk/{number}")
    expect(page.get_by_role("log")).to_contain_text("One of two is cracked.")
    request_tracker.comment(number, "INTERNAL-CANARY: they complain a lot")
    request_tracker.reply(number, "Which colour do you want?", Status="stalled")
    expect(page.get_by_role("log")).to_contain_text("Which colour do you want?", timeout=PATIENCE)
    assert "INTERNAL-CANARY" not in page.content()
    page.goto(portal.url)
    expect(page.get_by_role("heading", level=1)).to_have_text("One thing needs you")
    assert "webhook refused" not in portal.log.read_text()
