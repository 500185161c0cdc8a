"""Asking a customer for a document: whom, for what, and until when."""

from datetime import date
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body
from msgspec import Meta, Struct

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway import asked
from gateway.dossiers import Named, customer_of
from gateway.links import LinkError
from gateway.member_rows import login_of
from gateway.records.ids import is_id, new_id
from web.caller import by_staff
from web.console.desk import desk
from web.console.documents import DOCUMENTS, LONGEST_TEXT, Account, tell
from web.console.why import RECORD
from web.redirects import see_other

LONGEST_LABEL = 120


class Asking(Struct, frozen=True, kw_only=True):
    """The form, as it came. `made` is the id of what it asks for: sent twice, it is asked for once."""

    made: Annotated[str, Meta(max_length=26)] = ""
    account: Annotated[str, Meta(max_length=63)] = ""
    member: Annotated[str, Meta(max_length=26)] = ""
    label: Annotated[str, Meta(max_length=500)] = ""
    why: Annotated[str, Meta(max_length=4 * LONGEST_TEXT)] = ""
    due: Annotated[str, Meta(max_length=10)] = ""
    about: Annotated[str, Meta(max_length=300)] = ""


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
            id_=data.made if is_id(data.made) else new_id(),
            why=why or None,
            about="/{}/{}/{}".format(*record.groups()) if record else None,
        )
    except LinkError:  # they have just left
        problem = {"member": "This person does not act for the account any more."}
        return _form(request, data, named, problem, status_code=422)
    await tell(request, named.id)
    return see_other(f"{DOCUMENTS}/one/{id_}")


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
        made=written.made if is_id(written.made) else new_id(),
        account=account,
        problems=problems,
        longest=LONGEST_TEXT,
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


ROUTES = [show_form, ask]
