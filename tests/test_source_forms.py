"""The form of a source: what it asks, what it refuses, and that a test stands before it is saved."""

import re
from html import unescape
from typing import Any

import httpx
import pytest
import pytest_asyncio
import sqlalchemy as sa
from support_door import litestar_of
from support_portal import Portal
from support_sandbox import ODOO_DATABASE, ODOO_KEY, ODOO_LOGIN, RunningSandbox, free_port
from support_staff import Staff, staff_at

from connectors.actions import ACTIONS
from connectors.consents import KEPT_IN
from connectors.contract import Connector
from connectors.narrowed import NEEDS
from connectors.records import KINDS
from connectors.registry import load_connectors
from connectors.sandbox.faults import Fault
from gateway.records.source_tables import SourceDraft
from gateway.records.tables import AuditLine, Source
from gateway.sources.fields import fields_of
from web.console.passport import ACTION_WORDS, KIND_WORDS

# The rows are a form's, whose tables tests/test_migrations.py tries on both databases.
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

CONNECTORS = load_connectors()
CANARY = "canary-of-a-secret-9f3a"
NEW = "/staff/sources/new"


@pytest_asyncio.fixture
async def owner(portal: Portal) -> Staff:
    return await staff_at(portal, "owner")


def odoo(sandbox: RunningSandbox, **changes: str) -> dict[str, str]:
    return {
        "title": "Invoices and orders",
        "name": "books",
        "s-base_url": sandbox.odoo_url,
        "s-database": ODOO_DATABASE,
        "s-login": ODOO_LOGIN,
        "secret-api_key": ODOO_KEY,
        "kind-orders": "yes",
        "kind-invoices": "yes",
        "kind-tickets": "yes",
        **changes,
    }


def words(answer: httpx.Response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


async def rows(portal: Portal, table: type[Any]) -> list[Any]:
    async with portal.database.read() as session:
        return list(await session.scalars(sa.select(table)))


async def source(portal: Portal, name: str = "books") -> Source | None:
    return next((row for row in await rows(portal, Source) if row.name == name), None)


def version_in(answer: httpx.Response) -> str:
    found = re.search(r'name="version" value="([^"]*)"', answer.text)
    assert found
    return unescape(found[1])


def test_has_words_for_all_that_a_connector_can_do() -> None:
    assert ACTION_WORDS.keys() == ACTIONS.keys()
    assert NEEDS.keys() == ACTIONS.keys() - {"change_details"}
    assert KIND_WORDS.keys() == KINDS.keys()


@SQLITE
async def test_lists_what_each_connector_can_do_and_what_not(owner: Staff) -> None:
    page = words(await owner.get(NEW))
    for connector in CONNECTORS.values():
        assert connector.title in page
    assert "Shows orders, invoices and requests. You need its address, database, login and API key." in page
    assert "Shows no invoices or requests." in page
    assert "Takes no webhooks" in page


@SQLITE
@pytest.mark.parametrize("connector", CONNECTORS.values(), ids=CONNECTORS)
async def test_asks_for_every_setting_with_help(owner: Staff, connector: Connector[Any]) -> None:
    answer = await owner.get(f"{NEW}/{connector.name}")
    assert answer.status_code == 200
    page = words(answer)
    for field in fields_of(connector.config):
        if connector.consent and field.name == KEPT_IN:  # the vendor gives it
            assert field.id not in answer.text
            continue
        assert f'name="{field.id}"' in answer.text
        assert field.title in page
        assert field.help
        assert field.help in page


HOSTILE = (
    "\0",
    "<script>alert(1)</script>",
    "http://a\r\nX: y",
    "a" * 3000,
    "https://me:pw@erp.example.com",
    "\u202ex",
)


@SQLITE
@pytest.mark.parametrize("connector", CONNECTORS.values(), ids=CONNECTORS)
async def test_refuses_hostile_values_and_keeps_no_secret_on_the_page(
    owner: Staff, portal: Portal, connector: Connector[Any]
) -> None:
    fields = fields_of(connector.config)
    before = len(await rows(portal, Source))
    for value in HOSTILE:
        form = {field.id: CANARY if field.how == "secret" else value for field in fields}
        answer = await owner.send("POST", f"{NEW}/{connector.name}", title="Fine", name="fine", **form)
        assert answer.status_code == 422, value
        assert CANARY not in answer.text
        assert "<script>alert" not in answer.text
        assert 'id="s-base_url-error"' in answer.text or value == "\0"
        assert 'id="kinds-error"' in answer.text
        assert 'value="Fine"' in answer.text, "what was written is kept"
    assert len(await rows(portal, Source)) == before
    assert CANARY not in str([(row.written, row.sealed) for row in await rows(portal, SourceDraft)])


@SQLITE
async def test_connects_after_a_test(owner: Staff, portal: Portal, sandbox: RunningSandbox) -> None:
    answer = await owner.send("POST", f"{NEW}/odoo", do="save", **odoo(sandbox))
    assert answer.status_code == 303, words(answer)
    assert answer.headers["location"] == "/staff/sources/books"
    row = await source(portal)
    assert row
    assert (row.title, row.connector, row.kinds) == ("Invoices and orders", "odoo", [])
    assert row.sealed_at.keys() == {"api_key"}
    assert await rows(portal, SourceDraft) == []
    offices = await litestar_of(portal.app).state.offices.all()
    assert "books" in offices, "the running portal has it at once"
    settings = await owner.get("/staff/sources/books/settings")
    assert "Leave it empty to keep it" in settings.text
    assert ODOO_KEY not in settings.text
    assert (await owner.send("POST", f"{NEW}/odoo", do="save", **odoo(sandbox))).status_code == 422, "the name is taken"


@SQLITE
async def test_only_tests(owner: Staff, portal: Portal, sandbox: RunningSandbox) -> None:
    answer = await owner.send("POST", f"{NEW}/odoo", do="test", **odoo(sandbox))
    assert answer.headers["location"] == f"{NEW}/odoo#trial-h"
    page = words(await owner.get(f"{NEW}/odoo"))
    assert "It works" in page
    assert "Orders can be read" in page
    assert "changed in the last 90 days" in page
    assert await source(portal) is None
    again = await owner.send("POST", f"{NEW}/odoo", do="save", **odoo(sandbox, **{"secret-api_key": ""}))
    assert again.status_code == 303, "the secret was kept in the draft"
    assert await source(portal)


@SQLITE
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"s-base_url": "http://nobody.invalid/"}, ("No such host", "Check the spelling")),
        ({"s-base_url": f"http://127.0.0.1:{free_port()}"}, ("Not reachable", "this machine may reach it")),
        ({"s-base_url": "SANDBOX/nowhere"}, ("This does not answer like Odoo", "Check the address")),
        ({"secret-api_key": CANARY}, ("Credentials refused", "Make new credentials in Odoo")),
        ({"secret-api_key": "“quoted”"}, ("", "Next:")),
    ],
)
async def test_says_what_is_wrong_and_saves_nothing(
    owner: Staff, portal: Portal, sandbox: RunningSandbox, changes: dict[str, str], said: tuple[str, ...]
) -> None:
    changes = {name: value.replace("SANDBOX", sandbox.url) for name, value in changes.items()}
    answer = await owner.send("POST", f"{NEW}/odoo", do="save", **odoo(sandbox, **changes))
    assert answer.headers["location"] == f"{NEW}/odoo#trial-h"
    answer = await owner.get(f"{NEW}/odoo")
    page = words(answer)
    assert "Not working yet" in page
    assert [each for each in said if each not in page] == []
    assert CANARY not in answer.text
    assert await source(portal) is None


@SQLITE
async def test_saves_untested_only_after_a_question(owner: Staff, portal: Portal, sandbox: RunningSandbox) -> None:
    assert (await owner.get(f"{NEW}/odoo/untested")).headers["location"] == f"{NEW}/odoo"
    assert (await owner.send("POST", f"{NEW}/odoo/untested")).headers["location"] == f"{NEW}/odoo"
    sandbox.odoo_fault(Fault(kind="unavailable"))
    await owner.send("POST", f"{NEW}/odoo", do="save", **odoo(sandbox))
    question = await owner.get(f"{NEW}/odoo/untested")
    assert "Save Invoices and orders untested?" in words(question)
    assert await source(portal) is None
    done = await owner.send("POST", f"{NEW}/odoo/untested")
    assert done.headers["location"] == "/staff/sources/books"
    assert await source(portal)


@SQLITE
async def test_sends_no_stored_secret_to_another_address(owner: Staff, portal: Portal, sandbox: RunningSandbox) -> None:
    await owner.send("POST", f"{NEW}/odoo", do="save", **odoo(sandbox))
    page = await owner.get("/staff/sources/books/settings")
    moved = odoo(sandbox, **{"s-base_url": sandbox.rt_url, "secret-api_key": "", "version": version_in(page)})
    seen = len(sandbox.rt_seen)
    answer = await owner.send("POST", "/staff/sources/books/settings", do="test", **moved)
    assert answer.status_code == 422
    assert "the stored one is not sent there: enter it again" in words(answer)
    assert len(sandbox.rt_seen) == seen
    row = await source(portal)
    assert row
    assert row.settings["base_url"] == sandbox.odoo_url


@SQLITE
async def test_keeps_no_typed_secret_for_another_address(owner: Staff, sandbox: RunningSandbox) -> None:
    await owner.send("POST", f"{NEW}/odoo", do="test", **odoo(sandbox))
    moved = odoo(sandbox, **{"s-base_url": sandbox.rt_url, "secret-api_key": ""})
    seen = len(sandbox.rt_seen)
    assert (await owner.send("POST", f"{NEW}/odoo", do="test", **moved)).status_code == 422
    broken = odoo(sandbox, **{"s-base_url": "nonsense", "secret-api_key": CANARY})
    assert (await owner.send("POST", f"{NEW}/odoo", do="test", **broken)).status_code == 422
    whole = odoo(sandbox, **{"secret-api_key": ""})
    assert (await owner.send("POST", f"{NEW}/odoo", do="test", **whole)).status_code == 303, "typed beside no address"
    back = odoo(sandbox, **{"s-base_url": sandbox.rt_url, "secret-api_key": ""})
    assert (await owner.send("POST", f"{NEW}/odoo", do="test", **back)).status_code == 422
    assert len(sandbox.rt_seen) == seen


@SQLITE
async def test_rotates_a_secret_and_keeps_the_old_one_until_the_new_one_works(
    owner: Staff, portal: Portal, sandbox: RunningSandbox
) -> None:
    await owner.send("POST", f"{NEW}/odoo", do="save", **odoo(sandbox))
    before = await source(portal)
    page = await owner.get("/staff/sources/books/settings")
    wrong = odoo(sandbox, **{"secret-api_key": CANARY, "version": version_in(page)})
    await owner.send("POST", "/staff/sources/books/settings", do="save", **wrong)
    assert "Credentials refused" in words(await owner.get("/staff/sources/books/settings"))
    after = await source(portal)
    assert before
    assert after
    assert after.sealed == before.sealed
    right = odoo(sandbox, **{"secret-api_key": ODOO_KEY, "version": version_in(page), "title": "Books"})
    done = await owner.send("POST", "/staff/sources/books/settings", do="save", **right)
    assert done.headers["location"] == "/staff/sources/books"
    after = await source(portal)
    assert after
    assert after.title == "Books"


@SQLITE
async def test_overwrites_nothing_that_it_has_not_shown(owner: Staff, portal: Portal, sandbox: RunningSandbox) -> None:
    await owner.send("POST", f"{NEW}/odoo", do="save", **odoo(sandbox))
    version = version_in(await owner.get("/staff/sources/books/settings"))
    mine = odoo(sandbox, **{"secret-api_key": "", "version": version})
    first = await owner.send("POST", "/staff/sources/books/settings", do="save", **{**mine, "title": "First"})
    assert first.status_code == 303
    late = await owner.send("POST", "/staff/sources/books/settings", do="save", **{**mine, "title": "Late"})
    assert late.status_code == 409
    assert "Somebody changed this after you opened it." in words(late)
    assert 'value="Late"' in late.text
    assert "First" in words(late)
    row = await source(portal)
    assert row
    assert row.title == "First"
    mine["version"] = version_in(late)
    now = await owner.send("POST", "/staff/sources/books/settings", do="save", **{**mine, "title": "Late"})
    assert now.status_code == 303


@SQLITE
async def test_gives_only_the_kinds_that_are_ticked(owner: Staff, portal: Portal, sandbox: RunningSandbox) -> None:
    form = odoo(sandbox, **{"promise-invoices": "300"})
    del form["kind-tickets"], form["kind-orders"]
    await owner.send("POST", f"{NEW}/odoo", do="save", **form)
    row = await source(portal)
    assert row
    assert (row.kinds, row.promises) == (["invoices"], {"invoices": 300})
    office = (await litestar_of(portal.app).state.offices.all())["books"]
    assert list(office.connector.reads) == ["invoices"]
    assert set(office.connector.feeds) == {"invoices"}
    assert set(office.connector.actions) == {"change_details"}
    del form["kind-invoices"]
    none = await owner.send("POST", f"{NEW}/odoo", do="save", **{**form, "name": "other"})
    assert "Choose at least one" in words(none)


@SQLITE
async def test_tells_the_trail_and_no_secret(
    owner: Staff, portal: Portal, sandbox: RunningSandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    await owner.send("POST", f"{NEW}/odoo", do="save", **odoo(sandbox, **{"secret-api_key": CANARY}))
    await owner.send("POST", f"{NEW}/odoo", do="save", **odoo(sandbox))
    lines = [line for line in await rows(portal, AuditLine) if line.what == "source.added" and "books" in line.about]
    assert len(lines) == 1
    assert lines[0].who.startswith("staff/")
    told = str([vars(line) for line in await rows(portal, AuditLine)]) + "".join(capsys.readouterr())
    assert ODOO_KEY not in told
    assert CANARY not in told


@SQLITE
@pytest.mark.parametrize("role", ["admin", "support", "read-only"])
async def test_is_for_owners(portal: Portal, role: Any) -> None:
    other = await staff_at(portal, role)
    for path in (NEW, f"{NEW}/odoo", f"{NEW}/odoo/untested", "/staff/sources/erp/settings"):
        assert (await other.get(path)).status_code == 403
        if path != NEW:
            assert (await other.send("POST", path)).status_code == 403
