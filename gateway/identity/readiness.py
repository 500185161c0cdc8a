"""What the invited would see if they came now: everything, a part, nothing, or a question. Before anybody comes.

A verdict is kept with a hash of what it was made of, so the sources are asked again only about what has changed.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from auth.clock import Clock
from gateway.identity import holding
from gateway.identity.asking import ask_all
from gateway.identity.holding import Holding
from gateway.identity.inputs import INVITED, Contact, Known, PastVerdict, Sees, contacts_among, everybody
from gateway.identity.matching import REASONS, Ambiguous, Linked, Policy, Proven, judge
from gateway.identity.matching import Verdict as Judged
from gateway.identity.proving import accounts_of
from gateway.offices import Offices
from gateway.records.database import Database
from gateway.records.identity_tables import ContactCheck, Invitation
from gateway.records.upsert import insert

WHY: Final[Mapping[str, str]] = {
    **{str(reason): text for reason, text in REASONS.items()},
    "invitation_expired": "the invitation came to its end before it was used",
    "no_links": "the account is linked to no customer of any source",
    "not_in_every_source": "some source of the account does not know the person",
}
PATIENCE: Final = 10.0  # seconds for one answer
AT_ONCE: Final = 8  # contacts that are asked about; each source has limits of its own besides
BATCH: Final = 50  # verdicts in one transaction


class Verdict(Struct, frozen=True, kw_only=True):
    """What a contact sees, and why not all. `was_asked`: the sources were asked for it just now."""

    contact: Contact
    sees: Sees
    reason: str | None
    checked_at: datetime
    was_asked: bool = False


class Overview(Struct, frozen=True, kw_only=True):
    """How many would see what, and a page of them. Each who is shown is compared with what is there now."""

    invited: int
    sees: Mapping[Sees, int]
    oldest: datetime | None
    comparing: int
    shown: tuple[Verdict, ...]

    @property
    def unknown(self) -> int:
        """Of how many nobody has asked, or something has changed since."""
        return self.invited - sum(self.sees.values())


class Preview:
    """Judges every contact who is invited."""

    def __init__(self, db: Database, offices: Offices, clock: Clock, policy: Policy) -> None:
        self._db = db
        self._offices = offices
        self._clock = clock
        self._policy = policy
        self._holding = Holding(db, clock)

    async def run(
        self,
        *,
        older_than: timedelta | None,
        told: Callable[[int, int], None],
        patience: float = PATIENCE,
    ) -> tuple[Verdict, ...]:
        """Judge everybody. The sources are asked about whom the inputs changed, or whose verdict is that old.

        `older_than` None: only about the former. `told` hears how many are done, and of how many.
        """
        basis, now = await self.basis(), self._clock()
        contacts = await self._everybody()
        verdicts = {each.invitation: _still(each, kept, basis, now, older_than) for each, kept in contacts}
        due = [each for each, _ in contacts if verdicts[each.invitation] is None]
        verdicts |= {each.contact.invitation: each for each in await self._ask(due, basis, patience, told)}
        await self._holding.turn()
        return tuple(verdict for verdict in verdicts.values() if verdict)

    async def catch_up(self) -> str:
        """Have what is counted compared, if it is little. Tells the basis on which verdicts are made now."""
        await self._holding.catch_up()
        return await self.basis()

    async def ask(self, *, older_than: timedelta, most: int, patience: float) -> None:
        """Judge `most` of those whom `run` would ask about: who was never asked about first, then the longest ago."""
        basis, now = await self.catch_up(), self._clock()
        async with self._db.read() as session:
            counted = await holding.counting(session, basis, now)
            known = sa.select(ContactCheck.invitation_id).where(
                *counted.where, ContactCheck.checked_at > now - older_than
            )
            ids = sa.select(Invitation.id).join(ContactCheck, isouter=True).where(INVITED, Invitation.id.not_in(known))
            ids = ids.order_by(ContactCheck.checked_at.asc().nulls_first(), Invitation.id)
            contacts = await contacts_among(session, (await session.scalars(ids.limit(most))).all(), now)
        await self._ask([each for each, _ in contacts], basis, patience, lambda _done, _all: None)
        await self._holding.catch_up()

    async def known(self) -> tuple[tuple[Verdict, ...], int]:
        """Give the verdicts that still hold, and of how many who are invited there is none. Asks no source."""
        basis, now = await self.basis(), self._clock()
        found = [_still(each, kept, basis, now, None) for each, kept in await self._everybody()]
        return tuple(filter(None, found)), found.count(None)

    async def overview(self, sees: Sees | None, page: int, size: int) -> Overview:
        """Count what is known, and give a page of it. Asks no source. Pages count from 1."""
        basis, now = await self.catch_up(), self._clock()
        async with self._db.read() as session:
            counted = await holding.counting(session, basis, now)
            tally = await holding.count(session, counted)
            fit = (*counted.where, ContactCheck.verdict == sees) if sees else counted.where
            many = tally.sees[sees] if sees else sum(tally.sees.values())
            ids = await holding.page_of(session, fit, many, page, size)
            found = [_still(each, kept, basis, now, None) for each, kept in await contacts_among(session, ids, now)]
        return Overview(
            invited=tally.invited,
            sees=tally.sees,
            oldest=tally.oldest,
            comparing=tally.comparing,
            shown=tuple(each for each in found if each),
        )

    async def basis(self) -> str:
        """Name what the verdicts of all depend on: the sources as they are set up, and the policy."""
        versions = sorted((office.name, office.version) for office in (await self._offices.all()).values())
        return hashlib.sha256(msgspec.json.encode([versions, self._policy])).hexdigest()[:16]

    async def _everybody(self) -> list[Known]:
        found: list[Known] = []
        async with self._db.read() as session:
            async for part in everybody(session, self._clock()):
                found += part
        return found

    async def _ask(
        self, due: Sequence[Contact], basis: str, patience: float, told: Callable[[int, int], None]
    ) -> list[Verdict]:
        verdicts: list[Verdict] = []
        for begin in range(0, len(due), BATCH):
            gate = asyncio.Semaphore(AT_ONCE)
            judged = await asyncio.gather(*(self._judge(each, gate, patience) for each in due[begin : begin + BATCH]))
            await self._keep(judged, basis)
            verdicts += judged
            told(len(verdicts), len(due))
        return verdicts

    async def _judge(self, contact: Contact, gate: asyncio.Semaphore, patience: float) -> Verdict:
        now = self._clock()
        if contact.is_over or (contact.until is not None and contact.until <= now):
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

    async def _keep(self, verdicts: Sequence[Verdict], basis: str) -> None:
        """Remember verdicts, but none that a silent source made: it is to be asked again. They hold once compared."""
        async with self._db.write() as session:
            for each in sorted(verdicts, key=lambda each: each.contact.invitation):  # in the order of all who lock them
                inputs = "" if each.reason == "source_silent" else each.contact.inputs
                said = {"verdict": each.sees, "reason": each.reason, "checked_at": each.checked_at}
                row = {**said, "inputs": inputs, "basis": basis, "holds_until": None}
                put = insert(session, ContactCheck).values(invitation_id=each.contact.invitation, **row)
                await session.execute(put.on_conflict_do_update(index_elements=["invitation_id"], set_=row))
            await holding.note(session, [each.contact.invitation for each in verdicts])


def _still(
    contact: Contact, kept: PastVerdict | None, basis: str, now: datetime, older_than: timedelta | None
) -> Verdict | None:
    """Give the verdict that was kept, if it is about the same and not too old."""
    if kept is None or (kept.inputs, kept.basis) != (contact.inputs, basis):
        return None
    if older_than is not None and now - kept.checked_at >= older_than:
        return None
    return Verdict(contact=contact, sees=kept.sees, reason=kept.reason, checked_at=kept.checked_at)
