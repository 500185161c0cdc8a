"""Which segments accounts may be in, kept so that staff can count very many: by the draft, for nobody but staff.

What a customer sees is never read here: `gateway.sorting` decides it from the facts each time. A mark says by which
rules it was made; triggers note every account of which something changed, and `piece` makes its mark anew.
"""

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.piecemeal import PIECE
from gateway.records.status_tables import SegmentDue, SegmentMark, SegmentSorting
from gateway.records.tables import Account
from gateway.records.upsert import insert
from gateway.seeing.versions import POLICIES
from gateway.segments import EVERYBODY, TRUSTED, Facts, Policy
from gateway.sorting import read_facts

SPARE = timedelta(hours=2)  # a mark that lasts as long is not written again because it would last longer
LONGEST = 320  # letters of what an account is found by
ELSE = "-"  # stands for everybody else, as a number stands for a segment in its place


class Mark(Struct, frozen=True):
    """What is kept of one account."""

    held: str
    words: str
    until: datetime | None


class Code(Struct, frozen=True):
    """How marks are written by some rules. `key` is the same for the same rules in the same order."""

    key: str
    names: tuple[str, ...]

    def write(self, names: Collection[str]) -> str:
        """Write down the segments that an account may be in."""
        places = (ELSE if name == EVERYBODY else str(self.names.index(name)) for name in names)
        return f"{self.key}:{','.join(places)}"

    def read(self, held: str) -> tuple[str, ...]:
        places = held.partition(":")[2].split(",")
        return tuple(EVERYBODY if place == ELSE else self.names[int(place)] for place in places)

    @property
    def marks(self) -> sa.ColumnElement[bool]:
        """Choose the marks that were made by these rules."""
        return sa.and_(SegmentMark.held >= f"{self.key}:", SegmentMark.held < f"{self.key};")


def code_of(policy: Policy) -> Code:
    rules = [msgspec.to_builtins(each.rule) for each in policy.segments]
    key = hashlib.sha256(msgspec.json.encode(rules, order="deterministic")).hexdigest()[:16]
    return Code(key, tuple(each.name for each in policy.segments))


async def count_left(session: AsyncSession, policy: Policy, now: datetime, most: int) -> int:
    """Count the accounts whose mark is missing or may be wrong, of each kind `most` and one at the most."""
    code, state = code_of(policy), await session.get(SegmentSorting, 1)
    kinds: list[sa.Select[str]] = [sa.select(SegmentDue.account_id).distinct()]
    if not policy.segments:
        kinds.append(sa.select(SegmentMark.account_id))
    else:
        kinds.append(sa.select(SegmentMark.account_id).where(SegmentMark.until < now))
        upto = "" if state is None or state.rules != code.key else state.upto
        if upto is not None:
            walk = sa.select(Account.id).where(Account.id > upto)
            kinds = [*kinds, walk] if upto else [walk]  # from the beginning, all that is due is on the way
    counts = [sa.select(sa.func.count()).select_from(each.limit(most + 1).subquery()) for each in kinds]
    return sum([await session.scalar(each) or 0 for each in counts])


async def piece(session: AsyncSession, now: datetime, *, most: int = PIECE) -> bool:
    """Make some marks. False: there is nothing left to do, or somebody else is at it."""
    policy = await POLICIES.wanted_in(session)
    state = await _locked(session, code_of(policy).key)
    if state is None:
        return False
    if not policy.segments:
        return await _forget(session, state, most)
    noted = sa.select(SegmentDue.id, SegmentDue.account_id).order_by(SegmentDue.id).limit(most)
    rows = (await session.execute(noted)).all()
    due = {row.account_id for row in rows}
    stale = sa.select(SegmentMark.account_id).where(SegmentMark.until < now).order_by(SegmentMark.until)
    due |= set(await session.scalars(stale.limit(most - len(due))))
    walked: Sequence[str] = ()
    if state.upto is not None and (room := most - len(due)):
        walk = sa.select(Account.id).where(Account.id > state.upto).order_by(Account.id).limit(room)
        walked = (await session.scalars(walk)).all()
        state.upto = walked[-1] if len(walked) == room else None
    await _mark(session, policy, due.union(walked), now)
    await session.execute(sa.delete(SegmentDue).where(SegmentDue.id.in_([row.id for row in rows])))
    return state.upto is not None or len(rows) == most or len(due) + len(walked) >= most


async def _locked(session: AsyncSession, rules: str) -> SegmentSorting | None:
    """Keep all others from sorting. By other rules than the last time, all accounts are to be sorted again."""
    first = insert(session, SegmentSorting).values(id=1, rules=rules, upto="")
    await session.execute(first.on_conflict_do_nothing())
    row = sa.select(SegmentSorting).where(SegmentSorting.id == 1).with_for_update(skip_locked=True)
    state = await session.scalar(row)
    if state is not None and (state.rules != rules or state.upto == ""):
        state.rules, state.upto = rules, ""
        await session.execute(sa.delete(SegmentDue))  # all are walked through from here on
    return state


async def _forget(session: AsyncSession, state: SegmentSorting, most: int) -> bool:
    """Take away what is kept while there are no segments."""
    state.upto = None
    gone = 0
    for table, key in ((SegmentDue, SegmentDue.id), (SegmentMark, SegmentMark.account_id)):
        some = (await session.scalars(sa.select(key).limit(most))).all()
        await session.execute(sa.delete(table).where(key.in_(some)))
        gone = max(gone, len(some))
    return gone == most


async def _mark(session: AsyncSession, policy: Policy, accounts: Collection[str], now: datetime) -> None:
    theirs = sa.select(Account.id, Account.words, Account.name).where(
        Account.id.in_(accounts), Account.merged_into.is_(None)
    )
    words = {row.id: (row.words or row.name)[:LONGEST] for row in await session.execute(theirs)}
    kept_rows = sa.select(SegmentMark.account_id, SegmentMark.held, SegmentMark.words, SegmentMark.until)
    rows = await session.execute(kept_rows.where(SegmentMark.account_id.in_(accounts)))
    kept = {row.account_id: Mark(row.held, row.words, row.until) for row in rows}
    facts = await read_facts(session, tuple(words), policy.asked)
    code = code_of(policy)
    new = {
        account: Mark(code.write(policy.names_for(its, now)), words[account], _lasts(its, now))
        for account in sorted(words)
        for its in (facts.get(account, {}),)
    }
    written = [
        {"account_id": account, "held": mark.held, "words": mark.words, "until": mark.until}
        for account, mark in new.items()
        if not _is_good(kept.get(account), mark, now)
    ]
    if written:
        put = insert(session, SegmentMark)
        changed = {name: put.excluded[name] for name in ("held", "words", "until")}
        await session.execute(put.on_conflict_do_update(index_elements=["account_id"], set_=changed), written)
    if gone := kept.keys() - words.keys():
        await session.execute(sa.delete(SegmentMark).where(SegmentMark.account_id.in_(gone)))


def _lasts(facts: Facts, now: datetime) -> datetime | None:
    """Say when the first of what is known will be too old to count."""
    ends = [known.read_at + TRUSTED for its in facts.values() for known in its if known]
    return min((each for each in ends if each >= now), default=None)


def _is_good(kept: Mark | None, new: Mark, now: datetime) -> bool:
    """Whether a mark need not be written again: it says the same, and lasts no longer than that is so."""
    if kept is None or (kept.held, kept.words) != (new.held, new.words):
        return False
    if kept.until is None or new.until is None:
        return kept.until == new.until
    return now + SPARE <= kept.until <= new.until
