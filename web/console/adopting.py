"""Who is invited, who came and who came back; and a mail once more to those who have not."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromQuery
from msgspec import Struct

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.adoption import PAGE, Adopter, Only, adoption, every_adopter
from gateway.dossiers import note_exported
from gateway.identity.inviting import MOST, count_waiting, send_again
from gateway.records.database import Database
from web.caller import by_staff
from web.console.customers import CUSTOMERS
from web.console.desk import Paging, Question, confirm, desk
from web.console.finding import Done, PageNumber, Search, file_of, plain
from web.console.invited_words import Fate, fate_of
from web.redirects import see_other
from web.words import count

ADOPTION = f"{CUSTOMERS}/adoption"
AGAIN = f"{ADOPTION}/again"
SILENCE = timedelta(days=7)  # in which nobody wrote to somebody, before somebody writes again
FILTERS: Mapping[Only, str] = {
    "": "All",
    "unwritten": "Not written to",
    "refused": "Mail not taken",
    "never": "Never signed in",
    "once": "Here once",
    "back": "Came back",
    "quiet": "Quiet for 60 days",
}
HEAD = ("Person", "E-mail", "Accounts", "Invited", "Mail", "Opened", "Here since", "Last here", "Days here")


class Sure(Struct, frozen=True):
    """Until when somebody may have been written to last."""

    before: datetime


@get(ADOPTION, opt=for_staff("support"))
async def show_adoption(
    request: Request[StaffPrincipal, Any, Any],
    q: Search = "",
    only: FromQuery[Only] = "",
    page: PageNumber = 1,
    done: Done = 0,
) -> Response[str]:
    database, question, now = request.app.state.database, plain(q), utc_now()
    found = await adoption(database, question, now, page=page, only=only)
    may_write = request.user.reaches("admin") and request.app.state.mails.is_on
    return desk(
        request,
        "staff_adoption.html",
        area="customers",
        people=found.found,
        stands_of=stands_of,
        question=question,
        filters=FILTERS,
        only=only,
        done=done,
        again=AGAIN if may_write and only == "never" and await count_waiting(database, now - SILENCE, now) else None,
        paging=Paging(
            path=ADOPTION,
            page=page,
            size=PAGE,
            count=found.count,
            asked={"q": question, "only": only},
            is_more=found.is_more,
        ),
    )


@get(f"{ADOPTION}.csv", opt=for_staff("support"))
async def export_adoption(
    request: Request[StaffPrincipal, Any, Any], q: Search = "", only: FromQuery[Only] = ""
) -> Response[bytes]:
    """Give all who are found as a file. That it was taken is in the audit trail."""
    database: Database = request.app.state.database
    question = plain(q)
    rows = [_cells(each) async for each in every_adopter(database, question, utc_now(), only)]
    details = {"rows": len(rows), "only": only}
    await note_exported(database, "adoption", details, trail=request.app.state.trail, by=by_staff(request))
    return file_of("adoption", HEAD, rows)


@get(AGAIN, opt=for_staff("admin"))
async def ask_to_write_again(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    """Say to how many a mail would go once more."""
    now = utc_now()
    before = now - SILENCE
    many = await count_waiting(request.app.state.database, before, now)
    if not many or not request.app.state.mails.is_on:
        return see_other(f"{ADOPTION}?only=never")
    mails = count(min(many, MOST), "mail", "mails")
    question = Question(
        title=f"Send {mails} again?",
        text="To those who were invited by mail, have not come, and heard nothing of us for a week.",
        effects=(
            "Each gets one mail with a link of its own. Earlier links go on working until one is used.",
            "Their invitations last 30 days more.",
            "Whose mails come back, and who wants none, gets none.",
            *([f"There are more: at once it is {MOST} at the most."] if many > MOST else ()),
            "It is written to the audit trail with your name.",
        ),
        action=AGAIN,
        button=f"Send {mails}",
        back=f"{ADOPTION}?only=never",
        fields={"before": before.isoformat()},
    )
    return confirm(request, "customers", question)


@post(AGAIN, opt=for_staff("admin"))
async def write_again(
    request: Request[StaffPrincipal, Any, Any],
    data: Annotated[Sure, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Queue the mails. Who was written to meanwhile is left alone."""
    state, now = request.app.state, utc_now()
    if not state.mails.is_on or data.before.tzinfo is None:
        return see_other(f"{ADOPTION}?only=never")
    before = min(data.before, now - SILENCE)
    many = await send_again(state.database, trail=state.trail, by=by_staff(request), before=before, many=MOST, now=now)
    return see_other(f"{ADOPTION}?only=never&done={many}")


def stands_of(of: Adopter) -> Fate:
    """Say how far somebody has come, in a chip and a sentence."""
    if of.member is None and of.bidden:
        return fate_of(of.bidden)
    if of.seen_on is None:
        return Fate("idle", "Never signed in", "They have a login that was never used.")
    if of.days > 1:
        return Fate("ok", "Came back", f"They were here on {count(of.days, 'day', 'days')}.")
    return Fate("go", "Here once", "They were here on one day.")


def _cells(of: Adopter) -> tuple[str, ...]:
    fate = fate_of(of.bidden).label if of.bidden and of.member is None else (of.bidden.mail or "") if of.bidden else ""
    opened = of.bidden.opened_at if of.bidden else None
    return (
        of.called,
        of.email or "",
        "; ".join(account for account, _ in of.accounts),
        of.invited_at.isoformat(timespec="seconds") if of.invited_at else "",
        fate,
        opened.isoformat(timespec="seconds") if opened else "",
        of.came_at.isoformat(timespec="seconds") if of.came_at else "",
        of.seen_on.isoformat() if of.seen_on else "",
        str(of.days),
    )


ROUTES = [show_adoption, export_adoption, ask_to_write_again, write_again]
