"""What staff may do: roles from a list or a claim, and every route tried by everybody."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa
from litestar.types import ASGIApp
from msgspec.structs import replace
from support_audit import BY, TRAIL, VAULT
from support_browser import Browser, Visitor
from support_cli import Hallway
from support_door import litestar_of, portal_at
from support_op import Op

from auth import cookies
from auth.claimed_role import claimed_role
from auth.clock import utc_now
from auth.principals import ROLES, Role, StaffPrincipal
from auth.provider import Identity
from auth.sessions import Sessions
from gateway.access import remember_staff
from gateway.audit_reading import Wanted, read
from gateway.links import LinkError, Login
from gateway.records.database import Database
from gateway.records.tables import Staff
from gateway.settings import Settings
from gateway.staff import add_staff, give_role, staff_of

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SAM = Identity(issuer="https://staff.example", subject="sam", email=None, name="Sam")
LOGIN = Login(SAM.issuer, SAM.subject)
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
MEANINGS: dict[str, Role] = {"it": "admin", "desk": "support", "night": "support", "boss": "owner"}
AS_STAFF = {"OIDC_2_FOR": "staff", "OIDC_2_ROLE_CLAIM": "groups", "OIDC_2_ROLES": "admin=it support=desk,night"}


def at_staffs_provider(op: Op) -> dict[str, str]:
    op.redirect_uri = "http://127.0.0.1:8000/auth/2/callback"
    named = {"ISSUER": op.issuer, "CLIENT_ID": op.client_id, "CLIENT_SECRET": op.client_secret}
    return {f"OIDC_2_{name}": value for name, value in named.items()} | AS_STAFF


@pytest_asyncio.fixture
async def app(
    op: Op, other_op: Op, database_url: str, portal_settings: Settings, tmp_path: Path
) -> AsyncIterator[ASGIApp]:
    redis_url = portal_settings.redis_url.reveal() if portal_settings.redis_url else ""
    async with portal_at(op, database_url, redis_url, tmp_path, **at_staffs_provider(other_op)) as app:
        yield app


async def role(database: Database) -> Role:
    (only,) = await staff_of(database)
    return only.role


# Where a role comes from


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b'{"groups": "desk"}', "support"),
        (b'{"groups": ["desk", "it", "other"]}', "admin"),
        (b'{"groups": ["it", "desk"]}', "admin"),
        (b'{"groups": []}', None),
        (b'{"groups": ["IT", 7, null, {"it": 1}]}', None),
        (b'{"groups": {"it": true}}', None),
        (b'{"groups": "it desk"}', None),
        (b"{}", None),
    ],
)
def test_reads_the_highest_role_that_a_claim_names(said: bytes, expected: Role | None) -> None:
    assert claimed_role(said, "groups", MEANINGS) == expected


def test_finds_a_claim_by_its_name_or_its_path() -> None:
    assert claimed_role(b'{"realm_access": {"roles": ["boss"]}}', "realm_access.roles", MEANINGS) == "owner"
    assert claimed_role(b'{"https://acme.example/roles": ["desk"]}', "https://acme.example/roles", MEANINGS)
    assert claimed_role(b'{"realm_access": ["boss"]}', "realm_access.roles", MEANINGS) is None
    assert claimed_role(b'{"groups": "it"}', None, MEANINGS) is None


async def test_takes_what_is_claimed_at_each_sign_in(database: Database) -> None:
    for claimed, expected in (("support", "support"), ("admin", "admin"), (None, "none")):
        known: Any = claimed
        await remember_staff(database, SAM, NOON, role=known, trail=TRAIL)
        assert await role(database) == expected
    lines = await read(database, VAULT, Wanted(latest=9))
    assert [(line.what, line.details.get("claimed")) for line in lines] == [
        ("staff.made", "support"),
        ("staff.changed", "admin"),
        ("staff.changed", None),
    ]


async def test_lets_a_listed_role_win_over_a_claimed_one(database: Database) -> None:
    await add_staff(database, trail=TRAIL, by=BY, login=LOGIN, role="read-only", now=NOON)
    await remember_staff(database, SAM, NOON, role="owner", trail=TRAIL)
    assert await role(database) == "read-only"
    assert await give_role(database, trail=TRAIL, by=BY, login=LOGIN, role="none")
    assert not await give_role(database, trail=TRAIL, by=BY, login=LOGIN, role="none")
    await remember_staff(database, SAM, NOON, role="owner", trail=TRAIL)
    assert await role(database) == "none"
    assert await give_role(database, trail=TRAIL, by=BY, login=LOGIN, role=None)
    assert await role(database) == "owner"
    with pytest.raises(LinkError, match="no such person"):
        await give_role(database, trail=TRAIL, by=BY, login=Login(SAM.issuer, "Sam"), role="owner")


async def test_takes_a_word_that_is_no_role_for_none(database: Database) -> None:
    async with database.write() as session:
        session.add(Staff(id="sam", issuer=SAM.issuer, subject="sam", listed_role="root", created_at=NOON))
    assert await role(database) == "none"


def test_keeps_the_list_on_the_command_line(hallway: Hallway) -> None:
    assert hallway("staff", "list") == 0
    assert hallway.out == ""
    assert hallway("staff", "add", *LOGIN.__struct_fields__) == 2, "a role is needed"
    login = (SAM.issuer, "sam")
    assert hallway("staff", "role", *login, "admin") == 2
    assert "no such person among staff" in hallway.err
    assert hallway("staff", "add", *login, "--role", "support", "--name", "Sam") == 0
    assert hallway("staff", "add", *login, "--role", "support") == 0
    assert hallway.out == "no changes\n"
    assert hallway("staff", "list") == 0
    assert hallway.out == "support    https://staff.example sam  Sam (listed)\n"
    assert hallway("staff", "role", *login, "claimed") == 0
    assert hallway("staff", "list") == 0
    assert hallway.out == "none       https://staff.example sam  Sam (nobody gave one)\n"
    assert hallway("staff", "add", SAM.issuer, "sam\x1b[2J", "--role", "owner") == 2, "nothing unseen"
    assert hallway("owner", "add", "--issuer", SAM.issuer, "--subject", "sam") == 0
    assert hallway("staff", "list") == 0
    assert hallway.out.startswith("owner ")


@SQLITE
async def test_takes_the_role_from_the_id_token(app: ASGIApp, other_op: Op, database: Database) -> None:
    other_op.claims = {"groups": ["night", "cleaning"]}
    sam = Visitor(app)
    assert (await sam.sign_in("/auth/2/start")).headers["Location"] == "/staff"
    assert await role(database) == "support"
    other_op.claims = {"groups": ["cleaning"]}
    await Visitor(app).sign_in("/auth/2/start")
    assert await role(database) == "none"


# Routes


def tried(app: ASGIApp) -> list[tuple[str, str, object, bool]]:
    """Every route there is: a method, a path that fits, the least role and whether it is open to anybody."""
    found = []
    for route in litestar_of(app).routes:
        for handler in getattr(route, "route_handlers", None) or [route.route_handler]:  # type: ignore[union-attr]
            path = re.sub(r"\{[^}]*\}", "1", route.path_format)
            methods = {*getattr(handler, "http_methods", ("GET",))} - {"OPTIONS"}
            least, is_public = handler.opt.get("staff"), handler.opt.get("public") is True
            found += [(method, path, least, is_public) for method in sorted(methods)]
    return found


async def everybody(app: ASGIApp, database: Database, sessions: Sessions) -> dict[str, Browser]:
    """A browser for each role, for a member and for nobody."""
    member = Visitor(app)
    await member.sign_in()
    found: dict[str, Browser] = {"nobody": Browser(app), "member": member}
    for listed in ROLES:
        staff_id = await remember_staff(database, replace(SAM, subject=listed), utc_now(), trail=TRAIL)
        await give_role(database, trail=TRAIL, by=BY, login=Login(SAM.issuer, listed), role=listed)
        found[listed] = Browser(app)
        found[listed].cookies[cookies.SESSION] = await sessions.create_for_staff(staff_id, None, None, "2")
    return found


@SQLITE
async def test_opens_each_route_to_those_alone_whom_it_names(app: ASGIApp, database: Database) -> None:
    """Every route, by every role, a member and nobody: who may not is refused, and who may is not refused for that."""
    sessions: Sessions = litestar_of(app).state.sessions
    people = await everybody(app, database, sessions)
    routes = tried(app)
    assert {least for _, _, least, _ in routes} - {None} <= set(ROLES), "each names a role that there is"
    assert any(least == "none" for _, _, least, _ in routes)
    for method, path, least, is_public in routes:
        for name, browser in people.items():
            if is_public or (name == "member" and least is None):
                continue
            session = await sessions.get(browser.cookies.get(cookies.SESSION))
            assert (session is None) == (name == "nobody"), name
            token = session.csrf_token if session else ""
            headers = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin", "X-CSRF-Token": token}
            answer = await browser.send(method, path, headers)
            where = f"{name} at {method} {path}: {answer.status_code}"
            if name == "nobody":
                assert answer.status_code in {303, 401}, where
            elif name == "member":
                assert answer.status_code == 404, where
                assert "There is nothing here" in answer.text, where
            elif least is None:
                assert answer.status_code == 403, where
            elif ROLES.index(name) < ROLES.index(least):
                assert answer.status_code == 403, where
                assert "Your role does not allow this" in answer.text, where
            else:
                assert "Your role does not allow this" not in answer.text, where


@pytest.mark.parametrize("least", [True, "", "boss", 1, None, ["owner"]])
def test_asks_for_more_than_anybody_has_where_no_role_is_named(least: object) -> None:
    owner = StaffPrincipal(staff_id="o", csrf_token="", session=b"", provider="2", role="owner")
    assert not owner.reaches(least)
    assert owner.reaches("owner")


async def test_takes_a_role_at_once(app: ASGIApp, database: Database) -> None:
    sessions: Sessions = litestar_of(app).state.sessions
    browser = (await everybody(app, database, sessions))["owner"]
    assert "Owner" in (await browser.go("/staff")).text
    await give_role(database, trail=TRAIL, by=BY, login=Login(SAM.issuer, "owner"), role="none")
    assert "You have no role yet" in (await browser.go("/staff")).text
    async with database.write() as session:
        await session.execute(sa.delete(Staff).where(Staff.subject == "owner"))
