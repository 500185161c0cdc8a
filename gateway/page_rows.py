"""The rows of pages that members were shown: the codes, and by the SHA-256 of their text the contents.

Who takes rows away locks the contents first, before any member: who writes goes through contents, members and codes in
that order, so neither can leave a code without its page, a page of somebody who is erased, or wait for the other for
ever.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.access import LinkRef, PersonRef, Scope
from gateway.audit import Trail
from gateway.compact import expand, shrink
from gateway.records.database import Database
from gateway.records.lines import By, Line
from gateway.records.page_tables import PageCode, PageContent
from gateway.records.seeing import still_there
from gateway.records.signposts import signposts
from gateway.records.tables import Link, Member
from gateway.records.upsert import insert
from gateway.rights import Rights

PLACE = "\ue0c0\ue0de"  # where the code stands in a page that is stored

Named = tuple[str, LinkRef]  # a link of an account


class Look(Struct, frozen=True):
    """How pages looked: the style sheets as one text, and the logo as a data address."""

    css: str
    logo: str | None


class Age(Struct, frozen=True, kw_only=True):
    """How old one kind of record from one source was. `promise` is in seconds."""

    kind: str
    source: str
    title: str
    state: str
    fetched_at: datetime | None
    promise: float


class Proof(Struct, frozen=True, kw_only=True):
    """Why a link held. `fact` and who decided it are as they were when the page was written down, a second later."""

    source: str
    customer: str
    fact: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None


class Reasons(Struct, frozen=True, kw_only=True):
    """Why a page showed what it did. `rights` None: nothing was linked yet."""

    account_name: str | None
    rights: Rights | None
    links: tuple[Proof, ...]
    persons: tuple[PersonRef, ...]
    ages: tuple[Age, ...]


class Seen(Struct, frozen=True, kw_only=True):
    """One page as it was shown, waiting to be written. `page` holds `PLACE` where its code stood."""

    code: str
    member_id: str
    account_id: str | None
    path: str
    at: datetime
    page: bytes
    scope: Scope | None
    ages: tuple[Age, ...]


class Found(Struct, frozen=True, kw_only=True):
    """A page as it was shown. `called` is what the member is called today."""

    code: str
    called: str
    member_id: str
    account_id: str | None
    path: str
    first_at: datetime
    last_at: datetime
    html: str
    reasons: Reasons
    look: Look


def digest_of(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()


async def write(db: Database, batch: Sequence[Seen], look: bytes) -> None:
    """Store pages. Those of somebody who was erased meanwhile are left out. Raises `DatabaseDown`."""
    proofs = await _proofs(db, {seen.account_id for seen in batch if seen.account_id})
    reasons = [msgspec.json.encode(_reasons(seen, proofs)) for seen in batch]
    frames = await asyncio.to_thread(_shrunk, [look, *reasons, *(seen.page for seen in batch)])
    async with db.write() as session:
        await _keep_erasers_out(session)
        known = await still_there(session, {seen.member_id for seen in batch})
        texts = {digest_of(look)} if known else set[bytes]()
        for seen, why in zip(batch, reasons, strict=True):
            if seen.member_id in known:
                texts |= {digest_of(seen.page), digest_of(why)}
        if not texts:
            return
        contents = [frame for frame in frames if frame["digest"] in texts]
        await session.execute(insert(session, PageContent).on_conflict_do_nothing(), contents)
        merged = await signposts(session, {seen.account_id for seen in batch})
        rows = [
            {
                "code": seen.code,
                "member_id": seen.member_id,
                "account_id": merged.get(seen.account_id, seen.account_id),
                "path": seen.path,
                "first_at": seen.at,
                "last_at": seen.at,
                "page": digest_of(seen.page),
                "reasons": digest_of(why),
                "look": digest_of(look),
            }
            for seen, why in sorted(zip(batch, reasons, strict=True), key=lambda pair: pair[0].code)
            if seen.member_id in known
        ]
        new = insert(session, PageCode)
        again = new.on_conflict_do_update(
            index_elements=[PageCode.code],
            set_={"last_at": new.excluded.last_at},
            where=sa.and_(PageCode.page == new.excluded.page, PageCode.member_id == new.excluded.member_id),
        )
        await session.execute(again, rows)


async def look_up(db: Database, code: str, *, trail: Trail, by: By) -> Found | None:
    """Find what was shown under a code. The trail is told, also where there is none."""
    async with db.write() as session:
        row = await session.get(PageCode, code)
        member = await session.get(Member, row.member_id) if row else None
        digests = {row.page, row.reasons, row.look} if row else set()
        stored = await session.scalars(sa.select(PageContent).where(PageContent.digest.in_(digests)))
        texts = {content.digest: expand(content.frame) for content in stored}
        line = Line(
            what="page.looked_up",
            by=by,
            about=f"member/{row.member_id}" if row else f"page/{code}",
            account=row.account_id if row else None,
            details={"code": code, "found": row is not None},
            owner=by.who,
        )
        await trail.record(session, line)
    if row is None or member is None:
        return None
    return Found(
        code=code,
        called=member.called,
        member_id=row.member_id,
        account_id=row.account_id,
        path=row.path,
        first_at=row.first_at,
        last_at=row.last_at,
        html=texts[row.page].decode(),
        reasons=msgspec.json.decode(texts[row.reasons], type=Reasons),
        look=msgspec.json.decode(texts[row.look], type=Look),
    )


async def purge(db: Database, before: datetime) -> None:
    """Forget what was last shown so long ago. Raises `DatabaseDown`."""
    async with db.write() as session:
        await lock_contents(session)
        await session.execute(sa.delete(PageCode).where(PageCode.last_at < before))
        await drop_contents(session)


async def lock_contents(session: AsyncSession) -> None:
    """Keep writers out until the transaction ends. Call it before anything else there; SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(sa.text("LOCK TABLE page_contents IN SHARE ROW EXCLUSIVE MODE"))


async def _keep_erasers_out(session: AsyncSession) -> None:
    """Have those wait who take rows away, and let other writers go on."""
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(sa.text("LOCK TABLE page_contents IN ROW EXCLUSIVE MODE"))


async def drop_contents(session: AsyncSession) -> None:
    """Drop the contents that no code names any more."""
    named = [
        sa.exists().where(column == PageContent.digest) for column in (PageCode.page, PageCode.reasons, PageCode.look)
    ]
    await session.execute(sa.delete(PageContent).where(~sa.or_(*named)).execution_options(synchronize_session=False))


async def _proofs(db: Database, accounts: set[str]) -> dict[Named, Proof]:
    async with db.read() as session:
        rows = (await session.scalars(sa.select(Link).where(Link.account_id.in_(accounts)))).all()
    return {
        (row.account_id, LinkRef(row.source, row.customer)): Proof(
            source=row.source,
            customer=row.customer,
            fact=row.fact,
            decided_by=row.decided_by,
            decided_at=row.decided_at,
        )
        for row in rows
    }


def _reasons(seen: Seen, proofs: Mapping[Named, Proof]) -> Reasons:
    """Rights and links are those that the page was made by."""
    scope = seen.scope
    if scope is None:
        return Reasons(account_name=None, rights=None, links=(), persons=(), ages=seen.ages)
    return Reasons(
        account_name=scope.account_name,
        rights=scope.rights,
        links=tuple(
            proofs.get((scope.account_id, link), Proof(source=link.source, customer=link.customer))
            for link in scope.links
        ),
        persons=tuple(sorted(scope.persons, key=str)),
        ages=seen.ages,
    )


def _shrunk(texts: Sequence[bytes]) -> list[dict[str, bytes]]:
    """In one order, so that two processes that store the same never wait for each other in a ring."""
    by_digest = {digest_of(text): text for text in texts}
    return [{"digest": digest, "frame": shrink(by_digest[digest])} for digest in sorted(by_digest)]
