"""Answering a request on its page: kept at once, shown with what becomes of it, and sent once."""

import asyncio
import re
from html import unescape

import httpx
import pytest
from support_portal import Portal
from support_sandbox import RunningSandbox
from support_uploads import PDF
from test_rights import SAME_SITE

from connectors.errors import Unavailable
from connectors.sandbox.faults import Fault
from gateway.outbox.desk import Desk
from gateway.records.database import DatabaseDown
from web.portal.replies import MOST

PAGE = "/requests/helpdesk/881"
TEXT = "Monday suits us.\r\nAfter <nine>, please."
TRIES = 200


@pytest.fixture
async def maya(portal: Portal) -> httpx.AsyncClient:
    return await portal.browser("maya", "bakery")


async def form(browser: httpx.AsyncClient, page: str = PAGE) -> dict[str, str]:
    """Take what the page's form for an answer holds."""
    text = unescape((await browser.get(page)).text)
    (found,) = re.findall(rf'<form[^>]* action="{page}/reply"[^>]*>(.*?)</form>', text, re.DOTALL)
    return dict(re.findall(r'name="(\w+)" value="([^"]*)"', found))


async def send(browser: httpx.AsyncClient, fields: dict[str, str], page: str = PAGE) -> httpx.Response:
    return await browser.post(f"{page}/reply", data=fields, headers=SAME_SITE)


async def until_shown(browser: httpx.AsyncClient, text: str, *, shown: bool = True) -> str:
    for _ in range(TRIES):
        page = unescape((await browser.get(PAGE)).text)
        if (text in page) is shown:
            return page
        await asyncio.sleep(0.05)
    raise AssertionError(f"never {'' if shown else 'un'}shown: {text}")


async def test_keeps_an_answer_at_once_and_sends_it(maya: httpx.AsyncClient) -> None:
    answer = await send(maya, {**await form(maya), "text": TEXT})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}#answer")
    page = (await maya.get(PAGE)).text
    assert "After &lt;nine&gt;, please." in page
    await until_shown(maya, "Reference ", shown=False)  # it is part of the conversation
    page = (await maya.get(PAGE)).text
    assert page.count("Monday suits us.") == 1
    assert "<nine>" not in page


async def test_takes_two_clicks_for_one(maya: httpx.AsyncClient, sandbox: RunningSandbox) -> None:
    fields = {**await form(maya), "text": "Only once."}
    answers = await asyncio.gather(*(send(maya, fields) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {303}
    await until_shown(maya, "Reference ", shown=False)
    assert (await maya.get(PAGE)).text.count("Only once.") == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [(" \r\n", "Write your answer first."), ("x" * (MOST + 1), "Shorten it.")],
    ids=["none", "long"],
)
async def test_says_what_is_wrong_and_keeps_what_was_written(maya: httpx.AsyncClient, text: str, problem: str) -> None:
    answer = await send(maya, {**await form(maya), "text": text})
    assert answer.status_code == 422
    assert problem in answer.text
    assert text.strip() in answer.text
    assert (await maya.get(f"{PAGE}/reply")).headers["location"] == PAGE


async def test_takes_as_many_characters_as_the_field_lets_be_written(maya: httpx.AsyncClient) -> None:
    """A browser counts a line break once, and sends it as two characters."""
    text = "line\n" * (MOST // 5 - 1) + "last."
    assert len(text) == MOST
    assert (await send(maya, {**await form(maya), "text": text.replace("\n", "\r\n")})).status_code == 303


async def test_answers_no_request_of_another_account(portal: Portal, maya: httpx.AsyncClient) -> None:
    ines = await portal.browser("ines", "hotel")
    fields = {**await form(maya), "text": "Not mine."}
    assert (await send(ines, fields)).status_code in {403, 404}
    other = {"_token": re.findall(r'name="_token" value="([^"]*)"', (await ines.get("/account")).text)[0]}
    assert (await send(ines, {**fields, **other})).status_code == 404
    assert "Not mine." not in (await maya.get(PAGE)).text


async def test_refuses_a_form_from_elsewhere(maya: httpx.AsyncClient) -> None:
    fields = {**await form(maya), "text": "Forged."}
    assert (await maya.post(f"{PAGE}/reply", data=fields, headers={"Sec-Fetch-Site": "cross-site"})).status_code == 403
    assert (await send(maya, {**fields, "_token": "x"})).status_code == 403
    assert (await send(maya, {**fields, "nonce": "short"})).status_code == 404
    assert "Forged." not in (await maya.get(PAGE)).text


@pytest.mark.parametrize(
    ("error", "status"),
    [(DatabaseDown("database is locked"), 503), (RuntimeError("a mistake"), 500), (Unavailable("away"), 503)],
    ids=["locked", "mistake", "away"],
)
async def test_gives_back_what_it_could_not_take_to_be_sent_again(
    maya: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    """The page is the form once more, with the same nonce: should it have been taken all the same, it counts once."""
    text = 'Before </textarea> & "after".\r\nAll of it.'
    fields = {**await form(maya), "text": text}

    async def take(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Desk, "take", take)
        answer = await send(maya, fields)
    assert answer.status_code == status
    assert ("retry-after" in answer.headers) is isinstance(error, DatabaseDown)
    assert "</textarea> &" not in answer.text
    ((address, given),) = re.findall(r'<form[^>]* action="([^"]*)">(.*?)</form>', answer.text, re.DOTALL)
    assert unescape(address) == f"{PAGE}/reply"
    again = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', given))
    again |= {
        name: unescape(value)
        for name, value in re.findall(r'name="(\w+)" rows="6">\n(.*?)</textarea>', given, re.DOTALL)
    }
    assert again == fields
    assert (await send(maya, again)).status_code == 303
    assert 'Before </textarea> & "after".' in await until_shown(maya, "All of it.")


async def test_gives_back_the_words_of_a_form_with_files(
    maya: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def take(*_: object, **__: object) -> None:
        raise DatabaseDown("disk full")

    fields = {**await form(maya), "text": "With no file after all."}
    monkeypatch.setattr(Desk, "take", take)
    none = {"files": ("", b"", "application/octet-stream")}
    answer = await maya.post(f"{PAGE}/reply", data=fields, files=none, headers=SAME_SITE)
    assert answer.status_code == 503
    assert all(unescape(value) in unescape(answer.text) for value in fields.values())
    assert "Choose your files again" not in answer.text, "none was chosen"


async def test_asks_for_the_files_again_of_a_form_that_could_not_be_taken(
    maya: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes back is a form with files, and says that the ones that were chosen are not in it."""

    async def take(*_: object, **__: object) -> None:
        raise DatabaseDown("disk full")

    fields = {**await form(maya), "text": "Щ" * 6_000}
    given = {"files": ("plan.pdf", PDF, "application/pdf")}
    with monkeypatch.context() as patch:
        patch.setattr(Desk, "take", take)
        answer = await maya.post(f"{PAGE}/reply", data=fields, files=given, headers=SAME_SITE)
    assert answer.status_code == 503
    ((tag, inner),) = re.findall(r"(<form[^>]*>)(.*?)</form>", answer.text, re.DOTALL)
    assert 'enctype="multipart/form-data"' in tag
    assert re.findall(r'name="(\w+)"', inner) == ["_token", "nonce", "text", "files"], "the token comes first"
    assert 'type="file"' in inner
    assert "Choose your files again: they were not kept." in inner
    assert fields["text"] in inner
    answer = await maya.post(f"{PAGE}/reply", data=fields, files=given, headers=SAME_SITE)
    assert answer.status_code == 303
    await until_shown(maya, "plan.pdf")


async def test_keeps_it_while_the_helpdesk_is_away_and_lets_it_be_taken_back(
    maya: httpx.AsyncClient, sandbox: RunningSandbox
) -> None:
    fields = await form(maya)
    sandbox.rt_fault(Fault(kind="unavailable"))
    assert (await send(maya, {**fields, "text": "Wait for me."})).status_code == 303
    page = await until_shown(maya, "Received.")
    assert "Wait for me." in page
    sandbox.lift_faults()
    await until_shown(maya, "Reference ", shown=False)
    assert "Wait for me." in (await maya.get(PAGE)).text


async def move(browser: httpx.AsyncClient, page: str, name: str) -> httpx.Response:
    text = unescape((await browser.get(page)).text)
    (found,) = re.findall(rf'<form[^>]* action="{page}/move/{name}">(.*?)</form>', text, re.DOTALL)
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', found))
    return await browser.post(f"{page}/move/{name}", data=fields, headers=SAME_SITE)


async def test_lets_a_request_be_solved_and_opened_again(maya: httpx.AsyncClient) -> None:
    for name, button in (("solve", "Open it again"), ("reopen", "It’s solved, close it")):
        answer = await move(maya, PAGE, name)
        assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}#answer")
        await until_shown(maya, button)
    assert (await maya.get(f"{PAGE}/move/solve")).headers["location"] == PAGE


async def test_moves_no_request_of_another_account(portal: Portal, maya: httpx.AsyncClient) -> None:
    fields = await form(maya)
    ines = await portal.browser("ines", "hotel")
    token = re.findall(r'name="_token" value="([^"]*)"', (await ines.get("/account")).text)[0]
    for name in ("solve", "reopen"):
        answer = await ines.post(f"{PAGE}/move/{name}", data={**fields, "_token": token}, headers=SAME_SITE)
        assert answer.status_code == 404
    answer = await maya.post(f"{PAGE}/move/delete", data=fields, headers=SAME_SITE)
    assert answer.status_code == 404
    assert "It’s solved, close it" in unescape((await maya.get(PAGE)).text)
