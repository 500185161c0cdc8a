"""A form from before somebody signed in anew in another tab: it is not sent, and what was written is not lost."""

import re
from html import unescape

import httpx
import pytest
import sqlalchemy as sa
from support_portal import Portal
from support_staff import staff_at
from support_uploads import PDF
from test_asking import FORM, WRITTEN, form
from test_rights import SAME_SITE
from test_upload_forms import with_files

from auth import cookies
from auth.cross_site import MAX_WORDS_BYTES
from gateway.records.outbox_tables import OutboxRow

WORDS = "Keep <these> words."
FORMS = re.compile(r"(<form[^>]*>)(.*?)</form>", re.DOTALL)

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def filled(portal: Portal) -> dict[str, str]:
    """Fill in a form in a session that is not the browser's any more."""
    return {**await form(await portal.browser("maya", "bakery")), **WRITTEN, "text": WORDS}


def given_back(answer: httpx.Response) -> tuple[str, dict[str, str]]:
    """Give the tag of the form that came back, and what it holds."""
    ((tag, inner),) = FORMS.findall(answer.text)
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', inner))
    fields |= dict(re.findall(r'name="(\w+)" rows="6">\n(.*?)</textarea>', inner, re.DOTALL))
    return unescape(tag), {name: unescape(value) for name, value in fields.items()}


async def test_gives_the_words_back_to_be_sent_by_who_is_there_now(portal: Portal) -> None:
    fields = await filled(portal)
    browser = await portal.browser("maya", "bakery")
    answer = await browser.post(FORM, data=fields, headers=SAME_SITE)
    assert answer.status_code == 403
    page = unescape(answer.text)
    assert "You signed in anew, or went to another account" in page
    assert "Maya for Bakery." in page
    tag, again = given_back(answer)
    assert f'action="{FORM}"' in tag
    assert {**again, "_token": ""} == {**fields, "_token": ""}
    assert next(iter(again)) == "_token"
    assert again["_token"] != fields["_token"]
    assert await handed_in(portal) == 0
    sent = await browser.post(FORM, data=again, headers=SAME_SITE)
    assert WORDS in unescape((await browser.get(sent.headers["location"])).text)


async def test_asks_for_the_files_again(portal: Portal) -> None:
    fields = {**await filled(portal), "text": "Щ" * 10_000}
    browser = await portal.browser("maya", "bakery")
    answer = await browser.post(FORM, headers=SAME_SITE, **with_files(fields, ("a.pdf", PDF)))
    assert answer.status_code == 403
    assert "Choose your files again: they were not kept." in answer.text
    assert 'type="file"' in answer.text
    assert "%PDF" not in answer.text
    tag, again = given_back(answer)
    assert 'enctype="multipart/form-data"' in tag
    sent = await browser.post(FORM, headers=SAME_SITE, **with_files(again, ("a.pdf", PDF)))
    assert sent.headers["location"].startswith("/requests/sent/")
    without = await browser.post(FORM, headers=SAME_SITE, **with_files(fields, ("", b"")))
    assert "Choose your files again" not in without.text, "none was chosen"


@pytest.mark.parametrize(("subject", "account"), [("ines", "hotel"), ("maya", "annex")])
async def test_says_for_whom_it_would_be_sent_now(portal: Portal, subject: str, account: str) -> None:
    await portal.link("maya", "annex", ("helpdesk", "annex@customer.example"))
    answer = await (await portal.browser(subject, account)).post(FORM, data=await filled(portal), headers=SAME_SITE)
    assert f"You write as {subject.title()} for {account.title()}." in answer.text


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_gives_nothing_back_that_another_site_sent(portal: Portal, site: str) -> None:
    fields = await filled(portal)
    browser = await portal.browser("maya", "bakery")
    for sent in ({"data": fields}, with_files(fields)):
        answer = await browser.post(FORM, headers={"Sec-Fetch-Site": site}, **sent)
        assert answer.status_code == 403
        assert "words" not in answer.text
        assert "_token" not in answer.text


async def test_gives_nothing_back_where_nothing_was_written(portal: Portal) -> None:
    browser = await portal.browser("maya", "bakery")
    answer = await browser.post("/account/use", data={"_token": "x" * 43, "account": "annex"}, headers=SAME_SITE)
    assert answer.status_code == 403
    assert "<form" not in answer.text


async def test_reads_no_more_of_it_than_a_form_can_hold(portal: Portal) -> None:
    fields = {**await filled(portal), "more": "x" * MAX_WORDS_BYTES}
    answer = await (await portal.browser("maya", "bakery")).post(FORM, headers=SAME_SITE, **with_files(fields))
    assert answer.status_code == 403
    assert len(answer.content) < MAX_WORDS_BYTES


async def test_gives_staff_theirs_and_no_customers(portal: Portal) -> None:
    owner = await staff_at(portal, "owner")
    headers = {**SAME_SITE, "Cookie": f"{cookies.SESSION}={owner.cookie}", "Accept-Language": "de"}
    for path, is_theirs in (("/staff/documents/ask", True), (FORM, False)):
        answer = await owner.http.post(path, data={"_token": "old", "text": WORDS}, headers=headers)
        assert answer.status_code == 403
        assert (WORDS in unescape(answer.text)) is is_theirs, path
        assert ("Look at it once more" in answer.text) is is_theirs, "staff read English"


async def handed_in(portal: Portal) -> int | None:
    async with portal.database.read() as session:
        return await session.scalar(sa.select(sa.func.count()).select_from(OutboxRow))
