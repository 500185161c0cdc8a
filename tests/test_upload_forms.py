"""Files with an answer: taken whole or not at all, from who may send them, and never more than there is room for."""

import asyncio
import re
from collections.abc import AsyncIterator
from html import unescape
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from support_door import litestar_of
from support_portal import BAKERY, BASE, Portal, running
from support_sandbox import RunningSandbox
from support_uploads import EICAR, GOOD, PDF, clamd_at
from test_replies import PAGE, TRIES, form, until_shown
from test_rights import SAME_SITE

from connectors.sandbox.faults import Fault
from gateway.app import make_app
from gateway.records.database import Database
from gateway.settings import Settings


@pytest.fixture
async def maya(portal: Portal) -> httpx.AsyncClient:
    return await portal.browser("maya", "bakery")


def with_files(fields: dict[str, str], *files: tuple[str, bytes]) -> dict[str, Any]:
    """Give a form as a browser sends it: the fields in their order, then the files."""
    return {"files": [*((name, (None, value)) for name, value in fields.items()), *(("files", file) for file in files)]}


async def attach(browser: httpx.AsyncClient, text: str, *files: tuple[str, bytes], **more: str) -> httpx.Response:
    fields = {**(more or await form(browser)), "text": text}
    return await browser.post(f"{PAGE}/reply", headers=SAME_SITE, **with_files(fields, *files))


async def test_sends_files_with_an_answer(maya: httpx.AsyncClient, sandbox: RunningSandbox) -> None:
    fields = await form(maya)
    sandbox.rt_fault(Fault(kind="unavailable"))
    names = ["../Zoë’s <b>plan</b>.pdf", "b.docx"]
    answer = await attach(
        maya, "See these.", (names[0], GOOD["a.pdf"]), (names[1], GOOD["a.docx"]), ("", b""), **fields
    )
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}#answer")
    page = (await maya.get(PAGE)).text
    assert "b_.pdf" in page
    assert "<b>plan" not in page
    sandbox.lift_faults()
    page = await until_shown(maya, "Download b_.pdf")
    links = re.findall(rf'href="({PAGE}/files/[^"]+)" download aria-label="Download ([^"]+)"', page)
    assert [name for _, name in links][-2:] == ["b_.pdf", "b.docx"]
    for (link, _), content in zip(links[-2:], (GOOD["a.pdf"], GOOD["a.docx"]), strict=True):
        file = await maya.get(link)
        assert file.content == content
        assert file.headers["content-disposition"].startswith("attachment;")
        assert file.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ([("a.pdf", b"<script>alert(1)</script>")], "“a.pdf” is not what its name says"),
        ([("<img src=x onerror=alert(1)>.exe", b"MZ")], "onerror=alert(1)_.exe” is of a kind that we do not take"),
        ([("a.pdf", b"")], "“a.pdf” is empty"),
        ([("a.pdf", PDF)] * 6, "5 files can be sent at a time"),
        ([("a.pdf", PDF + b" " * 10_000_000)], "“a.pdf” is larger than 10 MB"),
        ([("a.pdf", PDF + b" " * 9_900_000)] * 3, "Together the files are larger than 20 MB"),
    ],
    ids=["another kind", "no kind", "empty", "many", "large", "large together"],
)
async def test_says_why_a_file_is_not_taken_and_keeps_what_was_written(
    maya: httpx.AsyncClient, files: list[tuple[str, bytes]], problem: str
) -> None:
    answer = await attach(maya, "Keep <these> words.", *files)
    assert answer.status_code == 422
    page = unescape(answer.text)
    assert problem in page
    assert "Keep <these> words.</textarea>" in page
    assert "<img src=x" not in answer.text
    assert "Keep" not in (await maya.get(PAGE)).text
    assert (await attach(maya, "And now.", ("a.pdf", PDF))).status_code == 303, "nobody’s place is taken"


async def test_says_that_files_are_to_be_chosen_again(maya: httpx.AsyncClient) -> None:
    answer = await attach(maya, " ", ("a.pdf", PDF))
    assert answer.status_code == 422
    assert "Write your answer first." in answer.text
    assert "Choose your files again" in answer.text


async def test_takes_no_form_that_is_none(maya: httpx.AsyncClient) -> None:
    fields = await form(maya)
    start = f'--x\r\nContent-Disposition: form-data; name="_token"\r\n\r\n{fields["_token"]}\r\n--x'
    headers = {**SAME_SITE, "Content-Type": "multipart/form-data; boundary=x"}
    part = '\r\nContent-Disposition: form-data; name="n{}"\r\n\r\na\r\n--x'
    for rest in ("", "\r\nx", part.format(1), "".join(map(part.format, range(200))) + "--"):
        answer = await maya.post(f"{PAGE}/reply", content=start + rest, headers=headers)
        assert answer.status_code in {400, 403}, rest[:30]
    long = '\r\nContent-Disposition: form-data; name="text"\r\n\r\n' + "a" * 300_000 + "\r\n--x--"
    assert (await maya.post(f"{PAGE}/reply", content=start + long, headers=headers)).status_code == 413


async def test_takes_no_files_to_a_request_of_another_account(portal: Portal, maya: httpx.AsyncClient) -> None:
    ines = await portal.browser("ines", "hotel")
    token = re.findall(r'name="_token" value="([^"]*)"', (await ines.get("/account")).text)[0]
    fields = {**await form(maya), "_token": token}
    assert (await attach(maya, "Mine.", ("a.pdf", PDF), **fields)).status_code == 403
    fields["text"] = "Not mine."
    answer = await ines.post(f"{PAGE}/reply", headers=SAME_SITE, **with_files(fields, ("a.pdf", PDF)))
    assert answer.status_code == 404


async def test_lets_a_member_send_few_forms_with_files_at_a_time(portal: Portal, maya: httpx.AsyncClient) -> None:
    fields = {**await form(maya), "text": "Slowly."}
    whole = httpx.Request("POST", BASE, **with_files(fields, ("a.pdf", PDF))).read()
    boundary = whole.partition(b"\r\n")[0][2:].decode()
    headers = {**SAME_SITE, "Content-Type": f"multipart/form-data; boundary={boundary}"}
    uploads = litestar_of(portal.app).state.uploads
    go_on = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield whole[:-20]
        await go_on.wait()
        yield whole[-20:]

    slow = [asyncio.create_task(maya.post(f"{PAGE}/reply", content=slowly(), headers=headers)) for _ in range(2)]
    for _ in range(TRIES):
        await asyncio.sleep(0.01)
        if uploads._senders.total() == 2:
            break
    answer = await attach(maya, "One more.", ("a.pdf", PDF))
    assert answer.status_code == 422
    assert "Many files are on their way" in answer.text
    go_on.set()
    assert {each.status_code for each in await asyncio.gather(*slow)} == {303}
    assert (await attach(maya, "And now.", ("a.pdf", PDF))).status_code == 303


async def test_takes_nothing_that_the_virus_check_has_not_seen(
    portal_settings: Settings, database: Database, sandbox: RunningSandbox
) -> None:
    async with clamd_at() as (clamd, address):
        settings = replace(portal_settings, clamd=address)
        portal = Portal(make_app(settings), database, settings)
        await portal.connect(sandbox)
        await portal.link("maya", "bakery", *BAKERY)
        async with running(portal.app):
            maya = await portal.browser("maya", "bakery")
            infected = await attach(maya, "Oh.", ("a.txt", EICAR))
            assert (infected.status_code, clamd.seen) == (422, [EICAR])
            assert "“a.txt” was not taken: our virus check found something in it." in infected.text
            assert (await attach(maya, "Good.", ("a.pdf", PDF))).status_code == 303
            clamd.says = b"\0"
            unchecked = await attach(maya, "Hm.", ("a.pdf", PDF))
            assert unchecked.status_code == 422
            assert "cannot be checked for viruses right now" in unchecked.text
            assert "Hm.</textarea>" in unchecked.text
        await portal.aclose()


async def test_offers_no_files_where_none_are_taken(
    portal_settings: Settings, database: Database, sandbox: RunningSandbox
) -> None:
    settings = replace(portal_settings, upload_size=0)
    portal = Portal(make_app(settings), database, settings)
    await portal.connect(sandbox)
    await portal.link("maya", "bakery", *BAKERY)
    async with running(portal.app):
        maya = await portal.browser("maya", "bakery")
        assert 'type="file"' not in (await maya.get(PAGE)).text
        answer = await attach(maya, "Hm.", ("a.pdf", PDF))
        assert answer.status_code == 422
    await portal.aclose()


async def test_sends_files_with_a_new_request(maya: httpx.AsyncClient) -> None:
    address = "/requests/new/order"
    page = (await maya.get(address)).text
    assert 'enctype="multipart/form-data"' in page
    hidden = dict(re.findall(r'name="(_token|nonce)" value="([^"]*)"', page))
    fields = {**hidden, "order": "erp/orders/4424", "what": "Another question", "text": "See <this>."}
    refused = await maya.post(address, headers=SAME_SITE, **with_files(fields, ("a.exe", b"MZ")))
    assert refused.status_code == 422
    assert "of a kind that we do not take" in refused.text
    assert "See &lt;this&gt;." in refused.text
    taken = await maya.post(address, headers=SAME_SITE, **with_files(fields, ("new.pdf", PDF)))
    assert taken.headers["location"].startswith("/requests/sent/")
