"""Documents that staff ask for in the console: asked, found, opened, accepted, refused, withdrawn."""

import asyncio
import csv
import io
import re
from datetime import timedelta
from html import unescape

import pytest
import sqlalchemy as sa
from support_portal import Portal
from support_sent import add_asked
from support_staff import member_of, staff_at
from support_uploads import PDF
from test_asked import send

from auth.clock import utc_now
from gateway import asked
from gateway.records.document_tables import GivenFile
from gateway.records.tables import AuditLine

DOCUMENTS = "/staff/documents"
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def test_is_asked_opened_refused_and_accepted(portal: Portal) -> None:
    sam = await staff_at(portal)
    maya = await portal.browser("maya", "bakery")
    page = (await sam.get(f"{DOCUMENTS}/ask?account=bakery")).text
    assert f'value="{await member_of(portal)}"' in page
    due = (utc_now() + timedelta(days=9)).date().isoformat()
    form = {"account": "bakery", "label": " Trade  <licence> ", "why": "For the <tax> office.", "due": due}
    answer = await sam.send("POST", f"{DOCUMENTS}/ask", **form, about="orders/erp/4424")
    where = answer.headers["location"]
    id_ = where.rpartition("/")[2]
    theirs = (await maya.get(f"/documents/asked/{id_}")).text
    for each in ("Trade &lt;licence&gt;", "For the &lt;tax&gt; office.", "the order"):
        assert each in theirs
    assert 'href="/orders/erp/4424"' in unescape(theirs)
    assert f"/documents/asked/{id_}" in unescape((await maya.get("/")).text)
    assert "Nothing yet" in (await sam.get(where)).text
    assert (await send(maya, id_, ("a <b>.pdf", PDF))).status_code == 303
    page = (await sam.get(where)).text
    assert "The customer sent it" in page
    file = await sam.get(f"{where}/files/0")
    assert file.content == PDF
    assert file.headers["content-disposition"].startswith("attachment;")
    assert "sandbox" in file.headers["content-security-policy"]
    for nothing in (f"{where}/files/1", f"{DOCUMENTS}/one/none", f"{DOCUMENTS}/one/none/files/0"):
        assert (await sam.get(nothing)).status_code == 404
    assert (await sam.send("POST", f"{where}/refuse", reason=" ")).status_code == 422
    assert (await sam.send("POST", f"{where}/refuse", reason="Page <2>?")).status_code == 303
    assert "Page &lt;2&gt;?" in (await maya.get(f"/documents/asked/{id_}")).text
    late = await sam.send("POST", f"{where}/refuse", reason="Page 3?")
    assert late.status_code == 409
    assert "Page 3?" in late.text, "nothing written is lost"
    assert (await sam.send("POST", f"{where}/accept")).status_code == 303
    assert "Accepted" in (await maya.get(f"/documents/asked/{id_}")).text
    assert (await sam.send("POST", f"{where}/accept")).status_code == 409
    assert (await sam.get(f"{where}/accept")).headers["location"] == where
    async with portal.database.read() as session:
        those = sa.select(AuditLine.what).where(AuditLine.about == f"document/{id_}")
        lines = await session.scalars(those.order_by(AuditLine.number))
        assert [each.partition(".")[2] for each in lines] == ["asked", "received", "opened", "refused", "accepted"]


@SQLITE
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"label": " "}, "Say in at most 120"),
        ({"label": "x" * 121}, "Say in at most 120"),
        ({"why": "x" * 1001}, "Write at most 1,000"),
        ({"due": "2020-01-31"}, "from today on"),
        ({"due": "never"}, "from today on"),
        ({"about": "https://evil.example/"}, "Give the record’s address"),
        ({"member": "nobody"}, "does not act for the account"),
        ({"account": "nobody"}, "no account with this id"),
    ],
)
async def test_keeps_what_was_written(portal: Portal, wrong: dict[str, str], said: str) -> None:
    sam = await staff_at(portal)
    form = {"account": "bakery", "label": "A licence", "why": "Because <so>."} | wrong
    answer = await sam.send("POST", f"{DOCUMENTS}/ask", **form)
    assert answer.status_code == 422
    assert said in unescape(answer.text)
    if "account" not in wrong:
        assert form["why"] in unescape(answer.text)
    assert "nobody" not in (await sam.get(DOCUMENTS)).text


def hidden(page: str, name: str) -> str:
    return unescape(page.partition(f'name="{name}" value="')[2].partition('"')[0])


async def test_is_asked_for_once_however_often_the_form_is_sent(portal: Portal) -> None:
    sam = await staff_at(portal)
    maya = await portal.browser("maya", "bakery")
    form = {"account": "bakery", "label": "A licence"}
    made = hidden((await sam.get(f"{DOCUMENTS}/ask?account=bakery")).text, "made")
    answers = await asyncio.gather(*(sam.send("POST", f"{DOCUMENTS}/ask", made=made, **form) for _ in range(3)))
    assert {each.headers["location"] for each in answers} == {f"{DOCUMENTS}/one/{made}"}
    assert (await sam.get(DOCUMENTS)).text.count(">A licence<") == 1
    other = await sam.send("POST", f"{DOCUMENTS}/ask", made=made, label="A permit", account="bakery")
    assert other.headers["location"] == f"{DOCUMENTS}/one/{made}"
    again = await sam.send("POST", f"{DOCUMENTS}/ask", made="../x", **form)
    assert again.headers["location"] not in {f"{DOCUMENTS}/one/{made}", f"{DOCUMENTS}/one/../x"}
    assert len(set(re.findall(r"/documents/asked/(\w+)", unescape((await maya.get("/")).text)))) == 2


@pytest.mark.parametrize("act", ["accept", "refuse", "withdraw"])
async def test_decides_about_nothing_that_nobody_has_seen(portal: Portal, act: str) -> None:
    sam = await staff_at(portal)
    maya = await portal.browser("maya", "bakery")
    where = (await sam.send("POST", f"{DOCUMENTS}/ask", account="bakery", label="A licence")).headers["location"]
    id_ = where.rpartition("/")[2]
    await send(maya, id_, ("a.pdf", PDF))
    page = f"{where}/withdraw" if act == "withdraw" else where
    seen = hidden((await sam.get(page)).text, "seen")
    await sam.send("POST", f"{where}/refuse", reason="Page 2 is missing.", seen=seen)
    await send(maya, id_, ("b.pdf", PDF))
    late = await sam.send("POST", f"{where}/{act}", reason="No.", seen=seen)
    assert (late.status_code, "b.pdf" in late.text) == (409, True)
    seen = hidden((await sam.get(page)).text, "seen")
    assert (await sam.send("POST", f"{where}/{act}", reason="No.", seen=seen)).status_code == 303


async def test_is_withdrawn_after_a_question(portal: Portal) -> None:
    sam = await staff_at(portal)
    maya = await portal.browser("maya", "bakery")
    answer = await sam.send("POST", f"{DOCUMENTS}/ask", account="bakery", label="A licence")
    where = answer.headers["location"]
    theirs = f"/documents/asked/{where.rpartition('/')[2]}"
    assert "Stop asking for “A licence”?" in (await sam.get(f"{where}/withdraw")).text
    assert (await maya.get(theirs)).status_code == 200
    assert (await send(maya, where.rpartition("/")[2], ("a.pdf", PDF))).status_code == 303
    assert (await sam.send("POST", f"{where}/withdraw")).status_code == 303
    assert (await maya.get(theirs)).status_code == 404
    assert "Withdrawn" in (await sam.get(where)).text
    await asked.purge(portal.database, utc_now() + timedelta(days=1))
    async with portal.database.read() as session:
        assert (await session.scalars(sa.select(GivenFile.id))).all() == []


async def test_is_one_persons_alone_and_found(portal: Portal) -> None:
    sam = await staff_at(portal)
    maya = await portal.browser("maya", "bakery")
    await portal.link("tom", "bakery", ("erp", "10"))
    whose = {"maya": await member_of(portal), "tom": await member_of(portal, "tom")}
    for subject, member in whose.items():
        await sam.send("POST", f"{DOCUMENTS}/ask", account="bakery", label=f"=Card of {subject}", member=member)
    assert "Card of maya" in (page := (await maya.get("/documents")).text)
    assert "Card of tom" not in page
    for query, found in (
        ("", {"maya", "tom"}),
        ("q=OF+TOM", {"tom"}),
        ("q=bakery&status=asked", {"maya", "tom"}),
        ("status=received", set()),
        ("account=none", set()),
        ("since=2999-01-01", set()),
    ):
        page = (await sam.get(f"{DOCUMENTS}?{query}")).text
        assert {each for each in whose if f"Card of {each}" in page} == found, query
        rows = list(csv.reader(io.StringIO((await sam.get(f"{DOCUMENTS}.csv?{query}")).text.removeprefix("\ufeff"))))
        assert {row[2].rpartition(" ")[2] for row in rows[1:]} == found, query
        assert all(row[2].startswith("'=") for row in rows[1:])
    reader = await staff_at(portal, "read-only")
    assert (await reader.get(DOCUMENTS)).status_code == 403


@SQLITE
async def test_marks_what_is_overdue_until_it_is_there(portal: Portal) -> None:
    sam = await staff_at(portal)
    await add_asked(portal.database, "bakery")
    page = (await sam.get(DOCUMENTS)).text
    assert page.count("Overdue") == 1, "only one has a day that is over, and has not come"
    assert "Overdue" in (await sam.get(f"{DOCUMENTS}/one/asked")).text
    assert (await sam.send("POST", f"{DOCUMENTS}/one/asked/accept")).status_code == 303
    assert "Overdue" not in (await sam.get(DOCUMENTS)).text
