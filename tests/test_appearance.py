"""An owner sets how the portal looks and whom it names, and all of it does within seconds."""

import struct
import zlib
from html import unescape

import pytest
from support_portal import Portal
from support_staff import Staff, staff_at

from auth import cookies
from auth.principals import Role
from gateway.appearance import Appearances, of_settings
from gateway.settings import Settings

PAGE = "/staff/settings/appearance"
WRITTEN = {
    "name": "Zeppelin & Sons",
    "accent": "#7a1f5c",
    "accent_ink": "#fff",
    "contact_name": "Ida Kern",
    "contact_phone": "+49 30 1234",
    "contact_email": "ida@example.com",
    "office_hours": "Mon-Fri 8:00-17:00",
}


def png() -> bytes:
    """One pixel."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack("!I", len(data)) + name + data + struct.pack("!I", zlib.crc32(name + data))

    header = struct.pack("!IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixel = zlib.compress(b"\0\x7a\x1f\x5c")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")


async def save(owner: Staff, files: dict[str, tuple[str, bytes]] | None = None, **fields: str) -> tuple[int, str]:
    session = await owner.portal.sessions.get(owner.cookie)
    assert session
    headers = {"Cookie": f"{cookies.SESSION}={owner.cookie}", "Sec-Fetch-Site": "same-origin"}
    form = {"_token": session.csrf_token, "seen": "0", **WRITTEN, **fields}
    # Multipart, as the page's form is, also where no picture was chosen.
    answer = await owner.http.post(PAGE, data=form, files=files or {"logo": ("", b"")}, headers=headers)
    return answer.status_code, unescape(answer.text)


async def test_looks_like_the_business_at_once_and_everywhere(portal: Portal) -> None:
    owner, maya = await staff_at(portal, "owner"), await portal.browser("maya", "bakery")
    before = (await maya.get("/")).text
    assert "Zeppelin" not in before
    assert await save(owner, {"logo": ("logo.png", png())}) == (303, "")
    for path in ("/", "/orders", "/account"):
        page = unescape((await maya.get(path)).text)
        assert "<title>" in page
        assert "Zeppelin & Sons</title>" in page
        assert "Ida Kern" in page
        assert "/static/logo?v=" in page
    version = page.partition("/static/brand.css?v=")[2].partition('"')[0]
    sheet = await maya.get(f"/static/brand.css?v={version}")
    assert "--accent: #7a1f5c" in sheet.text
    assert "immutable" in sheet.headers["cache-control"]
    assert (await maya.get("/static/logo")).content == png()
    assert "Zeppelin & Sons" in unescape((await portal.stranger().get("/sign-in")).text)


async def test_reaches_other_processes_and_outlives_them(portal: Portal, portal_settings: Settings) -> None:
    other = Appearances(portal.database, of_settings(portal_settings))
    assert not await other.look(), "nothing was changed yet"
    await save(await staff_at(portal, "owner"), {"logo": ("logo.png", png())})
    assert await other.look()
    assert other.current.name == "Zeppelin & Sons"
    assert other.current.logo
    assert other.current.logo.content == png()
    assert not await other.look()


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", "", "is needed"),
        ("name", "x" * 61, "at most 60 characters"),
        ("accent", "blue", "must be a colour"),
        ("accent", "#ffffaa", "contrast"),
        ("accent_ink", "#7a1f5d", "contrast"),
        ("contact_email", "ida", "must be an e-mail address"),
        ("office_hours", "always", "must be days and times"),
        ("contact_phone", "1\n2", "must be one line"),
    ],
)
async def test_says_what_is_wrong_and_keeps_what_was_written(portal: Portal, field: str, value: str, said: str) -> None:
    owner = await staff_at(portal, "owner")
    status, page = await save(owner, None, **{field: value})
    assert status == 422
    assert said in page
    assert 'value="Ida Kern"' in page or field == "contact_name"
    assert "Zeppelin" not in (await portal.stranger().get("/sign-in")).text


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("logo.svg", b"<svg><script>alert(1)</script></svg>", "must be a PNG, JPEG or WebP picture"),
        ("logo.png", b"<svg><script>alert(1)</script></svg>", "is no PNG picture"),
        ("logo.png", png() + b"\0" * 256 * 1024, "must be at most 256 KB"),
    ],
    ids=["another kind", "a false name", "too big"],
)
async def test_takes_pictures_alone(portal: Portal, name: str, content: bytes, said: str) -> None:
    status, page = await save(await staff_at(portal, "owner"), {"logo": (name, content)})
    assert status == 422
    assert said in page
    assert "Zeppelin & Sons" in page, "what was written is still there"


async def test_keeps_the_logo_until_told_otherwise(portal: Portal) -> None:
    owner = await staff_at(portal, "owner")
    await save(owner, {"logo": ("logo.png", png())})
    await save(owner, seen="1", name="Other")
    assert (await owner.get("/static/logo")).content == png()
    await save(owner, seen="2", no_logo="1")
    assert (await owner.get("/static/logo")).status_code == 404


async def test_overwrites_nothing_that_somebody_else_saved(portal: Portal) -> None:
    owner = await staff_at(portal, "owner")
    await save(owner)
    status, page = await save(owner, seen="0", name="Late")
    assert status == 409
    assert "Somebody changed this after you opened it." in page
    assert 'value="Zeppelin & Sons"' in page
    assert "Late" not in (await portal.stranger().get("/sign-in")).text


async def test_forgets_it_when_asked_twice(portal: Portal) -> None:
    owner = await staff_at(portal, "owner")
    usual = (await portal.stranger().get("/sign-in")).text
    await save(owner, {"logo": ("logo.png", png())})
    page = unescape((await owner.get(f"{PAGE}/reset")).text)
    assert "What will happen" in page
    assert (await owner.send("POST", f"{PAGE}/reset", seen="0")).status_code == 409
    assert (await owner.send("POST", f"{PAGE}/reset", seen="1")).headers["location"] == PAGE
    again = (await portal.stranger().get("/sign-in")).text
    assert again.partition("</title>")[0] == usual.partition("</title>")[0]
    assert (await owner.get("/static/logo")).status_code == 404


@pytest.mark.parametrize("role", ["none", "read-only", "support", "admin"])
async def test_is_for_owners_alone(portal: Portal, role: Role) -> None:
    other = await staff_at(portal, role)
    assert (await other.get(PAGE)).status_code == 403
    assert (await save(other))[0] == 403
