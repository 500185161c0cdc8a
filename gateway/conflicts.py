"""The queue of what sources do not agree on, and how often they do. It follows the sources; staff look, or ignore."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.agreement.facts import Compared, Kind
from gateway.audit import Trail
from gateway.records.agreement_tables import AgreementRow, ConflictRow
from gateway.records.database import Database
from gateway.records.ids import new_id
from gateway.records.lines import By, Line, What
from gateway.records.signposts import present
from gateway.records.tables import Member
from gateway.records.upsert import insert

State = Literal["open", "settled", "ignored"]
RULE, AGREED = "a rule", "the sources"  # who settles a conflict
KEPT_FOR = timedelta(days=30)  # after the sources agree again
LONGEST = 255  # characters of a number, as the column has it

Sources = tuple[str, str]  # two of them, in the order of their names
Key = tuple[str, str, str, str, str]  # kind, number, field, sources


class ConflictError(Exception):
    """A conflict that is not there, or not in a state to be changed. The text says what to do."""


class Thing(Struct, frozen=True, kw_only=True):
    """What two sources said of one thing. `winners` are the sources that count, by field, where a rule says so."""

    kind: Kind
    number: str
    sources: Sources
    ids: tuple[str, str]
    compared: tuple[Compared, ...]
    winners: Mapping[str, str] = {}
    member: str | None = None

    def key(self, field: str) -> Key:
        return self.kind, self.number[:LONGEST], field, *self.sources


class Look(Struct, frozen=True, kw_only=True):
    """One account, looked at. `linked` are its sources.

    `whole` names the kinds and sources of which all was compared, so that a conflict that is not among `things` is
    none any more; `partly` those of which only a part was.
    """

    account: str
    linked: frozenset[str]
    things: tuple[Thing, ...]
    whole: frozenset[tuple[Kind, Sources]]
    partly: frozenset[tuple[Kind, Sources]] = frozenset()


class Conflict(Struct, frozen=True, kw_only=True):
    """One row, as people read it. `about` is a number, or a person's name; `counts` the source that a rule names."""

    id: str
    account: str
    kind: str
    about: str
    field: str
    sources: Sources
    ids: tuple[str, str]
    values: tuple[str, str]
    state: str
    first_seen: datetime
    last_seen: datetime
    decided_by: str | None


class Rate(Struct, frozen=True, kw_only=True):
    """How often two sources say the same of one fact, over all accounts."""

    kind: str
    field: str
    sources: Sources
    agreed: int
    differing: int

    @property
    def share(self) -> float:
        """From 0 to 1, of what was compared."""
        return self.agreed / (self.agreed + self.differing)


async def note(db: Database, looks: Sequence[Look], now: datetime) -> None:
    """Bring the queue and the figures up to what was seen. Raises `DatabaseDown`."""
    known = await _known(db, [look.account for look in looks])
    telling = [look for look in looks if look.account in known or look.whole or look.partly]
    if not telling:
        return
    async with db.write() as session:
        for look in sorted(telling, key=lambda each: each.account):  # in one order: no two wait for each other
            await _note(session, look, now)


def is_past(now: datetime) -> sa.ColumnElement[bool]:
    """Find what the sources agreed on again so long ago that the next clean-up takes it."""
    return sa.and_(ConflictRow.decided_by == AGREED, ConflictRow.decided_at < now - KEPT_FOR)


async def conflicts(db: Database, state: State = "open", account: str | None = None) -> tuple[Conflict, ...]:
    """List the conflicts, the oldest first. Raises `DatabaseDown`."""
    where = [ConflictRow.state == state, *([ConflictRow.account_id == account] if account else [])]
    async with db.read() as session:
        return await read_conflicts(session, *where)


async def count_conflicts(db: Database) -> int:
    """Count those that are open. Raises `DatabaseDown`."""
    async with db.read() as session:
        return await session.scalar(sa.select(sa.func.count()).where(ConflictRow.state == "open")) or 0


async def conflict(db: Database, id_: str) -> Conflict:
    """Raises `ConflictError` where there is none, and `DatabaseDown`."""
    async with db.read() as session:
        found = await read_conflicts(session, ConflictRow.id == id_)
    if not found:
        raise ConflictError("there is no such conflict: `hallway conflicts list` has them all")
    return found[0]


async def ignore(db: Database, *, trail: Trail, by: By, id_: str, decided_by: str, now: datetime) -> None:
    """Say that a difference is none. It comes back when one of the two values changes. Raises `ConflictError`."""
    async with db.write() as session:
        row = await _find(session, id_, "open")
        row.state, row.decided_by, row.decided_at = "ignored", decided_by, now
        await trail.record(session, _line("conflict.ignored", by, row))


async def reopen(db: Database, *, trail: Trail, by: By, id_: str) -> None:
    """Take an `ignore` back. Raises `ConflictError`."""
    async with db.write() as session:
        row = await _find(session, id_, "ignored")
        row.state, row.decided_by, row.decided_at = "open", None, None
        await trail.record(session, _line("conflict.reopened", by, row))


async def rates(db: Database) -> tuple[Rate, ...]:
    """Say how often each two sources agree, by fact. Raises `DatabaseDown`."""
    named = (AgreementRow.kind, AgreementRow.field, AgreementRow.first_source, AgreementRow.second_source)
    sums = (sa.func.sum(AgreementRow.agreed), sa.func.sum(AgreementRow.differing))
    async with db.read() as session:
        rows = (await session.execute(sa.select(*named, *sums).group_by(*named).order_by(*named))).all()
    return tuple(
        Rate(kind=kind, field=field, sources=(one, other), agreed=int(agreed), differing=int(differing))
        for kind, field, one, other, agreed, differing in rows
        if agreed + differing
    )


async def accounts_in_conflict(db: Database) -> tuple[str, ...]:
    """Name the accounts of which something is open or ignored. Raises `DatabaseDown`."""
    live = sa.select(ConflictRow.account_id).where(ConflictRow.state != "settled").distinct()
    async with db.read() as session:
        return tuple(await session.scalars(live.order_by(ConflictRow.account_id)))


async def _known(db: Database, accounts: Sequence[str]) -> set[str]:
    """Say of which accounts there is anything at all: most have but one source of each kind."""
    tables = (ConflictRow.account_id, AgreementRow.account_id)
    async with db.read() as session:
        found = [await session.scalars(sa.select(column).where(column.in_(accounts)).distinct()) for column in tables]
    return {account for each in found for account in each}


async def _note(session: AsyncSession, look: Look, now: datetime) -> None:
    if await present(session, look.account) != look.account:
        return  # it was merged into another one, which is looked at anew
    its = sa.select(ConflictRow).where(ConflictRow.account_id == look.account)
    known = {_key(row): row for row in await session.scalars(its.order_by(ConflictRow.id).with_for_update())}
    seen = {thing.key(each.field): (thing, each) for thing in look.things for each in thing.compared}
    for key, (thing, each) in sorted(seen.items()):
        if not each.agrees:
            row = known.get(key) or await _put(session, look.account, thing, each, now)
            _renew(row, thing, each, now)
    for key, row in known.items():
        if not {row.first_source, row.second_source} <= look.linked:
            await session.delete(row)
        elif row.decided_by != AGREED and _is_over(look, row, seen.get(key)):
            row.state, row.decided_by, row.decided_at = "settled", AGREED, now
    await _count(session, look, now)


def _is_over(look: Look, row: ConflictRow, seen: tuple[Thing, Compared] | None) -> bool:
    if seen:
        return seen[1].agrees
    return (row.kind, (row.first_source, row.second_source)) in look.whole


async def _put(session: AsyncSession, account: str, thing: Thing, each: Compared, now: datetime) -> ConflictRow:
    """Put a conflict into the queue. Another process may have, at this very moment."""
    kind, number, field, one, other = thing.key(each.field)
    place = {"account_id": account, "kind": kind, "number": number, "field": field}
    place |= {"first_source": one, "second_source": other}
    values = {"first_value": each.values[0], "second_value": each.values[1]}
    ids = {"first_id": thing.ids[0], "second_id": thing.ids[1]}
    new = insert(session, ConflictRow).values(
        id=new_id(), member_id=thing.member, state="open", first_seen=now, last_seen=now, **place, **values, **ids
    )
    await session.execute(new.on_conflict_do_nothing())
    return (await session.scalars(sa.select(ConflictRow).filter_by(**place).with_for_update())).one()


def _renew(row: ConflictRow, thing: Thing, each: Compared, now: datetime) -> None:
    """Write down what both say. What was ignored stays so while they say the same as then."""
    is_same = (row.first_value, row.second_value) == each.values
    if row.decided_by == AGREED or (row.state == "ignored" and not is_same):
        row.first_seen = now
    state, decided_by = ("settled", RULE) if each.field in thing.winners else ("open", None)
    if not (row.state == "ignored" and is_same) and (row.state, row.decided_by) != (state, decided_by):
        row.state, row.decided_by, row.decided_at = state, decided_by, now if decided_by else None
    (row.first_id, row.second_id), (row.first_value, row.second_value) = thing.ids, each.values
    row.last_seen = now


async def _count(session: AsyncSession, look: Look, now: datetime) -> None:
    agreed, differing = Counter[tuple[str, str, Sources]](), Counter[tuple[str, str, Sources]]()
    for thing in look.things:
        for each in thing.compared:
            (agreed if each.agrees else differing)[thing.kind, each.field, thing.sources] += 1
    for row in await session.scalars(sa.select(AgreementRow).where(AgreementRow.account_id == look.account)):
        sources = (row.first_source, row.second_source)
        if not set(sources) <= look.linked or (row.kind, sources) in look.whole | look.partly:
            await session.delete(row)
    await session.flush()
    for kind, field, (one, other) in sorted(agreed.keys() | differing.keys()):
        place = {"account_id": look.account, "kind": kind, "field": field, "first_source": one, "second_source": other}
        figures = {
            "agreed": agreed[kind, field, (one, other)],
            "differing": differing[kind, field, (one, other)],
            "compared_at": now,
        }
        new = insert(session, AgreementRow).values(**place, **figures)
        await session.execute(new.on_conflict_do_update(index_elements=list(place), set_=figures))


async def _find(session: AsyncSession, id_: str, state: State) -> ConflictRow:
    row = await session.scalar(sa.select(ConflictRow).where(ConflictRow.id == id_).with_for_update())
    if row is None or row.state != state:
        raise ConflictError(f"there is no such conflict that is {state}: `hallway conflicts list` has them all")
    return row


def _key(row: ConflictRow) -> Key:
    return row.kind, row.number, row.field, row.first_source, row.second_source


def _line(what: What, by: By, row: ConflictRow) -> Line:
    """Say for ever which fact it was, and its number and values for as long as there is the key of whose they are."""
    owner = f"member/{row.member_id}" if row.member_id else f"account/{row.account_id}"
    sources = [row.first_source, row.second_source]
    return Line(
        what=what,
        by=by,
        about=owner,
        account=row.account_id,
        details={"fact": f"{row.kind}.{row.field}", "sources": sources},
        personal={"number": row.number, "values": [row.first_value, row.second_value]},
        owner=owner,
    )


async def read_conflicts(session: AsyncSession, *where: sa.ColumnElement[bool]) -> tuple[Conflict, ...]:
    """Read those that fit, the oldest first."""
    rows = (
        sa.select(ConflictRow, Member)
        .outerjoin(Member, Member.id == ConflictRow.member_id)
        .where(*where)
        .order_by(ConflictRow.first_seen, ConflictRow.id)
    )
    return tuple(
        Conflict(
            id=row.id,
            account=row.account_id,
            kind=row.kind,
            about=member.called if row.member_id else row.number,
            field=row.field,
            sources=(row.first_source, row.second_source),
            ids=(row.first_id, row.second_id),
            values=(row.first_value, row.second_value),
            state=row.state,
            first_seen=row.first_seen,
            last_seen=row.last_seen,
            decided_by=row.decided_by,
        )
        for row, member in await session.execute(rows)
    )
