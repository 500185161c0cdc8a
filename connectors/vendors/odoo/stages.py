"""The stages of a ticket: to solve it, and to open it again, is to bring it to another one."""

from msgspec import field

from connectors.actions import Action, Done, Move, looking
from connectors.errors import NotAllowed
from connectors.vendors.odoo.models import Row, search
from connectors.vendors.odoo.rpc import Odoo, execute_once
from connectors.vendors.odoo.settings import OdooConfig
from connectors.vendors.odoo.tickets import MODEL, TicketRow, find_own, state_of
from connectors.vendors.odoo.values import Ref, Text, given, key

STAGE = "helpdesk.ticket.stage"
USUAL = {True: "Done", False: "In Progress"}  # as the app ships them


class StageRow(Row):
    name: str
    closed: bool
    company_id: Ref = False
    team_ids: list[int] = field(default_factory=list)  # none: it is for every team


class MovableRow(TicketRow):
    company_id: Ref
    team_id: Ref = False


async def solve(office: Odoo, asked: Move) -> Done:
    return await _move(office, asked, is_solved=True)


async def reopen(office: Odoo, asked: Move) -> Done:
    return await _move(office, asked, is_solved=False)


async def _move(office: Odoo, asked: Move, *, is_solved: bool) -> Done:
    """Bring it to another stage, unless it is in one to the same effect."""
    with looking():
        ticket = await find_own(office, MovableRow, asked.ticket, asked.customer)
    if (state_of(ticket) == "solved") is not is_solved:
        await put(office, ticket, closed=is_solved)
    return done_with(ticket.id, ticket.number)


async def put(office: Odoo, ticket: MovableRow, *, closed: bool) -> None:
    with looking():
        stage = await _stage_for(office, ticket, closed=closed)
    await execute_once(office, bool, MODEL, "write", [ticket.id], {"stage_id": stage})


def done_with(ticket: int, number: Text) -> Done:
    return Done(record=str(ticket), number=given(number) or str(ticket))


async def _stage_for(office: Odoo, ticket: MovableRow, *, closed: bool) -> int:
    """Choose a stage: the usual one if it is there, else the first of theirs. Raises `NotAllowed` for none."""
    stages = await search(office, StageRow, STAGE, [("closed", "=", closed)], order="sequence, id")
    able = [stage for stage in stages if _takes(stage, ticket)]
    chosen = next((stage for stage in able if stage.name == USUAL[closed]), next(iter(able), None))
    if chosen is None:
        raise NotAllowed(f"Odoo {STAGE}: no stage for this ticket that is {'' if closed else 'not '}marked as closed")
    return chosen.id


def _takes(stage: StageRow, ticket: MovableRow) -> bool:
    is_theirs = not key(stage.company_id) or key(stage.company_id) == key(ticket.company_id)
    return is_theirs and (not stage.team_ids or key(ticket.team_id) in stage.team_ids)


to_solve: Action[OdooConfig, Move] = Action(do=solve, same_twice=True)
to_reopen: Action[OdooConfig, Move] = Action(do=reopen, same_twice=True)
