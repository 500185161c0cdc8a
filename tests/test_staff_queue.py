"""Who waits for a decision, and what the invited would see: the pages of staff for both."""

from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa
from support_audit import BY, TRAIL, VAULT
from support_portal import Portal
from support_staff import member_of, staff_at

from auth.clock import utc_now
from gateway.audit_reading import Wanted, read
from gateway.identity.invitations import Wish, invite
from gateway.identity.questions import put_question, questions
from gateway.records.tables import Member
from gateway.rights import OWN

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
QUEUE = "/staff/customers/queue"
HOSTILE = "<script>alert(1)</script>"


def candidate(name: str, account: str | None, **matched: str) -> dict[str, Any]:
    return {"customer": "10", "name": name, "matched": matched, "person": "11", "account": account}


async def asked(portal: Portal, subject: str = "olga") -> str:
    """Somebody who came and could be two companies."""
    await portal.sign_in(subject, None)
    email = f"{subject}@example.com"
    found = {
        "email": email,
        "number": None,
        "sources": {
            "erp": [candidate(HOSTILE, "bakery", email=email.upper()), candidate("Hotel", None, domain="example.com")],
            "helpdesk": None,
        },
    }
    async with portal.database.write() as session:
        member = (await session.scalars(sa.select(Member).where(Member.subject == subject))).one()
        line = await put_question(session, BY, member, reason="two_companies", found=found, now=utc_now())
        assert line
        await TRAIL.record(session, line)
    (one,) = await questions(portal.database)
    return one.id


async def last(portal: Portal) -> str:
    (line,) = await read(portal.database, VAULT, Wanted(latest=1))
    return line.what


async def test_puts_what_the_sources_say_beside_what_the_login_brings(portal: Portal) -> None:
    sam = await staff_at(portal)
    path = f"{QUEUE}/{await asked(portal)}"
    assert f'href="{path}"' in (await sam.get(QUEUE)).text
    page = (await sam.get(path)).text
    assert await last(portal) == "question.looked_up"
    assert HOSTILE not in page
    assert HOSTILE in unescape(page)
    assert '<span class="chip" data-tone="ok">Address</span>' in page, "the login's own"
    assert "Domain: example.com" in page
    assert "did not answer" in page
    assert "An admin decides" in page
    assert (await sam.get(f"{QUEUE}/none")).status_code == 404
    assert "Olga,olga@example.com,olga," in (await sam.get(f"{QUEUE}.csv")).text
    assert await last(portal) == "customers.exported"
    assert f'href="{QUEUE}"' in unescape((await sam.get("/staff")).text)


async def test_decides_with_a_reason_and_once(portal: Portal) -> None:
    boss = await staff_at(portal, "admin")
    olga = await portal.browser("olga", None)
    path = f"{QUEUE}/{await asked(portal)}"
    for form, words in (
        ({"who": "bakery", "fact": " "}, "Say why"),
        ({"who": "", "fact": "I know her"}, "Choose who"),
        ({"who": "other", "account": "", "fact": "I know her"}, "Choose who"),
    ):
        answer = await boss.send("POST", path, **form)
        assert (answer.status_code, words in answer.text) == (422, True), form
    strange = await boss.send("POST", path, who="other", account="nowhere", fact="I know her")
    assert (strange.status_code, "There is no account" in strange.text) == (409, True)
    assert "I know her" in strange.text, "what was written stays"
    done = await boss.send("POST", path, who="bakery", reach="company", fact="rang her")
    assert done.headers["location"] == f"{QUEUE}?done=decided"
    assert await last(portal) == "question.decided"
    page = unescape((await boss.get("/staff/customers/bakery")).text)
    assert "decided by staff" in page
    assert "Is in Invoices" in page or "11" in page
    late = await boss.send("POST", path, who="none", fact="too late")
    assert late.status_code == 409
    assert (await olga.get("/")).status_code == 200


@SQLITE
async def test_dismisses_and_keeps_nothing_of_it(portal: Portal) -> None:
    boss = await staff_at(portal, "admin")
    path = f"{QUEUE}/{await asked(portal)}"
    assert (await boss.send("POST", path, who="none", fact="a salesman")).headers["location"] == f"{QUEUE}?done=none"
    assert "Nobody waits" in (await boss.get(QUEUE)).text
    assert HOSTILE not in unescape((await boss.get(path)).text)


@SQLITE
async def test_says_what_the_invited_would_see(portal: Portal) -> None:
    boss = await staff_at(portal, "admin")
    assert "Nobody is invited yet" in (await boss.get("/staff/customers/readiness")).text
    for email in ("maya@alderlane.example", "=cmd@nobody.example"):
        wish = Wish(email=email, account="bakery", rights=OWN, until=utc_now() + timedelta(days=3))
        await invite(portal.database, trail=TRAIL, by=BY, made_by="test", wish=wish, now=utc_now())
    page = (await boss.get("/staff/customers/readiness")).text
    assert "2 of 2 are not counted: the sources have not been asked about them yet" in page, "looking asks nobody"
    assert (await boss.send("POST", "/staff/customers/readiness")).status_code == 303
    page = (await boss.get("/staff/customers/readiness")).text
    assert "of 2 who are invited" in page
    assert page.count(">Bakery<") == 2, "people look for a company, not for its id"
    assert "Nobody has asked" not in page
    lists = [
        (await boss.get(f"/staff/customers/readiness?sees={each}")).text.partition("<tbody")[2]
        for each in ("everything", "part", "ambiguous", "none")
    ]
    shown = sum("maya@alderlane.example" in each for each in lists)
    assert shown == 1, "each number leads to its list"
    file = await boss.get("/staff/customers/readiness.csv")
    assert "'=cmd@nobody.example" in file.text, "no formula"
    assert await last(portal) == "customers.exported"
    assert (await boss.get("/staff/customers/readiness?sees=root")).status_code == 404


@SQLITE
async def test_shows_who_waits_on_the_page_of_their_account(portal: Portal) -> None:
    sam = await staff_at(portal)
    await portal.link("olga", "bakery", ("erp", "10"))
    question = await asked(portal)
    assert f'href="{QUEUE}/{question}"' in (await sam.get("/staff/customers/bakery")).text
    assert await member_of(portal, "olga")
    assert "bakery" in (await sam.get("/staff/customers?only=ambiguous")).text
