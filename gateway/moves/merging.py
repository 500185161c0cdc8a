"""Two accounts that are one customer made one, in one transaction."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.access import LinkRef
from gateway.audit import Trail
from gateway.grants import Stale
from gateway.identity.invitations import about_invitation
from gateway.links import TEXT, about_account, check_text
from gateway.member_rows import about_member
from gateway.moves.planning import Decided, Plan, plan_of, undecided
from gateway.moves.rows import change, end_memberships, move_links, move_people, move_rest, move_sessions
from gateway.moves.state import Moved, MoveError, Tie, hold, sessions_of_members
from gateway.records.customer_tables import AccountMove, MovedMember
from gateway.records.database import Database
from gateway.records.document_tables import AskedDocument
from gateway.records.identity_tables import Ground, Invitation
from gateway.records.ids import new_id
from gateway.records.lines import By, Line
from gateway.records.outbox_tables import OutboxRow
from gateway.records.tables import Account, Link, Member, Membership


async def merge(
    db: Database,
    *,
    trail: Trail,
    by: By,
    gone: str,
    into: str,
    decided: Decided,
    reason: str,
    now: datetime,
    seen: str | None = None,
) -> Moved:
    """Make one account of two: `gone` stays as a signpost. All or nothing.

    `seen` is what somebody decided by: raises `grants.Stale` where that has changed since. Raises `LinkError`.
    """
    check_text("the reason", reason, TEXT)
    async with db.write() as session:
        await hold(session, gone, into)
        plan = await plan_of(session, gone, into)
        if seen is not None and seen != plan.seen:
            raise Stale
        if problem := undecided(plan, decided):
            raise MoveError(problem)
        move_id = new_id()
        dropped = await _drop_links(session, plan, decided)
        moving = [tie for tie in plan.gone.links if tie.ref not in dropped]
        withdrawn = await _withdraw_twice(session, by, plan)
        remembered = await _remember(session, gone)
        members = await _members(session, plan)
        session.add(
            AccountMove(
                id=move_id,
                at=now,
                who=by.who,
                kind="merge",
                from_account=gone,
                to_account=into,
                moved={
                    **remembered,
                    "links": [[tie.source, tie.customer] for tie in moving],
                    "dropped": list(dropped.values()),
                    "withdrawn": [row.id for row, _ in withdrawn],
                    "rights": "gone" if decided.rights == "gone" else "into",
                    "signposts": await _turn_signposts(session, gone, into),
                },
            )
        )
        await session.flush()
        await move_links(session, gone, into, [tie.ref for tie in moving])
        sessions = await move_sessions(session, gone, into, None)
        await _move_members(session, move_id, plan, decided)
        await move_rest(session, gone, into)
        await _become_signpost(session, plan)
        figures: dict[str, int] = {
            "links": len(moving),
            "links_dropped": len(dropped),
            "people": len(plan.gone.people),
            "people_in_both": len(plan.both),
            **{str(thing): many for thing, many in plan.gone.held.items() if many},
        }
        lines = [
            *(line for _, line in withdrawn),
            *_of_links(by, plan, moving, dropped.values()),
            *_of_members(by, plan, decided, members),
            Line(
                what="account.merged",
                by=by,
                about=f"account/{gone}",
                account=into,
                details={"into": into, "move": move_id, **figures},
                personal={"reason": reason, "name": plan.gone.name},
                owner=f"account/{into}",
            ),
        ]
        theirs = await sessions_of_members(session, {each.id for each in (*plan.gone.people, *plan.into.people)})
        await trail.record(session, *lines)
    return Moved(id=move_id, account=into, switched=sessions[0], looking=sessions[1], sessions=theirs)


async def _drop_links(session: AsyncSession, plan: Plan, decided: Decided) -> dict[LinkRef, dict[str, Any]]:
    """Take the links away that were decided against, and give them as they were."""
    dropped: dict[LinkRef, dict[str, Any]] = {}
    for clash in plan.clashes:
        keep = decided.numbers[clash.source]
        side = None if keep == "both" else (plan.gone if keep == "into" else plan.into)
        for tie in side.links if side else ():
            if tie.source == clash.source:
                row = await session.get_one(Link, (tie.source, tie.customer))
                dropped[tie.ref] = {
                    "account": row.account_id,
                    "source": row.source,
                    "customer": row.customer,
                    "fact": row.fact,
                    "decided_by": row.decided_by,
                    "decided_at": row.decided_at.isoformat(),
                }
                await session.delete(row)
    await session.flush()
    return dropped


async def _withdraw_twice(session: AsyncSession, by: By, plan: Plan) -> list[tuple[Invitation, Line]]:
    rows = (await session.scalars(sa.select(Invitation).where(Invitation.id.in_(plan.twice)).with_for_update())).all()
    for row in rows:
        row.state = "withdrawn"
    await session.flush()
    return [(row, about_invitation("invitation.withdrawn", by, row)) for row in rows]


async def _remember(session: AsyncSession, gone: str) -> dict[str, list[str]]:
    """Name what goes with no link and no person, so that it can be told apart again."""

    async def ids(table: Any, *more: sa.ColumnElement[bool]) -> list[str]:  # noqa: ANN401  # a table of ours
        return list(await session.scalars(sa.select(table.id).where(table.account_id == gone, *more)))

    return {
        "invitations": await ids(Invitation),
        "asked_documents": await ids(AskedDocument),
        "outbox": await ids(OutboxRow),
    }


async def _turn_signposts(session: AsyncSession, gone: str, into: str) -> list[str]:
    """Let what leads to the account that goes lead to where it goes: one step is enough for whoever follows."""
    before = change(Account).where(Account.merged_into == gone).values(merged_into=into)
    return list(await session.scalars(before.returning(Account.id)))


async def _members(session: AsyncSession, plan: Plan) -> Mapping[str, Member]:
    ids = [each.id for each in plan.gone.people]
    return {row.id: row for row in await session.scalars(sa.select(Member).where(Member.id.in_(ids)))}


async def _move_members(session: AsyncSession, move_id: str, plan: Plan, decided: Decided) -> None:
    both = {each.person.id: each for each in plan.both}
    gone, into = plan.gone.id, plan.into.id
    grounds = {row.member_id: row for row in await session.scalars(sa.select(Ground).where(Ground.account_id == gone))}
    rows = (await session.scalars(sa.select(Membership).where(Membership.account_id == gone))).all()
    for row in rows:
        ground, twice = grounds.get(row.member_id), both.get(row.member_id)
        session.add(
            MovedMember(
                move_id=move_id,
                member_id=row.member_id,
                was_in_both=twice is not None,
                since=row.created_at,
                rights=row.rights,
                rights_there=msgspec.to_builtins(twice.into) if twice else None,
                ground=_plain(ground) if ground and twice else None,
            )
        )
        if twice and decided.rights == "gone":
            there = change(Membership).where(Membership.account_id == into, Membership.member_id == row.member_id)
            await session.execute(there.values(rights=row.rights, version=Membership.version + 1))
    await session.flush()
    await move_people(session, gone, into, [row.member_id for row in rows if row.member_id not in both])
    await end_memberships(session, gone, both)


def _plain(ground: Ground) -> dict[str, Any]:
    return {
        "how": ground.how,
        "facts": ground.facts,
        "decided_by": ground.decided_by,
        "decided_at": ground.decided_at.isoformat(),
    }


async def _become_signpost(session: AsyncSession, plan: Plan) -> None:
    latest = max(filter(None, (plan.gone.seen_at, plan.into.seen_at)), default=None)
    await session.execute(change(Account).where(Account.id == plan.gone.id).values(merged_into=plan.into.id))
    await session.execute(change(Account).where(Account.id == plan.into.id).values(seen_at=latest))


def _of_links(by: By, plan: Plan, moved: Sequence[Tie], dropped: Collection[Mapping[str, Any]]) -> list[Line]:
    into = plan.into.id
    sides = {"before": plan.gone.id, "after": into}
    return [
        *(
            about_account("customer.moved", by, into, tie.source, personal={"customer": tie.customer}, **sides)
            for tie in moved
        ),
        *(
            about_account(
                "customer.unlinked",
                by,
                each["account"],
                each["source"],
                personal={name: each[name] for name in ("customer", "fact", "decided_by")},
            )
            for each in dropped
        ),
    ]


def _of_members(by: By, plan: Plan, decided: Decided, members: Mapping[str, Member]) -> list[Line]:
    both = {each.person.id: each for each in plan.both}
    lines = []
    for each in plan.gone.people:
        twice = both.get(each.id)
        rights = each.rights if twice is None or decided.rights == "gone" else twice.into
        details = {
            "before": plan.gone.id,
            "after": plan.into.id,
            "was_in_both": twice is not None,
            "rights": msgspec.to_builtins(rights),
        }
        lines.append(about_member("membership.moved", by, members[each.id], account=plan.into.id, details=details))
    return lines
