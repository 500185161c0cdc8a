"""Documents that customers are asked for: what was asked, what came, and whether that is it."""

from datetime import date
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
from gateway.dossiers import Named, customer_of
from gateway.finding import PAGE
from gateway.links import LinkError
from gateway.member_rows import live_sessions, login_of
from web.caller import by_staff
from web.console.desk import CHANGED, Paging, Question, confirm, desk
from web.console.document_words import MEANS, STATES
from web.console.finding import MOST_EXPORTED, Filters, PageNumber, Range, WholeInPath, file_of, wanted_of
from web.console.why import RECORD
from web.portal.files import BYTES, PASSED_ON, SANDBOX, attachment
from web.redirects import see_other

DOCUMENTS = "/staff/documents"
LONGEST_LABEL, LONGEST_TEXT = 120, 1000
Account = Annotated[str, Parameter(max_length=63)]


class Asking(Struct, frozen=True, kw_only=True):
    """The form, as it came."""

    account: Annotated[str, Meta(max_length=63)] = ""
    member: Annotated[str, Meta(max_length=26)] = ""
    label: Annotated[str, Meta(max_length=500)] = ""
    why: Annotated[str, Meta(max_length=4 * LONGEST_TEXT)] = ""
    due: Annotated[str, Meta(max_length=10)] = ""
    about: Annotated[str, Meta(max_length=300)] = ""


class Decided(Struct, frozen=True, kw_only=True):
    reason: Annotated[str, Meta(max_length=4 * LONGEST_TEXT)] = ""


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


@get(f"{DOCUMENTS}/ask", opt=for_staff("support"))
async def show_form(request: Request[StaffPrincipal, Any, Any], account: Account = "") -> Response[str]:
    """Show the form for an account, or the one that asks for whom."""
    named = await customer_of(request.app.state.database, account.strip()) if account.strip() else None
    problem = {"account": "There is no account with this id."} if account.strip() and named is None else {}
    return _form(request, Asking(account=account), named, problem)


@post(f"{DOCUMENTS}/ask", opt=for_staff("support"))
async def ask(
    request: Request[StaffPrincipal, Any, Any],
    data: Annotated[Asking, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Ask, and show the document's page."""
    state = request.app.state
    named = await customer_of(state.database, data.account)
    if named is None:
        problem = {"account": "There is no account with this id."}
        return _form(request, data, None, problem, status_code=422)
    label, why = " ".join(data.label.split()), data.why.replace("\r\n", "\n").strip()
    record, due = RECORD.fullmatch(data.about.strip()), _day(data.due)
    problems = {}
    if not 0 < len(label) <= LONGEST_LABEL:
        problems["label"] = f"Say in at most {LONGEST_LABEL} characters what you need, as the customer calls it."
    if len(why) > LONGEST_TEXT:
        problems["why"] = f"Write at most {LONGEST_TEXT:,} characters."
    if data.due and (due is None or due < state.view.today()):
        problems["due"] = "Choose a day from today on, or none."
    if data.about.strip() and record is None:
        problems["about"] = "Give the record’s address, such as /orders/erp/4424."
    login = await login_of(state.database, named.id, data.member) if data.member else None
    if data.member and login is None:
        problems["member"] = "This person does not act for the account any more."
    if problems:
        return _form(request, data, named, problems, status_code=422)
    try:
        id_ = await asked.ask(
            state.database,
            trail=state.trail,
            by=by_staff(request),
            account=named.id,
            label=label,
            due_on=due,
            login=login,
            now=utc_now(),
            why=why or None,
            about="/{}/{}/{}".format(*record.groups()) if record else None,
        )
    except LinkError:  # they have just left
        problem = {"member": "This person does not act for the account any more."}
        return _form(request, data, named, problem, status_code=422)
    await _tell(request, named.id)
    return see_other(f"{DOCUMENTS}/one/{id_}")


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
async def accept(request: Request[StaffPrincipal, Any, Any], document: FromPath[str]) -> Response[str]:
    """Say that this is it, also where it came in another way."""
    return await _decide(request, document, asked.accept)


@post(f"{DOCUMENTS}/one/{{document:str}}/refuse", opt=for_staff("support"))
async def refuse(
    request: Request[StaffPrincipal, Any, Any],
    document: FromPath[str],
    data: Annotated[Decided, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Say that this is not it, and why. The customer is asked again."""
    reason = data.reason.replace("\r\n", "\n").strip()
    if not 0 < len(reason) <= LONGEST_TEXT:
        text = f"Say in at most {LONGEST_TEXT:,} characters why: the customer reads it."
        return await document_page(request, document, problem=("reason", text), written=reason, status_code=422)
    return await _decide(request, document, asked.refuse, reason=reason)


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
        button="Stop asking",
        is_loss=True,
        back=f"{DOCUMENTS}/one/{found.id}",
    )
    return confirm(request, "requests", question)


@post(f"{DOCUMENTS}/one/{{document:str}}/withdraw", opt=for_staff("support"))
async def withdraw(request: Request[StaffPrincipal, Any, Any], document: FromPath[str]) -> Response[str]:
    return await _decide(request, document, asked.withdraw)


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
    await _tell(request, found.account)
    return see_other(f"{DOCUMENTS}/one/{document}")


async def _tell(request: Request[Any, Any, Any], account: str) -> None:
    """Have the customer's pages look anew at what is asked of them."""
    state = request.app.state
    await state.standings.forget(await live_sessions(state.database, account))


async def _find(request: Request[Any, Any, Any], document: str) -> AskedRow:
    try:
        return await one(request.app.state.database, document)
    except NoSuchDocument as error:
        raise NotFoundException from error


def _form(
    request: Request[StaffPrincipal, Any, Any],
    written: Asking,
    account: Named | None,
    problems: dict[str, str],
    status_code: int = 200,
) -> Response[str]:
    return desk(
        request,
        "staff_document_ask.html",
        area="requests",
        status_code=status_code,
        written=written,
        account=account,
        problems=problems,
        longest=LONGEST_TEXT,
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _wanted(request: Request[Any, Any, Any], filters: Range, account: str) -> DocumentsWanted:
    w = wanted_of(request, filters)
    return DocumentsWanted(state=w.state, account=account, words=w.words, since=w.since, until=w.until)


ROUTES = [
    *(show_documents, export_documents, show_form, ask, show_document, open_given, accept, refuse),
    *(ask_withdraw, withdraw, back_to_document),
]
