"""What happened to something that a customer sent, one step after the other: tries, corrections, decisions of staff.

That a customer wrote it is in its own row. What a customer did bears no name here.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.outbox.states import State
from gateway.records.database import Database
from gateway.records.ids import new_id
from gateway.records.lines import By
from gateway.records.mail_tables import MailRow
from gateway.records.outbox_tables import OutboxRow, OutboxStep
from gateway.records.tables import Staff

Act = Literal["corrected", "taken_back", "claimed", "released", "handed_over", "sent_again", "settled", "given_up"]
Happening = State | Act  # a state is what a try has come to
MOST = 200  # steps, the latest
LONGEST_DETAIL = 2000
BATCH = 500  # ids in one question
READ_BY_CUSTOMERS: Final[frozenset[Act]] = frozenset({"settled", "given_up"})  # whose detail is on their page, too


class Step(Struct, frozen=True, kw_only=True):
    """`who` did it, for staff to read: a colleague's name, or as the audit trail has it. None: customer, or Hallway."""

    what: Happening
    at: datetime
    who: str | None
    given_to: str | None
    detail: str | None


class MailTold(Struct, frozen=True, kw_only=True):
    """A mail about the record that came of it."""

    id: str
    name: str
    state: str
    at: datetime


class Story(Struct, frozen=True):
    """What happened, in the order in which it did."""

    steps: tuple[Step, ...]
    mails: tuple[MailTold, ...]


def step(
    row_id: str,
    what: Happening,
    at: datetime,
    *,
    by: By | None = None,
    given_to: str | None = None,
    detail: str | None = None,
) -> OutboxStep:
    """Make a row, to be written in the transaction of what it tells."""
    who = by.who if by and not by.who.startswith("member/") else None
    told = detail[:LONGEST_DETAIL] if detail else None
    return OutboxStep(id=new_id(), outbox_id=row_id, at=at, what=what, who=who, given_to=given_to, detail=told)


async def story_of(db: Database, reference: str) -> Story:
    """Raises `DatabaseDown`."""
    async with db.read() as session:
        row = await session.scalar(sa.select(OutboxRow).where(OutboxRow.reference == reference.upper()))
        return await read_story(session, row) if row else Story((), ())


async def read_story(session: AsyncSession, row: OutboxRow) -> Story:
    """Read it in a transaction that does more."""
    latest = sa.select(OutboxStep).where(OutboxStep.outbox_id == row.id).order_by(OutboxStep.id.desc()).limit(MOST)
    rows = sorted(await session.scalars(latest), key=lambda each: (each.at, each.id))
    called = await called_of(session, {each for row in rows for each in (row.who, row.given_to) if each})
    mails: list[MailTold] = []
    if row.record:
        its = (MailRow.account_id == row.account_id, MailRow.source == row.source, MailRow.record == row.record)
        about = sa.select(MailRow).where(*its).order_by(MailRow.id.desc()).limit(MOST)
        mails = [_mail(each) for each in await session.scalars(about)]
    return Story(tuple(_step(each, called) for each in rows), tuple(reversed(mails)))


async def steps_of(db: Database, ids: Sequence[str]) -> dict[str, list[dict[str, object]]]:
    """Give by its id what happened to each of these, for whoever sent it: without who of staff did it.

    What a try came to and what staff write to one another is not for them. Raises `DatabaseDown`.
    """
    found: dict[str, list[dict[str, object]]] = {}
    columns = sa.select(OutboxStep.outbox_id, OutboxStep.at, OutboxStep.what, OutboxStep.detail)
    async with db.read() as session:
        for begin in range(0, len(ids), BATCH):
            these = columns.where(OutboxStep.outbox_id.in_(ids[begin : begin + BATCH]))
            for id_, at, what, detail in await session.execute(these.order_by(OutboxStep.at, OutboxStep.id)):
                told = detail if what in READ_BY_CUSTOMERS else None
                found.setdefault(id_, []).append({"at": at, "what": what, "detail": told})
    return found


async def called_of(session: AsyncSession, who: set[str]) -> dict[str, str]:
    """Say what staff are called who are named as the audit trail does."""
    ids = [each.partition("/")[2] for each in who if each.startswith("staff/")]
    staff = (await session.scalars(sa.select(Staff).where(Staff.id.in_(ids)))).all() if ids else []
    return {f"staff/{each.id}": each.name or each.subject for each in staff}


def _step(row: OutboxStep, called: dict[str, str]) -> Step:
    what: Happening = row.what  # type: ignore[assignment]  # as it was written
    who = called.get(row.who, row.who) if row.who else None
    given_to = called.get(row.given_to, row.given_to) if row.given_to else None
    return Step(what=what, at=row.at, who=who, given_to=given_to, detail=row.detail)


def _mail(row: MailRow) -> MailTold:
    return MailTold(id=row.id, name=row.names.partition(",")[0], state=row.state, at=row.made_at)
