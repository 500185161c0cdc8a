"""What the invited would see if they came now: everything, a part, nothing, or a question. Before anybody comes.

A verdict is kept with a hash of what it was made of, so the sources are asked again only about what has changed.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVarTuple

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from auth.clock import Clock
from gateway.identity.asking import ask_all
from gateway.identity.matching import REASONS, Ambiguous, Linked, Policy, Proven, judge
from gateway.identity.matching import Verdict as Judged
from gateway.identity.proving import accounts_of
from gateway.offices import Offices
from gateway.records.database import Database
from gateway.records.identity_tables import Address, ContactCheck, Invitation
from gateway.records.tables import Link
from gateway.records.upsert import insert

Sees = Literal["everything", "part", "ambiguous", "none"]
SEES: tuple[Sees, ...] = ("everything", "part", "ambiguous", "none")
WHY: Mapping[str, str] = {
    **{str(reason): text for reason, text in REASONS.items()},
    "invitation_expired": "the invitation came to its end before it was used",
    "no_links": "the account is linked to no customer of any source",
    "not_in_every_source": "some source of the account does not know the person",
}
PATIENCE = 10.0  # seconds for one answer
AT_ONCE = 8  # contacts that are asked about; each source has limits of its own besides
_INVITED = (
    Invitation.id,
    Invitation.email,
    Invitation.name,
    Invitation.account_id,
    Invitation.rights,
    Invitation.until,
    Invitation.state,
)
BATCH = 50  # verdicts in one transaction
PART = 500  # rows that are looked at before others have their turn


class Contact(Struct, frozen=True, kw_only=True):
    """Somebody who is invited, and all that a verdict depends on. `others` came with the same address."""

    invitation: str
    email: str
    name: str | None
    account: str
    rights: Mapping[str, Any]
    until: datetime
    is_used: bool
    others: int
    sources: tuple[str, ...]  # in which the account is linked
    inputs: str


class Verdict(Struct, frozen=True, kw_only=True):
    """What a contact sees, and why not all. `was_asked`: the sources were asked for it just now."""

    contact: Contact
    sees: Sees
    reason: str | None
    checked_at: datetime
    was_asked: bool = False


Columns = TypeVarTuple("Columns")


class PastVerdict(Struct, frozen=True):
    """A verdict as it was kept."""

    sees: Sees
    reason: str | None
    inputs: str
    checked_at: datetime


class Preview:
    """Judges every contact who is invited."""

    def __init__(self, db: Database, offices: Offices, clock: Clock, policy: Policy) -> None:
        self._db = db
        self._offices = offices
        self._clock = clock
        self._policy = policy

    async def run(
        self,
        *,
        older_than: timedelta | None,
        told: Callable[[int, int], None],
        patience: float = PATIENCE,
        most: int | None = None,
    ) -> tuple[Verdict, ...]:
        """Judge everybody. The sources are asked about whom the inputs changed, or whose verdict is that old.

        `older_than` None: only about the former; `most`: about so many at once, and the others another time.
        `told` hears how many are done, and of how many.
        """
        contacts = await self._contacts()
        now = self._clock()
        verdicts = {each.invitation: _still(each, kept, now, older_than) for each, kept in contacts}
        due = [each for each, _ in contacts if verdicts[each.invitation] is None][:most]
        for begin in range(0, len(due), BATCH):
            batch = due[begin : begin + BATCH]
            gate = asyncio.Semaphore(AT_ONCE)
            judged = await asyncio.gather(*(self._judge(each, gate, patience) for each in batch))
            await self._keep(judged)
            verdicts |= {each.contact.invitation: each for each in judged}
            told(begin + len(batch), len(due))
        return tuple(verdict for verdict in verdicts.values() if verdict)

    async def known(self) -> tuple[tuple[Verdict, ...], int]:
        """Give the verdicts that still hold, and of how many who are invited there is none. Asks no source."""
        found = [_still(each, kept, self._clock(), None) for each, kept in await self._contacts()]
        return tuple(filter(None, found)), found.count(None)

    async def _contacts(self) -> list[tuple[Contact, PastVerdict | None]]:
        """Read everybody who is invited, and what was found out of them."""
        checked = (ContactCheck.verdict, ContactCheck.reason, ContactCheck.inputs, ContactCheck.checked_at)
        rows = (
            sa.select(*_INVITED, *checked)
            .join(ContactCheck, ContactCheck.invitation_id == Invitation.id, isouter=True)
            .where(Invitation.state.in_(("made", "used", "expired")))
            .order_by(Invitation.account_id, Invitation.email)
        )
        came = sa.select(Address.address, sa.func.count()).group_by(Address.address)
        linked = sa.select(Link.account_id, Link.source, Link.customer).order_by(Link.source, Link.customer)
        versions = sorted((office.name, office.version) for office in (await self._offices.all()).values())
        logins: dict[str, int] = {}
        links: dict[str, list[tuple[str, str]]] = {}
        found: list[tuple[Contact, PastVerdict | None]] = []
        async with self._db.read() as session:
            async for addresses in _parts(session, came):
                logins.update((address, many) for address, many in addresses)
            async for some in _parts(session, linked):
                for account, source, customer in some:
                    links.setdefault(account, []).append((source, customer))
            async for part in _parts(session, rows):
                for row in part:
                    its, many = links.get(row.account_id, []), logins.get(row.email, 0)
                    found.append((self._contact(row, its, many, versions), _kept(row)))
        return found

    def _contact(
        self,
        row: sa.Row[*tuple[Any, ...]],
        links: Sequence[tuple[str, str]],
        logins: int,
        versions: Sequence[tuple[str, str]],
    ) -> Contact:
        is_used = row.state == "used"
        others = max(logins - 1, 0)  # one of them is who used it, or will
        is_over = row.state == "expired" or (row.state == "made" and row.until <= self._clock())
        told = [row.email, row.account_id, row.rights, is_used, is_over, others, links, versions, self._policy]
        return Contact(
            invitation=row.id,
            email=row.email,
            name=row.name,
            account=row.account_id,
            rights=row.rights,
            until=row.until,
            is_used=is_used,
            others=others,
            sources=tuple(dict.fromkeys(source for source, _ in links)),
            inputs=hashlib.sha256(msgspec.json.encode(told, order="sorted")).hexdigest(),
        )

    async def _judge(self, contact: Contact, gate: asyncio.Semaphore, patience: float) -> Verdict:
        now = self._clock()
        if not contact.is_used and contact.until <= now:
            return Verdict(contact=contact, sees="none", reason="invitation_expired", checked_at=now)
        if not contact.sources:
            return Verdict(contact=contact, sees="none", reason="no_links", checked_at=now)
        proven = Proven(email=contact.email, is_taken=contact.others > 0, invited_to=contact.account)
        async with gate:
            answers = await ask_all(self._offices, proven, patience)
        async with self._db.read() as session:
            accounts = await accounts_of(session, answers)
        verdict = judge(proven, answers, accounts, self._policy)
        sees, reason = await self._sees(contact, verdict)
        return Verdict(contact=contact, sees=sees, reason=reason, checked_at=now, was_asked=True)

    async def _sees(self, contact: Contact, verdict: Judged) -> tuple[Sees, str | None]:
        wants_own = "own" in contact.rights.values()
        reason = None if isinstance(verdict, Linked) else str(verdict.reason)
        if reason in {"invitation_disagrees", "address_of_another_login"}:
            return "ambiguous", reason
        if not wants_own:
            return "everything", None
        if not isinstance(verdict, Linked):
            return ("ambiguous" if isinstance(verdict, Ambiguous) else "none"), reason
        offices = await self._offices.all()
        able = {source for source in contact.sources if source in offices and offices[source].connector.person}
        named = {person.source for person in verdict.persons}
        return ("everything", None) if able <= named else ("part", "not_in_every_source")

    async def _keep(self, verdicts: Sequence[Verdict]) -> None:
        """Remember verdicts, but none that a silent source made: it is to be asked again."""
        async with self._db.write() as session:
            for each in verdicts:
                inputs = "" if each.reason == "source_silent" else each.contact.inputs
                row = {"verdict": each.sees, "reason": each.reason, "inputs": inputs, "checked_at": each.checked_at}
                put = insert(session, ContactCheck).values(invitation_id=each.contact.invitation, **row)
                await session.execute(put.on_conflict_do_update(index_elements=["invitation_id"], set_=row))


async def _parts(session: AsyncSession, rows: sa.Select[*Columns]) -> AsyncIterator[Sequence[sa.Row[*Columns]]]:
    """Read very many rows, and let others have their turn after each part of them."""
    async for part in (await session.stream(rows)).partitions(PART):
        yield part
        await asyncio.sleep(0)


def _kept(row: sa.Row[*tuple[Any, ...]]) -> PastVerdict | None:
    if row.verdict is None:
        return None
    sees: Sees = row.verdict
    return PastVerdict(sees, row.reason, row.inputs, row.checked_at)


def _still(contact: Contact, kept: PastVerdict | None, now: datetime, older_than: timedelta | None) -> Verdict | None:
    """Give the verdict that was kept, if it is about the same and not too old."""
    if kept is None or kept.inputs != contact.inputs:
        return None
    if older_than is not None and now - kept.checked_at >= older_than:
        return None
    return Verdict(contact=contact, sees=kept.sees, reason=kept.reason, checked_at=kept.checked_at)
