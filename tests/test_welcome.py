"""The first look around: three steps, each of which can be left, and never again once it was."""

import re
from html import unescape

import pytest
from support_portal import Portal

# What is on a page does not depend on the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
OFFER = "Look around in three short steps"


async def test_says_what_is_here_whom_to_ask_and_is_offered_no_more(portal: Portal) -> None:
    maya = await portal.browser("maya", "bakery")
    assert OFFER in (await maya.get("/")).text
    first = unescape((await maya.get("/welcome")).text)
    assert "This is what you see here" in first
    assert re.search(r"\d+ invoices?, \d+ to pay\.", first)
    assert "We send you no mails yet" in unescape((await maya.get("/welcome/mails")).text)
    assert "Here is a person" in (await maya.get("/welcome/person")).text
    token = re.search(r'name="_token" value="([^"]+)"', (await maya.get("/welcome")).text)
    assert token
    headers = {"Sec-Fetch-Site": "same-origin"}
    answer = await maya.post("/welcome/done", data={"_token": token[1]}, headers=headers)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert OFFER not in (await maya.get("/")).text
    assert "This is what you see here" in (await maya.get("/welcome")).text, "it can be opened again"
    assert "/welcome" in (await maya.get("/account")).text


async def test_says_nothing_of_what_is_not_theirs(portal: Portal) -> None:
    ines = await portal.browser("ines", None)
    page = (await ines.get("/welcome")).text
    assert "Nothing is linked to you yet" in page
