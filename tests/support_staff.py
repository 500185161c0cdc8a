"""One of staff at a browser of the portal in support_portal."""

import re

import httpx
import sqlalchemy as sa
from msgspec.structs import replace
from support_audit import BY, TRAIL
from support_portal import Portal

from auth import cookies
from auth.clock import utc_now
from auth.principals import Role
from auth.provider import Identity
from gateway.access import remember_staff
from gateway.links import Login
from gateway.records.tables import Member
from gateway.staff import give_role

SAM = Identity(issuer="https://staff.example", subject="sam", email=None, name="Sam")


class Staff:
    """One of staff at a browser."""

    def __init__(self, portal: Portal, browser: httpx.AsyncClient, cookie: str) -> None:
        self.portal = portal
        self.http = browser
        self.cookie = cookie

    async def get(self, path: str) -> httpx.Response:
        return await self.http.get(path, headers={"Cookie": f"{cookies.SESSION}={self.cookie}"})

    async def send(self, method: str, path: str, **form: str) -> httpx.Response:
        """From a page of ours, with the token that it holds."""
        session = await self.portal.sessions.get(self.cookie)
        token = session.csrf_token if session else ""
        headers = {"Cookie": f"{cookies.SESSION}={self.cookie}", "Sec-Fetch-Site": "same-origin"}
        answer = await self.http.request(method, path, data={**form, "_token": token}, headers=headers)
        self.http.cookies.clear()
        if found := re.search(rf"{cookies.SESSION}=([\w-]+)", answer.headers.get("set-cookie", "")):
            self.cookie = found[1]
        return answer

    async def view(self, member: str, account: str) -> httpx.Response:
        return await self.send("POST", "/staff/view-as", member=member, account=account)


async def staff_at(portal: Portal, role: Role = "support") -> Staff:
    staff_id = await remember_staff(portal.database, replace(SAM, subject=role), utc_now(), trail=TRAIL)
    await give_role(portal.database, trail=TRAIL, by=BY, login=Login(SAM.issuer, role), role=role)
    return Staff(portal, portal.stranger(), await portal.sessions.create_for_staff(staff_id, None, None, "2"))


async def member_of(portal: Portal, subject: str = "maya") -> str:
    async with portal.database.read() as session:
        return (await session.scalars(sa.select(Member.id).where(Member.subject == subject))).one()
