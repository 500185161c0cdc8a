"""One account that turns out to be two customers, or a merge that was a slip: chosen, confirmed, and parted."""

from collections.abc import Sequence
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.params import FromPath, Parameter
from msgspec import Struct

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.access import LinkRef
from gateway.grants import Stale
from gateway.links import LinkError
from gateway.moves.splitting import Parting, Wanted, check_wanted, plan_split, split
from gateway.moves.state import MoveError
from web.caller import by_staff
from web.console.account import ACCOUNT, account_page
from web.console.customers import CUSTOMERS
from web.console.desk import CHANGED, desk
from web.console.merging import forget_copies, names_of, sentence, there
from web.redirects import see_other
from web.words import count

SPLIT = f"{ACCOUNT}/split"
BETWEEN = "="  # a source, whose name holds none, and a customer's id
AccountId = Annotated[str, Parameter(max_length=63)]


class Chosen(Struct, frozen=True, kw_only=True):
    """What a form says. `sure`: the page that asks was answered."""

    to: str = ""
    name: str = ""
    reason: str = ""
    links: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    seen: str = ""
    sure: bool = False

    def wanted(self) -> Wanted:
        refs = [each.partition(BETWEEN) for each in self.links]
        return Wanted(
            to=self.to,
            name=self.name,
            links=frozenset(LinkRef(source, customer) for source, _, customer in refs),
            people=frozenset(self.people),
        )


@get(SPLIT, opt=for_staff("admin"))
async def show_split(
    request: Request[StaffPrincipal, Any, Any], account: FromPath[str], to: AccountId = ""
) -> Response[str]:
    """Show what there is to part. `to` is an account that was merged into it: then what came with that is chosen."""
    await there(request, account)
    try:
        plan = await plan_split(request.app.state.database, account, to)
    except MoveError as error:
        return await account_page(request, account, status_code=409, problem=sentence(error), at="moves")
    links = tuple(f"{ref.source}{BETWEEN}{ref.customer}" for ref in plan.links)
    return _page(request, plan, Chosen(to=to, links=links, people=plan.people, seen=plan.seen))


@post(SPLIT, opt=for_staff("admin"), status_code=200)
async def do_split(request: Request[StaffPrincipal, Any, Any], account: FromPath[str]) -> Response[str]:
    """Say what will happen; then part them, if nothing has changed since."""
    await there(request, account)
    chosen = await _chosen(request)
    try:
        return await _part(request, account, chosen)
    except MoveError as error:  # it was merged meanwhile
        return await account_page(request, account, status_code=409, problem=sentence(error), at="moves")


async def _part(request: Request[StaffPrincipal, Any, Any], account: str, chosen: Chosen) -> Response[str]:
    """Raises `MoveError` where there is nothing to part any more."""
    state = request.app.state
    try:
        plan = await plan_split(state.database, account, chosen.to)
        if chosen.seen != plan.seen:
            raise Stale  # noqa: TRY301  # as a moment later
        if problem := _problem(plan, chosen):
            return _page(request, plan, chosen, problem=problem, status_code=422)
        if not chosen.sure:
            return _page(request, plan, chosen, is_asking=True)
        done = await split(
            state.database,
            trail=state.trail,
            by=by_staff(request),
            of=account,
            wanted=chosen.wanted(),
            reason=chosen.reason,
            now=utc_now(),
            seen=plan.seen,
        )
    except Stale:
        plan = await plan_split(state.database, account, chosen.to)
        return _page(request, plan, chosen, problem=CHANGED, status_code=409)
    except LinkError as error:
        plan = await plan_split(state.database, account, "")
        return _page(request, plan, chosen, problem=sentence(error), status_code=422)
    await forget_copies(request, done)
    return see_other(f"{CUSTOMERS}/{done.account}?done=split#moves")


async def _chosen(request: Request[StaffPrincipal, Any, Any]) -> Chosen:
    form = await request.form()

    def text(name: str) -> str:
        value = form.get(name, "")
        return " ".join(value.split()) if isinstance(value, str) else ""

    def texts(name: str) -> tuple[str, ...]:
        return tuple(each for each in form.getall(name, []) if isinstance(each, str))

    return Chosen(
        to=text("to"),
        name=text("name"),
        reason=text("reason"),
        links=texts("link"),
        people=texts("person"),
        seen=text("seen"),
        sure=bool(text("sure")),
    )


def _problem(plan: Parting, chosen: Chosen) -> str | None:
    try:
        check_wanted(plan, chosen.wanted())
    except LinkError as error:
        return sentence(error)
    if not chosen.reason.isprintable() or not 0 < len(chosen.reason) < 256:  # noqa: PLR2004  # as the trail has it
        return "Say why, in 255 characters at most. It is kept with your name."
    return None


def _page(
    request: Request[StaffPrincipal, Any, Any],
    plan: Parting,
    chosen: Chosen,
    *,
    problem: str | None = None,
    is_asking: bool = False,
    status_code: int = 200,
) -> Response[str]:
    return desk(
        request,
        "staff_split.html",
        area="customers",
        status_code=status_code,
        plan=plan,
        chosen=chosen,
        seen=plan.seen,
        links=[(f"{tie.source}{BETWEEN}{tie.customer}", tie.title, tie.customer) for tie in plan.of.links],
        problem=problem,
        is_stale=status_code == 409,  # noqa: PLR2004
        effects=_effects(plan, chosen) if is_asking else None,
        base=f"{CUSTOMERS}/{plan.of.id}",
    )


def _effects(plan: Parting, chosen: Chosen) -> list[str]:
    wanted, of = chosen.wanted(), plan.of
    name = plan.there.name if plan.there else wanted.name or wanted.to
    back = "is an account of its own again" if plan.there else "becomes a new account"
    told = [f"{name} ({wanted.to}) {back}."]
    titles = [f"{tie.title} {tie.customer}" for tie in of.links if tie.ref in wanted.links]
    if titles:
        told.append(f"{count(len(titles), 'link goes', 'links go')} there: {', '.join(titles)}.")
        told.append("What was sent about these goes along, also what has not gone out yet.")
    going = [each for each in of.people if each.id in wanted.people]
    leaving = [each.called for each in going if each.id not in plan.both]
    both = [each.called for each in going if each.id in plan.both]
    if leaving:
        named = names_of(leaving)
        told.append(f"{count(len(leaving), 'person acts', 'people act')} for {name} instead of {of.name}: {named}.")
        told.append(f"From their next page on they see {name} and nothing of {of.name}.")
    if both:
        named = names_of(both)
        told.append(f"{count(len(both), 'person acts', 'people act')} for both again, as before the merge: {named}.")
    if kept := [each.called for each in going if each.id in plan.kept]:
        whose = f"Changed since the merge: the rights of {names_of(kept)}"
        told.append(f"{whose}. They stay as they are in {of.name}, and are no wider in {name}.")
    staying = [each.called for each in of.people if each.id not in wanted.people or each.id in plan.both]
    if plan.there:
        told.append(f"Open invitations and documents that only {name} had before the merge are its own again.")
    else:
        told.append(f"Open invitations and documents that the company was asked for stay with {of.name}.")
    told += _stays(of.name, staying, len(of.links) - len(titles))
    return told


def _stays(name: str, people: Sequence[str], links: int) -> list[str]:
    told = []
    if not people:
        told.append(f"Nobody acts for {name} any more.")
    if not links:
        told.append(f"{name} is linked to nothing any more, so its people see nothing.")
    return told


ROUTES = [show_split, do_split]
