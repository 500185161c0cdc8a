"""What staff do about what could not be passed on: take it, give it back, hand it over, and decide.

Each form says which version was seen. Where somebody was quicker, the page says who, and what they did.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath
from msgspec import Meta, Struct

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.outbox import claims
from gateway.outbox.stuck import StuckError, give_up, send_again
from gateway.outbox.stuck import settle as settle_it
from web.caller import by_staff
from web.console.desk import CHANGED
from web.console.finding import version_of
from web.console.matters import REQUESTS
from web.console.requests import request_page
from web.redirects import see_other

LONGEST = 60  # characters of a number
LONGEST_NOTE, LONGEST_ANSWER = 500, 2000
NO_NUMBER = "Give the number that it has there, so that the customer can name it."
NO_NOTE = f"Say in at most {LONGEST_NOTE} characters what your colleague has to know."
NO_ANSWER = f"Write what the customer reads, in at most {LONGEST_ANSWER:,} characters."


class Sent(Struct, frozen=True, kw_only=True):
    """A form of that page. `seen` is the version that was looked at."""

    seen: Annotated[str, Meta(max_length=20)] = ""
    number: Annotated[str, Meta(max_length=LONGEST)] = ""
    to: Annotated[str, Meta(max_length=60)] = ""
    note: Annotated[str, Meta(max_length=4 * LONGEST_NOTE)] = ""
    answer: Annotated[str, Meta(max_length=4 * LONGEST_ANSWER)] = ""

    @property
    def version(self) -> int:
        return version_of(self.seen)


Act = Callable[..., Awaitable[None]]
Form = Annotated[Sent, Body(media_type=RequestEncodingType.URL_ENCODED)]
ADDRESS = f"{REQUESTS}/{{reference:str}}"


@post(f"{ADDRESS}/claim", opt=for_staff("support"))
async def claim(request: Request[StaffPrincipal, Any, Any], reference: FromPath[str], data: Form) -> Response[str]:
    return await _do(request, reference, data, claims.claim)


@post(f"{ADDRESS}/release", opt=for_staff("support"))
async def release(request: Request[StaffPrincipal, Any, Any], reference: FromPath[str], data: Form) -> Response[str]:
    return await _do(request, reference, data, claims.release)


@post(f"{ADDRESS}/hand-over", opt=for_staff("support"))
async def hand_over(request: Request[StaffPrincipal, Any, Any], reference: FromPath[str], data: Form) -> Response[str]:
    note = data.note.replace("\r\n", "\n").strip()
    if not 0 < len(note) <= LONGEST_NOTE:
        return await request_page(request, reference, problem=("note", NO_NOTE), written=note, status_code=422)
    act = partial(claims.hand_over, to=data.to, note=note)
    return await _do(request, reference, data, act, written=("note", note))


@post(f"{ADDRESS}/resend", opt=for_staff("support"))
async def resend(request: Request[StaffPrincipal, Any, Any], reference: FromPath[str], data: Form) -> Response[str]:
    """Have it sent as if for the first time: it had not arrived."""
    return await _do(request, reference, data, send_again)


@post(f"{ADDRESS}/settle", opt=for_staff("support"))
async def settle(request: Request[StaffPrincipal, Any, Any], reference: FromPath[str], data: Form) -> Response[str]:
    """Note that it is done over there."""
    number = " ".join(data.number.split())
    if not number:
        return await request_page(request, reference, problem=("number", NO_NUMBER), status_code=422)
    return await _do(request, reference, data, partial(settle_it, number=number), written=("number", number))


@post(f"{ADDRESS}/give-up", opt=for_staff("support"))
async def give_it_up(request: Request[StaffPrincipal, Any, Any], reference: FromPath[str], data: Form) -> Response[str]:
    """Do nothing about it, and let the customer read why."""
    answer = data.answer.replace("\r\n", "\n").strip()
    if not 0 < len(answer) <= LONGEST_ANSWER:
        return await request_page(request, reference, problem=("answer", NO_ANSWER), written=answer, status_code=422)
    return await _do(request, reference, data, partial(give_up, answer=answer), written=("answer", answer))


@get(
    [f"{ADDRESS}/{act}" for act in ("claim", "release", "hand-over", "resend", "settle", "give-up")],
    opt=for_staff("support"),
)
async def back_to_request(reference: FromPath[str]) -> Response[str]:
    """Lead back who asks for the address of a form."""
    return see_other(f"{REQUESTS}/{reference}")


async def _do(
    request: Request[StaffPrincipal, Any, Any],
    reference: str,
    data: Sent,
    act: Act,
    *,
    written: tuple[str, str] = ("", ""),
) -> Response[str]:
    state = request.app.state
    try:
        await act(
            state.database,
            trail=state.trail,
            by=by_staff(request),
            reference=reference,
            seen=data.version,
            now=utc_now(),
        )
    except StuckError:
        return await request_page(request, reference, problem=("", CHANGED), written=written[1], status_code=409)
    return see_other(f"{REQUESTS}/{reference}")


ROUTES = [claim, release, hand_over, resend, settle, give_it_up, back_to_request]
