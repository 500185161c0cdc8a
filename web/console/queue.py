"""The queue: logins that wait for a decision, with what each source says of them beside what they bring."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body, FromPath
from msgspec import Meta, Struct

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.access import PersonRef
from gateway.dossiers import live_sessions_of, note_exported, note_question_looked_up
from gateway.identity.proving import Why
from gateway.identity.questions import WHY, Asked, decide, dismiss, question, some_questions
from gateway.links import LinkError
from gateway.rights import COMPANY, OWN
from web.caller import by_staff
from web.console.account import Done
from web.console.customers import CUSTOMERS
from web.console.desk import Paging, desk
from web.console.finding import MOST_EXPORTED, PageNumber, file_of, titles_of
from web.redirects import see_other

QUEUE = f"{CUSTOMERS}/queue"
ONE = f"{QUEUE}/{{asked:str}}"
FACTS = {"email": "Address", "external_id": "Customer number", "domain": "Domain"}
NEEDS_FACT = "Say why this is so: what was looked at, and where. It is kept with your name."
NEEDS_CHOICE = "Choose who this is, or nobody."
SHOWN = 50  # logins on the page


class Candidate(Struct, frozen=True, kw_only=True):
    """Somebody a source knows. `facts` are what matched; `account` None: the customer is linked to none."""

    source: str
    name: str
    customer: str
    person: str | None
    account: str | None
    facts: list[tuple[str, str, bool]]  # what, its value, whether it is the login's own to the letter


class Decision(Struct, frozen=True, kw_only=True):
    """What the form says. `who` is an account's id, "other" or "none"."""

    who: Annotated[str, Meta(max_length=63)] = ""
    account: Annotated[str, Meta(max_length=63)] = ""
    reach: Annotated[str, Meta(max_length=10)] = "own"
    fact: Annotated[str, Meta(max_length=255)] = ""


@get(QUEUE, opt=for_staff("support"))
async def show_queue(
    request: Request[StaffPrincipal, Any, Any], done: Done = "", page: PageNumber = 1
) -> Response[str]:
    found = await some_questions(request.app.state.database, page, SHOWN)
    return desk(
        request,
        "staff_queue.html",
        area="customers",
        questions=found.found,
        paging=Paging(path=QUEUE, page=page, size=SHOWN, count=found.count),
        why=WHY,
        done={"decided": "Decided. They see it at once.", "none": "Noted. They are not asked about again."}.get(done),
    )


@get(f"{QUEUE}.csv", opt=for_staff("support"))
async def export_queue(request: Request[StaffPrincipal, Any, Any]) -> Response[bytes]:
    """Give those who wait as a file, who has waited longest first. That it was taken is in the audit trail."""
    state = request.app.state
    found = await some_questions(state.database, 1, MOST_EXPORTED)
    rows = [
        (each.name or "", each.email or "", each.subject, WHY.get(each.reason, each.reason), each.asked_at.isoformat())
        for each in found.found
    ]
    await note_exported(state.database, "queue", {"rows": len(rows)}, trail=state.trail, by=by_staff(request))
    return file_of("queue", ("name", "e-mail", "login", "why nobody is sure", "waiting since"), rows)


@get(ONE, opt=for_staff("support"))
async def show_question(request: Request[StaffPrincipal, Any, Any], asked: FromPath[str]) -> Response[str]:
    """Show what is known of a login. Each look is in the audit trail."""
    return await _page(request, asked)


@post(ONE, opt=for_staff("admin"))
async def decide_question(
    request: Request[StaffPrincipal, Any, Any],
    asked: FromPath[str],
    data: Annotated[Decision, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Answer it. Where somebody was quicker, the page says so."""
    state, by, now = request.app.state, by_staff(request), utc_now()
    account = data.account.strip() if data.who == "other" else data.who
    fact = data.fact.strip()
    if not account or (fact == "" or not fact.isprintable()):
        return await _page(request, asked, problem=NEEDS_FACT if account else NEEDS_CHOICE, written=data)
    try:
        found = await question(state.database, asked)
        if data.who == "none":
            told = f"{by.who}: {fact}"[:255]
            await dismiss(state.database, trail=state.trail, by=by, id_=asked, decided_by=told, now=now)
            return see_other(f"{QUEUE}?done=none")
        why = Why(how="decided", facts={"fact": fact}, decided_by=by.who, decided_at=now)
        await decide(
            state.database,
            trail=state.trail,
            by=by,
            id_=asked,
            account=account,
            rights=COMPANY if data.reach == "company" else OWN,
            persons=[*_persons(found.found, account)],
            why=why,
        )
    except LinkError as error:
        return await _page(request, asked, problem=str(error).partition(":")[0] + ".", written=data, status_code=409)
    await state.standings.forget(await live_sessions_of(state.database, found.member_id))
    return see_other(f"{QUEUE}?done=decided")


async def _page(
    request: Request[StaffPrincipal, Any, Any],
    id_: str,
    *,
    problem: str | None = None,
    written: Decision | None = None,
    status_code: int = 422,
) -> Response[str]:
    state = request.app.state
    try:
        asked = await question(state.database, id_)
    except LinkError as error:
        raise NotFoundException from error
    await note_question_looked_up(state.database, asked.member_id, asked.id, trail=state.trail, by=by_staff(request))
    candidates = list(_candidates(asked))
    return desk(
        request,
        "staff_question.html",
        area="customers",
        status_code=status_code if problem else 200,
        asked=asked,
        why=WHY.get(asked.reason, asked.reason),
        brings=[(label, asked.found[name]) for name, label in BRINGS.items() if asked.found.get(name)],
        candidates=candidates,
        silent=[source for source, said in asked.found.get("sources", {}).items() if said is None],
        accounts=list(dict.fromkeys(each.account for each in candidates if each.account)),
        titles=await titles_of(request),
        may_change=request.user.reaches("admin"),
        problem=problem,
        written=written or Decision(),
    )


BRINGS = {"email": "Verified address", "number": "Customer number", "invited_to": "Invited to"}


def _candidates(asked: Asked) -> Iterator[Candidate]:
    own = {"email": asked.found.get("email"), "external_id": asked.found.get("number")}
    for source, said in asked.found.get("sources", {}).items():
        for each in said or ():
            yield Candidate(
                source=source,
                name=each["name"],
                customer=each["customer"],
                person=each["person"],
                account=each["account"],
                facts=[
                    (FACTS.get(name, "Another address"), value, str(value).lower() == str(own.get(name)).lower())
                    for name, value in each["matched"].items()
                ],
            )


def _persons(found: Mapping[str, Any], account: str) -> Iterator[PersonRef]:
    """Say who the login is over there: whom the sources of this account know by the very address."""
    for source, said in found.get("sources", {}).items():
        theirs = {
            each["person"]
            for each in said or ()
            if each["account"] == account and each["person"] and "email" in each["matched"]
        }
        if len(theirs) == 1:  # of two with one address nobody can tell which
            yield PersonRef(source, theirs.pop())


ROUTES = [show_queue, export_queue, show_question, decide_question]
