"""The parts of a copy that are JSON: records without the words of their source's, the login, what was sent, the log."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from connectors.actions import Answer, Change
from connectors.records import Kind
from gateway.access import Scope
from gateway.account_view import Part
from gateway.asked import Asked
from gateway.audit_reading import Told
from gateway.belongings import codes_of, invited
from gateway.dossiers import mails_about
from gateway.mails.choices import read_choices
from gateway.occasions import EVENTS
from gateway.outbox.desk import Handed
from gateway.outbox.stuck import ANSWER
from gateway.records.code_tables import SignInCode
from gateway.records.customer_tables import AccountMove, MovedMember
from gateway.records.database import Database
from gateway.records.identity_tables import Invitation
from gateway.records.tables import Account, Member, Membership, Person, Session
from gateway.shown import AMOUNTS, Shown

NEVER_SHOWN = ("vendor_state", "people", "wording")  # their own words, ids of persons there, and settings of ours
NAMES: Mapping[Kind, str] = {"orders": "orders", "invoices": "invoices", "tickets": "requests"}


class Login(Struct, frozen=True, kw_only=True):
    """What is kept of the member."""

    issuer: str
    subject: str
    email: str | None
    name: str | None
    made_at: datetime
    last_visit_at: datetime | None
    last_day: date | None
    days: int
    shown_around_at: datetime | None
    language: str | None
    language_when_signed_in: str | None
    invitations: list[dict[str, Any]]
    accounts: list[dict[str, Any]]
    moved: list[dict[str, Any]]  # from one account to another
    persons: list[dict[str, Any]]
    sign_ins: list[dict[str, Any]]
    mails: dict[str, Any]
    codes: list[dict[str, Any]]


async def _invitations(session: AsyncSession, member: str) -> list[dict[str, Any]]:
    """Give the invitations that they used or that were made for an address of theirs, with the mails about them."""
    rows = (await session.scalars(sa.select(Invitation).where(invited(member)).order_by(Invitation.id))).all()
    mails = await mails_about(session, [row.id for row in rows])
    return [
        {
            "address": row.email,
            "name": row.name,
            "account": row.account_id,
            "made_at": row.made_at,
            "until": row.until,
            "state": row.state,
            "used_at": row.used_at,
            "stopped_at": row.stopped_at,
            "mails": [
                {"made_at": mail.made_at, "state": mail.state, "ended_at": mail.ended_at, "opened_at": mail.opened_at}
                for mail in mails.get(row.id, [])
            ],
        }
        for row in rows
    ]


async def login_of(db: Database, scope: Scope) -> Login | None:
    """Read what is kept of a member. None: they are gone."""
    whose = scope.member_id
    accounts = sa.select(Account.id, Account.name, Membership.rights, Membership.created_at).join(
        Membership, Membership.account_id == Account.id
    )
    persons = sa.select(Person.source, Person.person, Person.fact, Person.decided_at).where(Person.member_id == whose)
    moves = (
        sa.select(AccountMove.from_account, AccountMove.to_account, AccountMove.at, MovedMember.rights)
        .join(MovedMember, MovedMember.move_id == AccountMove.id)
        .where(MovedMember.member_id == whose)
    )
    live = sa.select(Session.created_at, Session.seen_at).where(Session.member_id == whose, Session.ended_at.is_(None))
    async with db.read() as session:
        member = await session.get(Member, whose)
        if member is None:
            return None
        choices = await read_choices(session, whose)
        codes = await session.execute(sa.select(SignInCode.made_at, SignInCode.device).where(codes_of(whose)))
        return Login(
            issuer=member.issuer,
            subject=member.subject,
            email=member.email,
            name=member.name,
            made_at=member.created_at,
            last_visit_at=member.last_visit_at,
            last_day=member.seen_on,
            days=member.days,
            shown_around_at=member.welcomed_at,
            language=member.language,
            language_when_signed_in=member.language_seen,
            invitations=await _invitations(session, whose),
            accounts=[
                {"id": key, "name": name, "rights": rights, "since": since}
                for key, name, rights, since in await session.execute(accounts.where(Membership.member_id == whose))
            ],
            moved=[
                {"from": before, "to": after, "at": at, "rights": rights}
                for before, after, at, rights in await session.execute(moves.order_by(AccountMove.at))
            ],
            persons=[
                {"source": source, "id": person, "fact": fact, "since": since}
                for source, person, fact, since in await session.execute(persons)
            ],
            sign_ins=[{"began_at": began, "used_at": used} for began, used in await session.execute(live)],
            mails={
                "address_refused": choices.refused,
                "wanted": {name: choices.way(name) for name in EVENTS},
                "inbox": sorted(choices.shown),
                "times": choices.times,
            },
            codes=[{"asked_at": at, "device": device} for at, device in codes],
        )


def records(parts: Iterable[Part], kind: Kind) -> list[dict[str, Any]]:
    """Write the records of a kind, each with its source and how old it is. Those shown elsewhere instead say so."""
    return [
        {
            "source": part.source,
            "source_title": part.title,
            "counts": counts,
            **_without(record, *NEVER_SHOWN),
        }
        for part in parts
        if part.kind == kind
        for counts, found in ((True, part.records), (False, part.left_out))
        for record in found
    ]


def sent(handed: Sequence[Handed], shown: Shown, steps: Mapping[str, list[dict[str, object]]]) -> list[dict[str, Any]]:
    """Write what a member sent, and what has become of it. What is not shown to them is left out of it."""
    return [
        {
            "reference": each.reference,
            "source": each.source,
            "action": each.action,
            "asked": _asked(each, shown),
            "files": [file.name for file in each.files],
            "state": each.state,
            "made_at": each.made_at,
            "done_at": each.done_at,
            "number": each.number,
            "answer": each.note.get(ANSWER),
            "history": steps.get(each.id, []),
        }
        for each in handed
    ]


def _asked(each: Handed, shown: Shown) -> dict[str, Any]:
    asked = _without(each.asked, "persons", "files")
    if isinstance(each.asked, Answer) and not shown.shows("orders", AMOUNTS):
        return {name: value for name, value in asked.items() if name not in {"total", "currency"}}
    if isinstance(each.asked, Change):
        for side in ("before", "after"):
            asked[side] = {name: value for name, value in asked[side].items() if shown.shows_detail(name)}
    return asked


def asked(documents: Iterable[Asked]) -> list[dict[str, Any]]:
    """Write the documents that somebody was asked for, as their pages show them."""
    return [_without(each, "account") for each in documents]


def log(lines: Iterable[Told], about: str) -> list[dict[str, Any]]:
    """Write the lines about a member. What they did to others is about those; staff write notes to one another."""
    kept = ("at", "what", "who", "account", "details")
    return [
        {**{name: getattr(line, name) for name in kept}, "personal": _for_them(line)}
        for line in lines
        if line.about == about
    ]


def _for_them(line: Told) -> dict[str, Any] | None:
    if line.personal is None or line.what != "message.handed_over":
        return line.personal
    return {name: value for name, value in line.personal.items() if name != "note"}


def _without(struct: Struct, *left_out: str) -> dict[str, Any]:
    whole: dict[str, Any] = msgspec.to_builtins(struct)
    return {name: value for name, value in whole.items() if name not in left_out}
