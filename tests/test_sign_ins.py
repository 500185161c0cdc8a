"""Where somebody is signed in, as their account page says it, and the way to be so nowhere else."""

import re

import pytest
from litestar.types import ASGIApp
from support_browser import Browser, Visitor
from support_op import Op

BUTTON = "Sign out everywhere else"
ALONE = "You are signed in nowhere else."


async def sign_ins(browser: Browser) -> list[str]:
    """The first cell of each line, and the words of the last."""
    page = (await browser.go("/account")).text
    section = page.partition('id="sign-ins"')[2].partition("</section>")[0]
    lines = re.findall(r'<th role="rowheader" scope="row">([^<]+)</th>(.*?)</tr>', section, re.DOTALL)
    assert (BUTTON in section, ALONE in section) == (len(lines) > 1, len(lines) == 1)
    assert all(line.count("<time ") == (1 if with_ == "This browser" else 2) for with_, line in lines)
    return [with_ for with_, _ in lines]


async def test_lists_this_browser_and_the_others(app: ASGIApp, op: Op) -> None:
    ann, phone, bob = Visitor(app), Visitor(app), Visitor(app)
    await ann.sign_in()
    assert await sign_ins(ann) == ["This browser"]
    await phone.sign_in()
    op.person = {**op.person, "sub": "bob"}
    await bob.sign_in()
    assert await sign_ins(ann) == ["This browser", "Another browser"]
    assert await sign_ins(phone) == ["This browser", "Another browser"]
    assert await sign_ins(bob) == ["This browser"]


async def test_signs_out_everywhere_else(app: ASGIApp, op: Op) -> None:
    ann, phone, tablet, bob = (Visitor(app) for _ in range(4))
    for visitor in (ann, phone, tablet):
        await visitor.sign_in()
    op.person = {**op.person, "sub": "bob"}
    await bob.sign_in()
    answer = await ann.submit("/account/sign-out-elsewhere", _token=await ann.token())
    assert (answer.status_code, answer.headers["Location"]) == (303, "/account#sign-ins")
    assert await sign_ins(ann) == ["This browser"]
    assert [(await visitor.go("/account")).status_code for visitor in (phone, tablet, bob)] == [303, 303, 200]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_signs_nobody_out_for_a_stranger(app: ASGIApp) -> None:
    ann, phone = Visitor(app), Visitor(app)
    for visitor in (ann, phone):
        await visitor.sign_in()
    assert (await ann.submit("/account/sign-out-elsewhere")).status_code == 403
    assert (await ann.submit("/account/sign-out-elsewhere", _token=await phone.token())).status_code == 403
    assert (await Browser(app).submit("/account/sign-out-elsewhere")).headers["Location"] == "/sign-in"
    assert await sign_ins(ann) == ["This browser", "Another browser"]
