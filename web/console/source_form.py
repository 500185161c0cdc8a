"""The form of a source, new or there already: tested before it is saved, and its secrets never come out again."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from litestar import Request, Response
from litestar.exceptions import ClientException
from litestar.status_codes import HTTP_200_OK, HTTP_409_CONFLICT, HTTP_422_UNPROCESSABLE_ENTITY
from msgspec import Struct
from msgspec.structs import replace

from auth.principals import StaffPrincipal
from connectors.contract import Connector
from connectors.records import Kind
from gateway.sources.changes import SourcesChangedError
from gateway.sources.connecting import AGAIN, Connecting, Form, Seat
from gateway.sources.consenting import Answer, Consenting, Journey
from gateway.sources.fields import Field, fields_of
from gateway.sources.stored import Stored, asked_of
from gateway.sources.written import WHOLE, empty, taken
from web.caller import by_staff
from web.console.desk import Question, confirm, desk
from web.console.matters import SOURCES
from web.console.passport import KIND_WORDS, usual_promise
from web.console.source_words import lost_with_the_address
from web.redirects import see_other

MOST_FIELDS = 200
STALE = "Somebody changed this after you opened it. Nothing of yours is lost: it is below, beside what is there now."


def path_of(seat: Seat) -> str:
    return f"{SOURCES}/{seat.stored.name}/settings" if seat.stored else f"{SOURCES}/new/{seat.connector.name}"


class Asked(Struct, frozen=True, kw_only=True):
    """One question as the page shows it. `kept` says what is stored of a secret, which itself is never shown.

    `may_go`: what is stored can be taken away; `goes`: it is to be.
    """

    field: Field
    value: str
    problem: str | None
    kept: str
    may_go: bool
    goes: bool

    @property
    def id(self) -> str:
        return self.field.id

    @property
    def described_by(self) -> str:
        said = ((self.field.help or self.kept, "help"), (self.problem, "error"))
        return " ".join(f"{self.id}-{name}" for is_said, name in said if is_said)


class AskedKind(Struct, frozen=True, kw_only=True):
    """A kind of records, whether it is given, and what is promised of it; `usual` without a word of anybody's."""

    name: str
    word: str
    given: bool
    promise: str
    usual: int
    problem: str | None


async def show(request: Request[StaffPrincipal, Any, Any], seat: Seat) -> Response[str]:
    connecting = _connecting(request)
    form = await connecting.open(seat)
    if form is None:
        return await _page(request, seat, await _begun(connecting, seat), problems={}, is_draft=False)
    stale = seat.stored is not None and form.version != seat.stored.version
    return await _page(request, seat, form, problems=form.problems, said=STALE if stale else None)


async def send(request: Request[StaffPrincipal, Any, Any], seat: Seat) -> Response[str]:
    """Take the form: forget it, only test it, or test and save it. What fails its test is not saved."""
    connecting = _connecting(request)
    sent = await _fields(request)
    do = sent.get("do", ["save"])[-1]
    if do == "drop":
        await connecting.drop(seat)
        return see_other(path_of(seat))
    written, typed = taken(sent, seat.connector)
    version = sent.get("version", [""])[-1] or None
    form = await connecting.take(seat, written, typed, version)
    if form.desired is None:
        return await _page(request, seat, form, problems=form.problems, status_code=HTTP_422_UNPROCESSABLE_ENTITY)
    if (do == "test" or not form.is_tested) and not form.awaits_consent:
        form = await connecting.test(seat, form)
    if do == "test" or not form.is_tested:
        return see_other(f"{path_of(seat)}#trial-h")
    return await _save(request, seat, form)


async def leave(request: Request[StaffPrincipal, Any, Any], seat: Seat) -> Response[str]:
    """Send somebody on to the vendor's page, with the form as it was kept, or with the source as it is."""
    connecting = _connecting(request)
    form = await connecting.open(seat)
    if form is None and seat.stored:
        form = await connecting.take(seat, seat.stored.written, {}, seat.stored.version)
    if form is None or form.desired is None or not form.agrees_elsewhere:
        return see_other(path_of(seat))
    consenting = consenting_of(request)
    return see_other(await consenting.begin(seat, form.desired, request.user.session))


async def come_back(
    request: Request[StaffPrincipal, Any, Any], seat: Seat, journey: Journey, answer: Answer
) -> Response[str]:
    """Take what they bring, and show the form that they left."""
    consenting = consenting_of(request)
    form = await _connecting(request).open(seat)
    if form is not None:
        await consenting.finish(seat, form, journey, answer)
    return see_other(f"{path_of(seat)}#trial-h")


async def ask_untested(request: Request[StaffPrincipal, Any, Any], seat: Seat) -> Response[str]:
    """Say what it means to save what no test has passed."""
    form = await _connecting(request).open(seat)
    if form is None or form.desired is None:
        return see_other(path_of(seat))
    name = form.desired.title
    effects = (
        f"{name} is asked with these settings from now on, though the test of them has not passed.",
        "What customers see of it stays as old as it is, with its age, and is marked as late."
        if seat.stored
        else "Nobody sees anything of it until it works and customers are linked to it.",
        "The secrets that were stored before are given up." if seat.stored and form.typed else "",
        *lost_with_the_address(form.dropped),
        "It stands under “What needs you” until it works.",
    )
    question = Question(
        title=f"Save {name} untested?",
        text="Nothing is saved untested unless you say so. Do it if you know that the system is down just now.",
        effects=tuple(effect for effect in effects if effect),
        action=f"{path_of(seat)}/untested",
        button="Save it untested",
        back=path_of(seat),
    )
    return confirm(request, "sources", question)


async def save_untested(request: Request[StaffPrincipal, Any, Any], seat: Seat) -> Response[str]:
    form = await _connecting(request).open(seat)
    if form is None or form.desired is None:
        return see_other(path_of(seat))
    return await _save(request, seat, form)


async def _save(request: Request[StaffPrincipal, Any, Any], seat: Seat, form: Form) -> Response[str]:
    connecting = _connecting(request)
    try:
        form = await connecting.save(seat, form, by=by_staff(request))
    except SourcesChangedError:
        stored = await connecting.stored(seat.stored.name) if seat.stored else None
        now = replace(seat, stored=stored)
        return await _page(request, now, form, problems={}, said=STALE, status_code=HTTP_409_CONFLICT)
    if form.desired is None:
        return await _page(request, seat, form, problems=form.problems, status_code=HTTP_422_UNPROCESSABLE_ENTITY)
    lost = f"?lost={','.join(field.name for field in form.dropped)}" if form.dropped else ""
    return see_other(f"{SOURCES}/{form.desired.name}{lost}")


async def _begun(connecting: Connecting, seat: Seat) -> Form:
    """Give a form in which nobody has written yet."""
    stored = seat.stored
    return Form(
        written=stored.written if stored else empty(seat.connector, await connecting.free_name(seat.connector.name)),
        problems={},
        desired=None,
        trial=None,
        secrets=frozenset(stored.secrets if stored else ()),
        typed=frozenset(),
        stored=stored,
        version=stored.version if stored else None,
    )


async def _page(
    request: Request[StaffPrincipal, Any, Any],
    seat: Seat,
    form: Form,
    *,
    problems: Mapping[str, str],
    said: str | None = None,
    is_draft: bool = True,
    status_code: int = HTTP_200_OK,
) -> Response[str]:
    view = request.app.state.view
    asked = [_asked(field, form, problems, seat.stored, view.moment) for field in asked_of(seat.connector)]
    hooks = [each for each in asked if each.field.is_hook]
    return desk(
        request,
        "staff_source_form.html",
        area="sources",
        status_code=status_code,
        stored=seat.stored,
        connector=seat.connector,
        path=path_of(seat),
        back=f"{SOURCES}/{seat.stored.name}" if seat.stored else f"{SOURCES}/new",
        form=form,
        asked=[each for each in asked if not each.field.is_hook],
        hooks=hooks,
        is_open=any(each.problem or each.goes or each.field in form.dropped for each in hooks),
        lost=lost_with_the_address(form.dropped),
        kinds=[_kind(kind, seat.connector, form, problems) for kind in seat.connector.reads],
        problems={name: problems.get(name) for name in ("name", "title", "kinds")},
        first=next(iter(_in_order(problems, asked)), None),
        whole=problems.get(WHOLE),
        said=said,
        differs=_differs(seat.stored, form) if said == STALE and seat.stored else (),
        is_draft=is_draft,
        agrees=form.agrees_elsewhere or (seat.stored is not None and seat.stored.agrees_elsewhere),
        version=seat.stored.version if seat.stored else "",
    )


def _in_order(problems: Mapping[str, str], asked: list[Asked]) -> list[str]:
    order = ["name", "title", *(each.field.name for each in asked), "kinds"]
    return [name for name in order if name in problems]


def _asked(field: Field, form: Form, problems: Mapping[str, str], stored: Stored | None, moment: Any) -> Asked:  # noqa: ANN401  # writes an instant
    kept = ""
    is_stored = stored is not None and field.name in stored.set_at
    goes = field.name in form.written.given_up and (is_stored or field.name in form.typed)
    if field.how == "secret" and field.name in form.typed:
        kept = "Entered, not saved yet. Leave it empty to keep it."
    elif field in form.dropped:
        kept = AGAIN
    elif field.how == "secret" and stored and is_stored and (goes or field.name in form.secrets):
        at = stored.set_at[field.name]
        kept = f"Set {moment(at)}." if at else "Set."
        kept += "" if goes else " Leave it empty to keep it."
    may_go = field.away is not None and (goes or field.name in form.secrets)
    value = "" if field.how == "secret" else form.written.values.get(field.name, "")
    return Asked(field=field, value=value, problem=problems.get(field.name), kept=kept, may_go=may_go, goes=goes)


def _kind(kind: Kind, connector: Connector[Any], form: Form, problems: Mapping[str, str]) -> AskedKind:
    return AskedKind(
        name=kind,
        word=KIND_WORDS[kind],
        given=kind in form.written.kinds,
        promise=form.written.promises.get(kind, ""),
        usual=usual_promise(connector, kind),
        problem=problems.get(f"promise-{kind}"),
    )


def _differs(stored: Stored, form: Form) -> tuple[tuple[str, str], ...]:
    """Name what is there now and is not in the form."""
    now, mine = stored.written, form.written
    titles = {field.name: field.title for field in fields_of(stored.connector.config)}
    found = [("Name that customers see", now.title)] if now.title != mine.title else []
    found += [(titles[name], value) for name, value in now.values.items() if value != mine.values.get(name)]
    found += [("What it gives", ", ".join(now.kinds))] if now.kinds != mine.kinds else []
    return tuple(found)


async def _fields(request: Request[StaffPrincipal, Any, Any]) -> dict[str, list[str]]:
    body = (await request.body()).decode("utf-8", "replace")
    try:
        return parse_qs(body, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise ClientException from error


def consenting_of(request: Request[StaffPrincipal, Any, Any]) -> Consenting:
    return Consenting(_connecting(request), request.app.state.base_url)


def _connecting(request: Request[StaffPrincipal, Any, Any]) -> Connecting:
    connecting: Connecting = request.app.state.connecting
    return connecting
