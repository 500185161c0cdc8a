"""Two accounts that turn out to be one customer: found, laid side by side, decided about, and made one."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, Parameter

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import StaffPrincipal
from auth.sessions import Sessions
from gateway.customers import customers_of
from gateway.dossiers import Dossier, dossier_of
from gateway.grants import Stale
from gateway.holdings import Holding, holdings_of
from gateway.links import LinkError
from gateway.moves.merging import merge
from gateway.moves.planning import Decided, Keep, Plan, plan_merge, undecided
from gateway.moves.state import Moved, MoveError, Thing
from gateway.rights import AREAS
from web.caller import by_staff
from web.console.account import ACCOUNT, KIND_NAMES
from web.console.customers import CUSTOMERS
from web.console.desk import CHANGED, desk
from web.console.finding import Search, plain
from web.redirects import see_other
from web.words import count

MERGE = f"{ACCOUNT}/merge"
NAMED = 12  # people in one sentence
BUDGET = 0.8  # seconds that the page waits for counts nobody asked for yet
KEEPS: Mapping[str, Keep] = {"both": "both", "into": "into", "gone": "gone"}
THINGS: Mapping[Thing, tuple[str, str]] = {
    "documents": ("document that they were asked for", "documents that they were asked for"),
    "sent": ("thing that they sent", "things that they sent"),
    "mails": ("mail to them", "mails to them"),
    "pages": ("page that they were shown", "pages that they were shown"),
}
AccountId = Annotated[str, Parameter(max_length=63)]


@get(MERGE, opt=for_staff("admin"))
async def show_merge(
    request: Request[StaffPrincipal, Any, Any], account: FromPath[str], q: Search = "", into: AccountId = ""
) -> Response[str]:
    """Find the account that stays, or say what would become of both."""
    dossier = await there(request, account)
    if not into:
        return await _search(request, dossier, q)
    try:
        plan = await plan_merge(request.app.state.database, account, into)
    except MoveError as error:
        return await _search(request, dossier, q, problem=sentence(error))
    return await _page(request, plan, {})


@post(MERGE, opt=for_staff("admin"), status_code=200)
async def do_merge(request: Request[StaffPrincipal, Any, Any], account: FromPath[str]) -> Response[str]:
    """Merge, if nothing has changed since the page was made that asks."""
    state = request.app.state
    dossier = await there(request, account)
    form = await request.form()
    written = {name: value for name, value in form.items() if isinstance(value, str)}
    into, reason = written.get("into", ""), " ".join(written.get("reason", "").split())
    decided = Decided(
        numbers={
            name.removeprefix("numbers."): KEEPS[value]
            for name, value in written.items()
            if name.startswith("numbers.") and value in KEEPS
        },
        rights=KEEPS.get(written.get("rights", "")),
    )
    try:
        plan = await plan_merge(state.database, account, into)
        if plan.seen != written.get("seen"):
            raise Stale  # noqa: TRY301  # as a moment later
        if problem := _problem(plan, decided, reason):
            return await _page(request, plan, written, problem=problem, status_code=422)
        done = await merge(
            state.database,
            trail=state.trail,
            by=by_staff(request),
            gone=account,
            into=into,
            decided=decided,
            reason=reason,
            now=utc_now(),
            seen=plan.seen,
        )
    except Stale:
        return await _anew(request, dossier, into, written)
    except MoveError as error:
        return await _search(request, dossier, "", problem=sentence(error), status_code=409)
    await forget_copies(request, done)
    return see_other(f"{CUSTOMERS}/{into}?done=merged#moves")


async def there(request: Request[StaffPrincipal, Any, Any], account: str) -> Dossier:
    """Raises `NotFoundException` where there is no such account."""
    dossier = await dossier_of(request.app.state.database, account, utc_now())
    if dossier is None:
        raise NotFoundException
    return dossier


async def forget_copies(request: Request[StaffPrincipal, Any, Any], done: Moved) -> None:
    """Let the next pages of all whom it concerns go by the rows."""
    sessions: Sessions = request.app.state.sessions
    await sessions.forget_copies([*done.switched, *done.looking])
    await request.app.state.standings.forget(done.sessions)


def sentence(error: LinkError) -> str:
    return f"{str(error)[:1].upper()}{str(error)[1:]}."


def names_of(called: Sequence[str]) -> str:
    """Name people, as many as fit into one sentence."""
    named = ", ".join(called[:NAMED])
    return f"{named} and {len(called) - NAMED} more" if len(called) > NAMED else named


def _problem(plan: Plan, decided: Decided, reason: str) -> str | None:
    if undecided(plan, decided):
        return "Decide what counts where the two do not agree."
    if not reason or not reason.isprintable() or len(reason) > 255:  # noqa: PLR2004  # as the trail has it
        return "Say why, in 255 characters at most. It is kept with your name."
    return None


async def _anew(
    request: Request[StaffPrincipal, Any, Any], dossier: Dossier, into: str, written: Mapping[str, str]
) -> Response[str]:
    """Ask once more, by what there is now."""
    try:
        plan = await plan_merge(request.app.state.database, dossier.id, into)
    except MoveError as error:
        return await _search(request, dossier, "", problem=sentence(error), status_code=409)
    return await _page(request, plan, written, problem=CHANGED, status_code=409)


async def _search(
    request: Request[StaffPrincipal, Any, Any],
    dossier: Dossier,
    q: str,
    *,
    problem: str | None = None,
    status_code: int = 200,
) -> Response[str]:
    question = plain(q)
    found = (await customers_of(request.app.state.database, question, 1)).found if question else ()
    return desk(
        request,
        "staff_merge_find.html",
        area="customers",
        status_code=409 if problem and status_code == 200 else status_code,  # noqa: PLR2004
        account=dossier,
        question=question,
        found=[each for each in found if each.id != dossier.id and each.merged_into is None],
        problem=problem,
        base=f"{CUSTOMERS}/{dossier.id}",
    )


async def _page(
    request: Request[StaffPrincipal, Any, Any],
    plan: Plan,
    written: Mapping[str, str],
    *,
    problem: str | None = None,
    status_code: int = 200,
) -> Response[str]:
    state = request.app.state
    held = {
        side.id: await holdings_of(state.database, state.account_views, side.id, budget=BUDGET)
        for side in (plan.gone, plan.into)
    }
    return desk(
        request,
        "staff_merge.html",
        area="customers",
        status_code=status_code,
        plan=plan,
        sides=(plan.gone, plan.into),
        effects=_effects(plan, held),
        written=written,
        problem=problem,
        is_stale=status_code == 409,  # noqa: PLR2004
        base=f"{CUSTOMERS}/{plan.gone.id}",
    )


def _effects(plan: Plan, held: Mapping[str, Sequence[Holding]]) -> list[str]:
    gone, into = plan.gone, plan.into
    people = [each for each in gone.people if not into.has(each.id)]
    told = [f"{gone.name} ends. Its id {gone.id} leads to {into.name} from then on."]
    if gone.links:
        told.append(f"{count(len(gone.links), 'link goes', 'links go')} over, but for numbers that you decide against.")
    if people:
        many = count(len(people), "person acts", "people act")
        told.append(f"{many} for {into.name} instead, from their next page on: {names_of([p.called for p in people])}.")
    if plan.both:
        named = names_of([each.person.called for each in plan.both])
        told.append(f"{count(len(plan.both), 'person acts', 'people act')} for both already: {named}.")
    told += _reach(plan, held)
    if invited := gone.held["invitations"] - len(plan.twice):
        told.append(f"{count(invited, 'open invitation is', 'open invitations are')} for {into.name} then.")
    if plan.twice:
        many = count(len(plan.twice), "open invitation is", "open invitations are")
        told.append(f"{many} withdrawn, because the address is invited to {into.name} too.")
    for thing, words in THINGS.items():
        if gone.held[thing]:
            told.append(f"{count(gone.held[thing], *words)} {'goes' if gone.held[thing] == 1 else 'go'} over.")
    if plan.alike:
        told.append(f"The same address has two logins, which both stay: {names_of(plan.alike)}.")
    return told


def _reach(plan: Plan, held: Mapping[str, Sequence[Holding]]) -> list[str]:
    """Say who sees then what they do not see now."""
    told = []
    acting = {each.person.id for each in plan.both}
    for side, other in ((plan.gone, plan.into), (plan.into, plan.gone)):
        readers = [
            each.called
            for each in side.people
            if each.id not in acting and any(each.rights.reach(area) == "company" for area in AREAS)
        ]
        if readers and other.links:
            seen = f"Who sees all of the company’s in {side.name} sees that of {other.name} too"
            told.append(f"{seen}, {amounts_of(held[other.id])}: {names_of(readers)}.")
    return told


def amounts_of(held: Sequence[Holding]) -> str:
    """Sum up what the sources have, over all of them."""
    known = [each for each in held if each.fetched_at]
    many = {kind: sum(each.records for each in known if each.kind == kind) for kind in KIND_NAMES}
    words = [count(many[kind], name[:-1].lower(), name.lower()) for kind, name in KIND_NAMES.items()]
    some = f"{', '.join(words[:-1])} and {words[-1]}"
    if not all(each.whole for each in known):
        some += ", and older ones"
    return some if len(known) == len(held) else f"{some}, and what could not be counted just now"


ROUTES = [show_merge, do_merge]
