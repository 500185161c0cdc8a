"""Where a browser is sent on to, and the cookies that it is given on the way."""

from litestar import Response
from litestar.datastructures import Cookie

from auth import cookies


def see_other(url: str, *kept: Cookie) -> Response[str]:
    return Response("", status_code=303, headers={"Location": url}, cookies=list(kept))


def cookie(name: str, value: str, max_age: int | None = None) -> Cookie:
    """Make one of `auth.cookies`. `max_age` is in seconds; None: until the browser is closed."""
    return Cookie(key=name, value=value, max_age=max_age, **cookies.ATTRIBUTES)


def dropped(name: str) -> Cookie:
    return cookie(name, "", max_age=0)
