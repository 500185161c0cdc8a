"""Where a browser is sent on to, and the cookies that it is given on the way."""

from string import punctuation
from urllib.parse import quote

from litestar import Response
from litestar.datastructures import Cookie

from auth import cookies


def see_other(url: str, *kept: Cookie) -> Response[str]:
    """Lead on. What no header can hold, of an address that somebody made up, is written as addresses have it."""
    location = quote(url, safe=punctuation, errors="replace")
    return Response("", status_code=303, headers={"Location": location}, cookies=list(kept))


def cookie(name: str, value: str, max_age: int | None = None) -> Cookie:
    """Make one of `auth.cookies`. `max_age` is in seconds; None: until the browser is closed."""
    return Cookie(key=name, value=value, max_age=max_age, **cookies.ATTRIBUTES)


def dropped(name: str) -> Cookie:
    return cookie(name, "", max_age=0)
