"""Documents that customers are asked for: what was asked, what came, and whether that is it."""

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body, FromPath, Parameter
from msgspec import Meta, Struct

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway import asked
from gateway.asked import AskedError, NoSuchDocument
from gateway.asked_desk import AskedRow, DocumentsWanted, find, one, open_file
from gateway.finding import PAGE
from gateway.member_rows import live_sessions
from web.caller import by_staff
from web.console.desk import CHANGED, Paging, Question, confirm, desk
from web.console.document_words import MEANS, STATES
from web.console.finding import MOST_EXPORTED, Filters, PageNumber, Range, WholeInPath, file_of, wanted_of
from web.portal.files import BYTES, PASSED_ON, SANDBOX, attachment
from web.redirects import see_other

DOCUMENTS = "/staff/documents"
LONGEST_TEXT = 1000
Account = Annotated[str, Parameter(max_length=63)]


class Decided(Struct, frozen=True, kw_only=True):
    """A decision. `seen` is when the document had last changed as it was made."""

    seen: Annotated[str, Meta(max_length=40)] = ""
    reason: Annotated[str, Meta(max_length=4 * LONGEST_TEXT)] = ""


Answered = Annotated[Decided, Body(media_type=RequestEncodingType.URL_ENCODED)]


@get(DOCUMENTS, opt=for_staff("support"))
async def show_documents(
    request: Request[StaffPrincipal, Any, Any], filters: Filters, account: Account = "", page: PageNumber = 1
) -> Response[str]:
    found = await find(request.app.state.database, _wanted(request, filters, account), page)
    more = filters.asked() | ({"account": account} if account else {})
    return desk(
        request,
        "staff_documents.html",
        area="requests",
        found=found.found,
        paging=Paging(path=DOCUMENTS, page=page, size=PAGE, count=found.count, asked=more, is_more=found.is_more),
        filters=filters,
        account=account,
        states=STATES,
    )


@get(f"{DOCUMENTS}.csv", opt=for_staff("support"))
async def export_documents(
    request: Request[StaffPrincipal, Any, Any], filters: Filters, account: Account = ""
) -> Response[bytes]:
    wanted = _wanted(request, filters, account)
    found = await find(request.app.state.database, wanted, 1, size=MOST_EXPORTED)
    head = ("id", "asked", "document", "account", "account name", "of one person", "due", "state", "changed", "files")
    rows = [
        (
            each.id,
            each.made_at.isoformat(),
            each.label,
            each.account,
            each.account_name,
            "yes" if each.person else "no",
            each.due_on.isoformat() if each.due_on else "",
            STATES[each.state],
            each.changed_at.isoformat(),
            str(len(each.files)),
        )
        for each in found.found
    ]
    return file_of("documents", head, rows)


@get(f"{DOCUMENTS}/one/{{document:str}}", opt=for_staff("support"))
async def show_document(request: Request[StaffPrincipal, Any, Any], document: FromPath[str]) -> Response[str]:
    return await document_page(request, document)


async def document_page(
    request: Request[StaffPrincipal, Any, Any],
    document: str,
    *,
    problem: tuple[str, str] | None = None,
    written: str = "",
    status_code: int = 200,
) -> Response[str]:
    """Show one. `problem` is about a field, or about what was done if the field is ""."""
    return desk(
        request,
        "staff_document.html",
        area="requests",
        status_code=status_code,
        found=await _find(request, document),
        states=STATES,
        means=MEANS,
        problem=problem,
        written=written,
    )


@get(f"{DOCUMENTS}/one/{{document:str}}/files/{{place:int}}", opt=for_staff("support"))
async def open_given(
    request: Request[StaffPrincipal, Any, Any], document: FromPath[str], place: WholeInPath
) -> Response[bytes]:
    """Give a file, never to be opened inside our pages. The audit trail is told."""
    state = request.app.state
    try:
        file = await open_file(
            state.database, trail=state.trail, by=by_staff(request), id_=document, place=min(max(place, 0), 1000)
        )
    except NoSuchDocument as error:
        raise NotFoundException from error
    kind = file.media_type if file.media_type in PASSED_ON else BYTES
    headers = {"Content-Disposition": attachment(file.name), "Content-Security-Policy": SANDBOX}
    return Response(file.content, media_type=kind, headers=headers)


@post(f"{DOCUMENTS}/one/{{document:str}}/accept", opt=for_staff("support"))
async def accept(request: Request[StaffPrincipal, Any, Any], document: FromPath[str], data: Answered) -> Response[str]:
    """Say that this is it, also where it came in another way."""
    return await _decide(request, document, asked.accept, seen=data.seen)


@post(f"{DOCUMENTS}/one/{{document:str}}/refuse", opt=for_staff("support"))
async def refuse(request: Request[StaffPrincipal, Any, Any], document: FromPath[str], data: Answered) -> Response[str]:
    """Say that this is not it, and why. The customer is asked again."""
    reason = data.reason.replace("\r\n", "\n").strip()
    if not 0 < len(reason) <= LONGEST_TEXT:
        text = f"Say in at most {LONGEST_TEXT:,} characters why: the customer reads it."
        return await document_page(request, document, problem=("reason", text), written=reason, status_code=422)
    return await _decide(request, document, asked.refuse, seen=data.seen, reason=reason)


@get(f"{DOCUMENTS}/one/{{document:str}}/withdraw", opt=for_staff("support"))
async def ask_withdraw(request: Request[StaffPrincipal, Any, Any], document: FromPath[str]) -> Response[str]:
    found = await _find(request, document)
    effects = [f"{found.account_name} is not asked for it any more, and it leaves their pages."]
    if found.files:
        effects.append("What they sent is deleted after a while, like documents that were accepted.")
    question = Question(
        title=f"Stop asking for “{found.label}”?",
        text="You can ask again later, but what was sent does not come back.",
        effects=tuple(effects),
        action=f"{DOCUMENTS}/one/{found.id}/withdraw",
        fields={"seen": found.changed_at.isoformat()},
        button="Stop asking",
        is_loss=True,
        back=f"{DOCUMENTS}/one/{found.id}",
    )
    return confirm(request, "requests", question)


@post(f"{DOCUMENTS}/one/{{document:str}}/withdraw", opt=for_staff("support"))
async def withdraw(
    request: Request[StaffPrincipal, Any, Any], document: FromPath[str], data: Answered
) -> Response[str]:
    return await _decide(request, document, asked.withdraw, seen=data.seen)


@get([f"{DOCUMENTS}/one/{{document:str}}/accept", f"{DOCUMENTS}/one/{{document:str}}/refuse"], opt=for_staff("support"))
async def back_to_document(document: FromPath[str]) -> Response[str]:
    """Lead back who asks for the address of a form."""
    return see_other(f"{DOCUMENTS}/one/{document}")


async def _decide(request: Request[StaffPrincipal, Any, Any], document: str, act: Any, **more: str) -> Response[str]:  # noqa: ANN401  # one of three
    state = request.app.state
    found = await _find(request, document)
    try:
        await act(state.database, trail=state.trail, by=by_staff(request), id_=found.id, now=utc_now(), **more)
    except AskedError:  # somebody was quicker
        written = more.get("reason", "")
        return await document_page(request, document, problem=("", CHANGED), written=written, status_code=409)
    await tell(request, found.account)
    return see_other(f"{DOCUMENTS}/one/{document}")


async def tell(request: Request[Any, Any, Any], account: str) -> None:
    """Have the customer's pages look anew at what is asked of them."""
    state = request.app.state
    await state.standings.forget(await live_sessions(state.database, account))


async def _find(request: Request[Any, Any, Any], document: str) -> AskedRow:
    try:
        return await one(request.app.state.database, document)
    except NoSuchDocument as error:
        raise NotFoundException from error


def _wanted(request: Request[Any, Any, Any], filters: Range, account: str) -> DocumentsWanted:
    w = wanted_of(request, filters)
    return DocumentsWanted(state=w.state, account=account, words=w.words, since=w.since, until=w.until)


ROUTES = [
    *(show_documents, export_documents, show_document, open_given, accept, refuse),
    *(ask_withdraw, withdraw, back_to_document),
]
