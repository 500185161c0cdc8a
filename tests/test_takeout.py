"""Download my data: what the pages show and what is known of the login, within the same rights, and what it lacks."""

import asyncio
import io
import json
import re
import zipfile
from datetime import timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from support_audit import BY, TRAIL
from support_portal import HOTEL, Portal
from support_sandbox import RunningSandbox
from test_rights import SAME_SITE, change, id_of, member, text_of

from auth.clock import utc_now
from connectors.sandbox.faults import Fault
from gateway import asked
from gateway.audit_reading import Wanted, read
from gateway.links import Login
from gateway.occasions import EVENTS
from gateway.records.identity_tables import Lease
from gateway.records.outbox_tables import OutboxRow
from gateway.rights import COMPANY, OWN
from gateway.takeout import files

ISSUER = "https://login.example"
DATA = "/account/data"
PDF = b"%PDF-1.7\n%%EOF\n"


async def ask(browser: httpx.AsyncClient) -> httpx.Response:
    token = re.findall(r'data-token="([^"]+)"', (await browser.get("/account")).text)[0]
    return await browser.post(DATA, data={"_token": token}, headers=SAME_SITE)


class Copy:
    """What came, taken apart."""

    def __init__(self, answer: httpx.Response) -> None:
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-disposition"].startswith('attachment; filename="my-data.zip"')
        self.zip = zipfile.ZipFile(io.BytesIO(answer.content))
        assert self.zip.testzip() is None
        self.names = self.zip.namelist()
        self.text = b"".join(self.zip.read(name) for name in self.names).decode(errors="replace")

    def json(self, name: str) -> Any:
        return json.loads(self.zip.read(f"{name}.json"))

    @property
    def files(self) -> list[Any]:
        return list(self.json("manifest")["files"])


async def taken(browser: httpx.AsyncClient) -> Copy:
    return Copy(await ask(browser))


async def documents_asked(portal: Portal, label: str, login: Login | None) -> str:
    whom = {"account": "bakery", "label": label, "due_on": None, "login": login}
    return await asked.ask(portal.database, trail=TRAIL, by=BY, now=utc_now(), **whom)  # type: ignore[arg-type]


async def give(browser: httpx.AsyncClient, id_: str, name: str) -> None:
    token = re.findall(r'data-token="([^"]+)"', (await browser.get("/account")).text)[0]
    parts: list[Any] = [("_token", (None, token)), ("files", (name, PDF))]
    assert (await browser.post(f"/documents/asked/{id_}", files=parts, headers=SAME_SITE)).status_code == 303


async def hand_in(portal: Portal, browser: httpx.AsyncClient, name: str) -> str:
    """Send an answer with a file; gives its reference."""
    page = (await browser.get("/requests/helpdesk/881")).text
    held = {key: re.findall(rf'name="{key}" value="([^"]+)"', page)[0] for key in ("_token", "nonce")}
    fields = {**held, "text": "See the picture."}
    parts: list[Any] = [*((key, (None, value)) for key, value in fields.items()), ("files", (name, PDF))]
    answer = await browser.post("/requests/helpdesk/881/reply", files=parts, headers=SAME_SITE)
    assert answer.status_code == 303, answer.text
    async with portal.database.read() as session:
        return (await session.scalars(sa.select(OutboxRow.reference))).one()


@pytest.fixture
async def maya(portal: Portal) -> httpx.AsyncClient:
    return await portal.browser("maya", "bakery")


async def test_holds_what_the_pages_show(portal: Portal, maya: httpx.AsyncClient) -> None:
    copy = await taken(maya)
    for area in ("orders", "invoices", "requests"):
        told: list[Any] = []
        after: str | None = ""
        while after is not None:
            page = (await maya.get(f"/api/v1/{area}", params={"after": after} if after else None)).json()
            told, after = told + page["items"], page["next"]
        found = copy.json(f"records/{area}")
        assert {(each["source"], each["number"]) for each in found} == {
            (each["source"], each["number"]) for each in told
        }
        assert found
        assert {"source", "id", "fetched_at"} <= found[0]["origin"].keys()
    assert any(each["messages"] for each in copy.json("records/requests"))
    listed = text_of((await maya.get("/documents")).text)
    assert {each["name"] for each in copy.files if each["path"]} >= set(re.findall(r"INV_\S+\.pdf", listed))
    for note in copy.files:
        assert (note["path"] is None) is (note["missing"] is not None)
        if note["path"]:
            assert copy.zip.getinfo(note["path"]).file_size == note["size"] > 0
    assert copy.names[-1] == "manifest.json"
    login = copy.json("login")
    wanted = {"order_moved": "none"}
    assert login["mails"]["wanted"] == dict.fromkeys(EVENTS, "at_once") | wanted
    assert login["mails"]["inbox"] == sorted(EVENTS)
    assert (login["subject"], [each["name"] for each in login["accounts"]]) == ("maya", ["Bakery"])
    assert {"session.began", "member.downloaded"} <= {each["what"] for each in copy.json("log")}
    assert "CANARY" not in copy.text
    for word in ("vendor_state", "Harbour", "Duarte"):
        assert word not in copy.text


async def test_holds_no_more_than_the_member_may_see(portal: Portal) -> None:
    joe = await member(portal, "joe", OWN)
    copy = await taken(joe)
    assert [copy.json(f"records/{area}") for area in ("orders", "invoices", "requests")] == [[], [], []]
    assert copy.files == []
    ann = await member(portal, "ann", replace(COMPANY, invoices="none", documents="none"))
    copy = await taken(ann)
    assert copy.json("records/orders")
    assert (copy.json("records/invoices"), copy.files) == ([], [])


async def test_tells_of_the_log_what_is_about_the_member(portal: Portal) -> None:
    boss = await member(portal, "boss", replace(COMPANY, manages=True))
    await member(portal, "joe", OWN)
    assert (await change(portal, boss, "joe")).status_code == 303
    about = f"member/{await id_of(portal, 'boss')}"
    written = await read(portal.database, portal.vault, Wanted(latest=100, who=about))
    theirs = [line.what for line in written if line.about == about]
    assert len(theirs) < len(written), "what was done to joe is about joe"
    assert [line["what"] for line in (await taken(boss)).json("log")] == [*theirs, "member.downloaded"]


async def test_holds_what_the_member_sent_and_nothing_that_a_colleague_did(
    portal: Portal, maya: httpx.AsyncClient
) -> None:
    await member(portal, "joe", COMPANY)
    now = utc_now()
    whose = {name: await id_of(portal, name) for name in ("maya", "joe")}
    async with portal.database.write() as session:
        for number, (name, key) in enumerate(whose.items()):
            row = OutboxRow(
                id=f"{number:026}",
                reference=f"{number:04}-0000-0000",
                account_id="bakery",
                member_id=key,
                nonce=f"{number:043}",
                action="reply",
                source="helpdesk",
                asked={"reference": "1", "customer": "1", "persons": ["p"], "ticket": "1", "text": f"said by {name}"},
                state="cancelled",
                made_at=now,
                tries=0,
                turn=0,
            )
            session.add(row)
    (sent,) = (await taken(maya)).json("sent")
    assert (sent["asked"]["text"], "persons" in sent["asked"]) == ("said by maya", False)


async def test_holds_the_documents_that_were_asked_for_and_the_files_that_the_member_gave(
    portal: Portal, maya: httpx.AsyncClient
) -> None:
    joe = await member(portal, "joe", COMPANY)
    ann = await member(portal, "ann", replace(COMPANY, documents="none"))
    theirs, own = "Trade licence", "Passport"
    for label, login in ((theirs, None), (own, Login(ISSUER, "maya"))):
        id_ = await documents_asked(portal, label, login)
        await give(maya if login else joe, id_, f"{label}.pdf")
    sent = await hand_in(portal, maya, "photo.pdf")
    copy = await taken(maya)
    assert {(each["label"], *each["files"], each["state"]) for each in copy.json("documents")} == {
        (theirs, f"{theirs}.pdf", "received"),
        (own, f"{own}.pdf", "received"),
    }
    (told,) = copy.json("sent")
    assert told["files"] == ["photo.pdf"]
    given = {each["of"]: each for each in copy.files if each["of"].startswith(("sent/", "documents/"))}
    assert sorted(each["name"] for each in given.values()) == [f"{own}.pdf", "photo.pdf"], "not what joe gave"
    assert given[f"sent/{sent}"]["name"] == "photo.pdf"
    for note in given.values():
        assert copy.zip.read(note["path"]) == PDF
    for name in ("documents.json", "files/"):
        assert name in copy.zip.read("README.txt").decode()
    assert {tuple(each["files"]) for each in (await taken(joe)).json("documents")} == {(f"{theirs}.pdf",)}
    assert (await taken(ann)).json("documents") == []


async def test_leaves_out_files_that_are_too_large(
    portal: Portal, maya: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await give(maya, await documents_asked(portal, "Passport", None), "passport.pdf")
    monkeypatch.setattr(files, "LARGEST", 4)
    (note,) = (each for each in (await taken(maya)).files if each["of"].startswith("documents/"))
    assert note["missing"].startswith("larger than")


async def test_says_what_could_not_be_read(
    portal: Portal, maya: httpx.AsyncClient, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in ("/", "/orders", "/requests"):
        await maya.get(path)
    sandbox.odoo_fault(Fault(kind="unavailable"))
    copy = await taken(maya)
    assert copy.json("records/invoices"), "the last that we knew"
    states = {(each["source"], each["kind"]): each["state"] for each in copy.json("manifest")["sources"]}
    assert states["helpdesk", "tickets"] == "read now"
    missing = {each["missing"] for each in copy.files if each["of"].startswith("invoices/")}
    assert missing == {"the system that keeps it did not answer"}
    sandbox.lift_faults()


@pytest.mark.parametrize(
    ("bound", "value", "said"),
    [("LARGEST", 10, "larger than"), ("MOST_BYTES", 10, "a copy holds"), ("MOST_FILES", 0, "a copy holds 0 files")],
)
async def test_leaves_out_what_is_too_much_and_says_so(
    maya: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, bound: str, value: int, said: str
) -> None:
    monkeypatch.setattr(files, bound, value)
    copy = await taken(maya)
    assert copy.files
    assert all(each["missing"].startswith(said) for each in copy.files)
    assert not [name for name in copy.names if name.startswith("files/")]


async def test_makes_one_at_a_time_and_not_too_often(portal: Portal, maya: httpx.AsyncClient) -> None:
    tablet = await portal.browser("maya", "bakery")
    answers = await asyncio.gather(ask(maya), ask(tablet))
    assert sorted(answer.status_code for answer in answers) == [200, 429]
    soon = await ask(maya)
    assert (soon.status_code, "One at a time" in soon.text) == (429, True)
    await portal.link("ines", "hotel", *HOTEL)
    assert (await ask(await portal.browser("ines", "hotel"))).status_code == 200
    async with portal.database.write() as session:
        await session.execute(sa.update(Lease).values(done_at=None))
    assert (await ask(maya)).status_code == 200


async def test_is_for_the_member_alone(portal: Portal, maya: httpx.AsyncClient) -> None:
    token = re.findall(r'data-token="([^"]+)"', (await maya.get("/account")).text)[0]
    for data, headers in (({}, SAME_SITE), ({"_token": token}, {"Sec-Fetch-Site": "cross-site"})):
        assert (await maya.post(DATA, data=data, headers=headers)).status_code == 403
    assert (await maya.get(DATA)).status_code == 404
    nobody = await portal.browser("nobody", None)
    assert (await ask(nobody)).status_code == 404


def test_names_files_so_that_none_leads_elsewhere_or_over_another() -> None:
    named = files.Files(None, None, 0, timedelta(0))  # type: ignore[arg-type]
    names = [named._place("invoices", "../../etc", name) for name in ("..", "a/b.pdf", "A_B.pdf", "\0\n", "x" * 300)]
    assert len({name.casefold() for name in names}) == len(names)
    for name in names:
        assert re.fullmatch(r"files/invoices/_.._etc/[^/]{1,110}", name), name
        assert not set(name.split("/")) & {".", "..", ""}
