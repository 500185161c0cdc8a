"""Reading the audit trail: whether it is whole, and what it tells."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit import digest, open_key, place, seal_text
from gateway.records.database import Database
from gateway.records.tables import AuditHead, AuditKey, AuditLine
from gateway.vault import Vault, VaultError

BATCH = 1000  # lines read at once
FIRST = "0" * 64  # the hash before the first line
CHANGED = "was changed after it was written, or stands in another line's place"
ERASED = "erased"  # the key was destroyed
UNREADABLE = "unreadable"  # the key ring does not open the key


class Verified(Struct, frozen=True, kw_only=True):
    """How the trail was found. No problems: whole. Note `last` somewhere else, and ask for it the next time."""

    count: int
    last: str
    problems: tuple[str, ...]


class Told(Struct, frozen=True, kw_only=True):
    """A line as people read it. `personal` None: there is nothing in it, or it is gone, as `withheld` says."""

    number: int
    at: str
    what: str
    who: str
    via: str
    about: str
    account: str | None
    details: dict[str, Any]
    personal: dict[str, Any] | None
    withheld: str | None
    hash: str


class Wanted(Struct, frozen=True, kw_only=True):
    """Which lines: all that is given has to fit. `what` may be the part before the dot, `who` also finds `about`."""

    latest: int
    what: str | None = None
    who: str | None = None
    account: str | None = None


async def verify(db: Database, vault: Vault, expect: str | None = None) -> Verified:
    """Walk the whole chain. `expect` is a hash that was noted earlier: a trail that was cut off lacks it."""
    async with db.read() as session:
        head = await session.scalar(sa.select(AuditHead))
        number, previous, met, problems = 0, FIRST, expect in {None, FIRST}, list[str]()
        async for row in _rows(session):
            if row.number != number + 1:
                problems.append(missing(number + 1, row.number - 1))
            elif digest(previous, row) != row.hash:
                problems.append(f"line {row.number} {CHANGED}")
            number, previous = row.number, row.hash
            met = met or row.hash == expect
    problems.extend(ending(head, number, previous, vault))
    if not met:
        problems.append(
            "the hash that was noted is not in the trail: since then its end was cut off, or lines were written anew"
        )
    return Verified(count=number, last=previous, problems=tuple(problems))


async def read(db: Database, vault: Vault, wanted: Wanted) -> tuple[Told, ...]:
    """Give the latest lines that fit, in the order in which they were written."""
    query = sa.select(AuditLine).order_by(AuditLine.number.desc()).limit(wanted.latest)
    if wanted.what:
        query = query.where(
            sa.or_(AuditLine.what == wanted.what, AuditLine.what.startswith(f"{wanted.what}.", autoescape=True))
        )
    if wanted.who:
        query = query.where(sa.or_(AuditLine.who == wanted.who, AuditLine.about == wanted.who))
    if wanted.account:
        query = query.where(AuditLine.account == wanted.account)
    async with db.read() as session:
        rows = (await session.scalars(query)).all()
        named = {row.key for row in rows if row.key}
        keys = {key.id: key for key in await session.scalars(sa.select(AuditKey).where(AuditKey.id.in_(named)))}
    return tuple(told_whole(row, keys.get(row.key or ""), vault) for row in reversed(rows))


async def _rows(session: AsyncSession) -> AsyncIterator[AuditLine]:
    last: int | None = None
    while True:
        batch = sa.select(AuditLine).order_by(AuditLine.number).limit(BATCH)
        rows = (await session.scalars(batch if last is None else batch.where(AuditLine.number > last))).all()
        for row in rows:
            yield row
            last = row.number
        session.expunge_all()
        if not rows:
            return


def missing(first: int, last: int) -> str:
    if last < first:
        return f"line {last + 1} has a number that no line can have: it was put in"
    return f"line {first} is missing" if first == last else f"lines {first} to {last} are missing"


def ending(head: AuditHead | None, number: int, previous: str, vault: Vault) -> Iterator[str]:
    """What the head knows of the lines, and who wrote it."""
    if head is None:
        yield "the head is missing, which counts the lines: lines at the end may be missing too"
        return
    if number < head.count:
        yield f"{missing(number + 1, head.count)} at the end: they were cut off"
    elif number > head.count:
        yield f"the lines after {head.count} were not written by Hallway: the head does not know them"
    elif previous != head.hash:
        yield "the head knows another last line: it was replaced"
    if head.count == 0:
        return
    try:
        fits = head.seal is not None and vault.open(head.seal, "audit_head/1", "seal").reveal() == seal_text(head)
    except VaultError as error:
        yield f"the head cannot be trusted: {error}"
        return
    if not fits:
        yield "the head was not written by Hallway: its seal is of another trail"


def told_in_short(row: AuditLine) -> Told:
    """Leave out what is personal."""
    return _as_told(row, None, None)


def told_whole(row: AuditLine, key: AuditKey | None, vault: Vault) -> Told:
    return _as_told(row, *_opened(row, key, vault))


def _as_told(row: AuditLine, personal: dict[str, Any] | None, withheld: str | None) -> Told:
    return Told(
        number=row.number,
        at=row.at,
        what=row.what,
        who=row.who,
        via=row.via,
        about=row.about,
        account=row.account,
        details=_object(row.details),
        personal=personal,
        withheld=withheld,
        hash=row.hash,
    )


def _opened(row: AuditLine, key: AuditKey | None, vault: Vault) -> tuple[dict[str, Any] | None, str | None]:
    if row.sealed is None:
        return None, None
    if key is None:
        return None, ERASED
    try:
        return _object(open_key(vault, key).open(row.sealed, place(row.number), "personal").reveal()), None
    except VaultError:
        return None, UNREADABLE


def _object(text: str) -> dict[str, Any]:
    """Read details; those that somebody has damaged are shown as they are."""
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError:
        return {"damaged": text}
