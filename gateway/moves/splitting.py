"""An account that is two customers parted, and a merge taken back: some links and people to another account."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.access import LinkRef
from gateway.audit import Trail
from gateway.grants import Stale
from gateway.links import TEXT, about_account, check_account, check_is_free, check_text
from gateway.member_rows import about_member
from gateway.moves.restoring import give_back, is_as_merged, merge_of, restore
from gateway.moves.rows import move_links, move_people, move_sent, move_sessions
from gateway.moves.state import Moved, MoveError, Side, hold, seen_of, sessions_of_members, side_of
from gateway.records.customer_tables import AccountMove, MovedMember
from gateway.records.database import Database
from gateway.records.ids import new_id
from gateway.records.lines import By, Line
from gateway.records.tables import Account, Member


class Parting(Struct, frozen=True, kw_only=True):
    """What somebody who splits `of` is shown. `there` None: a new account is made.

    Else it is one that was merged into `of`, by the merge `undoes`; `links` and `people` are what came with that and is
    here still, `both` the people of these who acted for both, `kept` those whose rights were changed since.
    """

    of: Side
    there: Side | None
    undoes: str | None
    links: tuple[LinkRef, ...]
    people: tuple[str, ...]
    both: tuple[str, ...]
    kept: tuple[str, ...]
    seen: str


class Wanted(Struct, frozen=True, kw_only=True):
    """What is to go to the account `to`. `name` is for one that is made."""

    to: str
    name: str
    links: frozenset[LinkRef]
    people: frozenset[str]


async def plan_split(db: Database, of: str, to: str) -> Parting:
    """Say what there is to part, and what came by a merge if `to` was merged into it. Raises `MoveError`."""
    async with db.read() as session:
        return await _plan(session, of, to)


async def split(
    db: Database,
    *,
    trail: Trail,
    by: By,
    of: str,
    wanted: Wanted,
    reason: str,
    now: datetime,
    seen: str | None = None,
) -> Moved:
    """Move links and people out of an account, with all that goes with them. All or nothing.

    What was sent goes with its customer, what else is a person's with the person; the rest stays, unless it came by the
    merge that is taken back. Raises `grants.Stale` where something changed since `seen`, and `LinkError`.
    """
    check_text("the reason", reason, TEXT)
    async with db.write() as session:
        await hold(session, of, wanted.to)
        plan = await _plan(session, of, wanted.to)
        if seen is not None and seen != plan.seen:
            raise Stale
        check_wanted(plan, wanted)
        move = await merge_of(session, plan.undoes) if plan.undoes else None
        lines = [await _begin(session, by, wanted, now, is_new=plan.there is None)]
        members = await _members(session, wanted)
        both = sorted(wanted.people & set(plan.both))
        going = sorted(wanted.people - set(plan.both))
        await move_links(session, of, wanted.to, wanted.links)
        sent = await move_sent(session, of, wanted.to, wanted.links, move.moved["outbox"] if move else [])
        await move_people(session, of, wanted.to, going)
        switched, looking = await move_sessions(session, of, wanted.to, going)
        rights = {each.id: msgspec.to_builtins(each.rights) for each in plan.of.people}
        if move:
            rights |= await give_back(session, move, of, both)
            lines += await restore(session, by, move, of, now)
        move_id = new_id()
        session.add(
            AccountMove(
                id=move_id,
                at=now,
                who=by.who,
                kind="split",
                from_account=of,
                to_account=wanted.to,
                moved={
                    "links": sorted([ref.source, ref.customer] for ref in wanted.links),
                    "undoes": plan.undoes,
                },
            )
        )
        await session.flush()
        session.add_all(_remembered(move_id, members, both, rights, now))
        figures = {"links": len(wanted.links), "people": len(wanted.people), "sent": sent}
        told = _told(by, plan, wanted, reason, {"move": move_id} | figures)
        lines += [*_lines(by, plan, wanted, members, rights), told]
        theirs = await sessions_of_members(session, {each.id for each in plan.of.people})
        await trail.record(session, *filter(None, lines))
    return Moved(id=move_id, account=wanted.to, switched=switched, looking=looking, sessions=theirs)


async def _plan(session: AsyncSession, of: str, to: str) -> Parting:
    account = await side_of(session, of)
    if account is None:
        raise MoveError(f"there is no account {of!r}: look for a slip in its id")
    if account.merged_into:
        raise MoveError(f"the account {of!r} was merged into {account.merged_into!r}: name that one")
    there = await side_of(session, to) if to else None
    if there and there.merged_into != of:
        raise MoveError(f"there is an account {to!r} already: choose another id, or move its links one by one")
    move = await merge_of(session, None, to) if there else None
    came = {LinkRef(*each) for each in move.moved["links"]} if move else set()
    moved = (await session.scalars(sa.select(MovedMember).where(MovedMember.move_id == move.id))).all() if move else []
    people = tuple(row.member_id for row in moved if account.has(row.member_id))
    both = [row for row in moved if row.was_in_both and row.member_id in people]
    rights = {each.id: each.rights for each in account.people}
    return Parting(
        of=account,
        there=there,
        undoes=move.id if move else None,
        links=tuple(tie.ref for tie in account.links if tie.ref in came),
        people=people,
        both=tuple(row.member_id for row in both),
        kept=tuple(row.member_id for row in both if move and not is_as_merged(move, row, of, rights[row.member_id])),
        seen=seen_of(account, there),
    )


def check_wanted(plan: Parting, wanted: Wanted) -> None:
    """Refuse what is not there, nothing at all, and an id that no account can have. Raises `LinkError`."""
    strange = wanted.links - {tie.ref for tie in plan.of.links}
    strangers = wanted.people - {each.id for each in plan.of.people}
    if strange:
        ref = min((each.source, each.customer) for each in strange)
        raise MoveError(f"the account {plan.of.id!r} is not customer {ref[1]!r} of {ref[0]!r}")
    if strangers:
        raise MoveError(f"the member {min(strangers)!r} does not act for the account {plan.of.id!r}")
    check_account(wanted.to)
    if plan.there is None:
        check_is_free(wanted.to)
    if not wanted.links and not wanted.people and not plan.undoes:
        raise MoveError("choose at least one link or one person that goes to the other account")


async def _begin(session: AsyncSession, by: By, wanted: Wanted, now: datetime, *, is_new: bool) -> Line | None:
    """Make the account, or let a signpost be one again."""
    if is_new:
        name = wanted.name.strip() or wanted.to
        check_text("the account's name", name, TEXT)
        session.add(Account(id=wanted.to, name=name, created_at=now))
        await session.flush()
        return about_account("account.made", by, wanted.to, None, personal={"name": name})
    account = await session.get_one(Account, wanted.to)
    account.merged_into = None
    await session.flush()
    return None


async def _members(session: AsyncSession, wanted: Wanted) -> Mapping[str, Member]:
    rows = await session.scalars(sa.select(Member).where(Member.id.in_(wanted.people)).order_by(Member.id))
    return {row.id: row for row in rows}


def _remembered(
    move_id: str, members: Mapping[str, Member], both: Sequence[str], rights: Mapping[str, Any], now: datetime
) -> list[MovedMember]:
    return [
        MovedMember(
            move_id=move_id,
            member_id=member,
            was_in_both=member in both,
            since=now,
            rights=rights[member],
            rights_there=None,
            ground=None,
        )
        for member in members
    ]


def _lines(
    by: By, plan: Parting, wanted: Wanted, members: Mapping[str, Member], rights: Mapping[str, Any]
) -> list[Line]:
    sides = {"before": plan.of.id, "after": wanted.to}
    refs = sorted((ref.source, ref.customer) for ref in wanted.links)
    return [
        *(
            about_account("customer.moved", by, wanted.to, source, personal={"customer": customer}, **sides)
            for source, customer in refs
        ),
        *(
            about_member(
                "membership.moved",
                by,
                member,
                account=wanted.to,
                details={**sides, "was_in_both": id_ in plan.both, "rights": rights[id_]},
            )
            for id_, member in members.items()
        ),
    ]


def _told(by: By, plan: Parting, wanted: Wanted, reason: str, figures: Mapping[str, Any]) -> Line:
    return Line(
        what="account.split",
        by=by,
        about=f"account/{plan.of.id}",
        account=wanted.to,
        details={"to": wanted.to, "undoes": plan.undoes, **figures},
        personal={"reason": reason},
        owner=f"account/{plan.of.id}",
    )
