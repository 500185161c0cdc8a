"""A browser as far as sign-in is concerned: cookies with their rules, and the headers that no page can forge."""

import re
from html import unescape
from http.cookies import Morsel, SimpleCookie
from typing import Any

import httpx
from litestar.types import ASGIApp

BASE = "http://127.0.0.1:8000"


class Browser:
    """Takes http://127.0.0.1 for trustworthy, as Chromium does. `cookies` are those of `BASE`."""

    def __init__(self, app: ASGIApp) -> None:
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
        self.app = app
        self._http = httpx.AsyncClient(transport=transport, base_url=BASE)
        self.cookies: dict[str, str] = {}
        self.answers: list[httpx.Response] = []

    async def send(self, method: str, path: str, headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
        own = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        answer = await self._http.request(method, path, headers={**own, **(headers or {})}, **body)
        for line in answer.headers.get_list("set-cookie"):
            self._take(line)
        self.answers.append(answer)
        return answer

    async def go(self, path: str, site: str = "none") -> httpx.Response:
        """Open an address of ours, typed or from a link on another site."""
        return await self.send("GET", path.removeprefix(BASE), {"Accept": "text/html", "Sec-Fetch-Site": site})

    async def submit(self, path: str, **fields: str) -> httpx.Response:
        """Send a form of ours, as browsers do under `Referrer-Policy: no-referrer`."""
        headers = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin", "Origin": "null"}
        return await self.send("POST", path, headers, data=fields)

    async def token(self) -> str:
        """The session's token, as the account page's form holds it."""
        page = await self.go("/account")
        found = re.search(r'name="_token" value="([\w-]+)"', page.text)
        assert found, page.text
        return found[1]

    def _take(self, line: str) -> None:
        (morsel,) = SimpleCookie(line).values()
        assert is_safe(morsel), line
        self.cookies[morsel.key] = morsel.value
        if morsel["max-age"] == "0":
            del self.cookies[morsel.key]


def is_safe(morsel: "Morsel[str]") -> bool:
    """The rules of the `__Host-` prefix, which browsers enforce, and what we promise beyond them."""
    enforced = morsel.key.startswith("__Host-") and morsel["secure"] and morsel["path"] == "/" and not morsel["domain"]
    return bool(enforced and morsel["httponly"] and morsel["samesite"].lower() == "lax")


def onward(farewell: httpx.Response) -> str:
    """Where the page after signing out goes on to, by itself and by its link."""
    assert farewell.status_code == 200, farewell.text
    url = farewell.headers["Refresh"].removeprefix("0; url=")
    assert f'href="{url}"' in unescape(farewell.text)
    return str(url)


class Visitor(Browser):
    """A browser with somebody in front of it, who is known at a provider."""

    async def to_callback(self, start: str = "/auth/start") -> str:
        """Sign in at the provider, and stop before our callback is opened."""
        answer = await self.go(start)
        assert answer.status_code == 303, answer.text
        plain = httpx.AsyncHTTPTransport(verify=False)
        async with httpx.AsyncClient(transport=plain, trust_env=False) as web:
            back = await web.get(answer.headers["Location"])
        assert back.status_code == 302, back.text
        return str(back.headers["Location"])

    async def sign_in(self, start: str = "/auth/start") -> httpx.Response:
        return await self.go(await self.to_callback(start), site="cross-site")
