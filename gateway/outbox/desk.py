"""Where customers hand in what they want, and see what became of it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from auth.clock import Clock
from connectors.actions import ACTIONS, ActionName, Asked, Attached
from gateway.access import LinkRef, Scope
from gateway.outbox.files import FileShown, Quota, keep, shown
from gateway.outbox.references import new_reference
from gateway.outbox.states import CHANGEABLE, State
from gateway.outbox.steps import Happening, step
from gateway.records.database import Database
from gateway.records.finding import small
from gateway.records.ids import new_id
from gateway.records.outbox_tables import OutboxRow
from gateway.records.signposts import present
from gateway.records.tables import Link, Membership
from gateway.records.upsert import insert

TAKEN_WITHIN = 4.0  # seconds, or not at all: with all else that a request does an answer comes within five


class NotYours(Exception):  # noqa: N818  # says what is, as its siblings do
    """The account has no such thing, or is not that customer."""


class TooLate(Exception):  # noqa: N818  # says what is
    """It is on its way, or done: it can be corrected or taken back no more."""


class Handed(Struct, frozen=True, kw_only=True):
    """What somebody handed in, and how far it is. `number` is what the back office calls it, once it is done.

    `in_doubt`: it waits, and an earlier try may have worked. Nobody changes it before that is found out.
    """

    id: str
    nonce: str
    member: str | None
    reference: str
    source: str
    action: ActionName
    asked: Asked
    state: State
    made_at: datetime
    done_at: datetime | None
    record: str | None
    number: str | None
    files: tuple[FileShown, ...] = ()
    note: dict[str, Any] = {}
    in_doubt: bool = False

    def may_be_changed_by(self, member: str | None) -> bool:
        """Whether they wrote it, and can still correct it or take it back."""
        return member is not None and self.member == member and self.state in CHANGEABLE and not self.in_doubt


def persons_in(scope: Scope, source: str) -> list[str]:
    """Give all that a member is known as in a source."""
    return sorted(each.person for each in scope.persons if each.source == source)


class Desk:
    """Takes what members hand in. `wake` is called when there is something to do."""

    def __init__(self, db: Database, clock: Clock, wake: Callable[[], None], quota: Quota | None = None) -> None:
        self._db = db
        self._clock = clock
        self._wake = wake
        self._quota = quota or Quota()

    async def take(
        self,
        scope: Scope,
        link: LinkRef,
        action: ActionName,
        asked: dict[str, Any],
        nonce: str,
        *,
        files: Sequence[Attached] = (),
        note: dict[str, Any] | None = None,
    ) -> Handed:
        """Write it down; once this returns it is not lost any more. The same form twice is one thing.

        `asked` is what the action needs besides the reference, the customer and the files, which were checked, `note`
        what stays here. Raises `NotYours` for a customer that the account is not, `TooMuch` for too many files,
        `msgspec.ValidationError`, and `DatabaseDown`: then it was not taken.
        """
        if link not in scope.links:
            raise NotYours
        now, reference = self._clock(), new_reference()
        ours = {"reference": reference, "customer": link.customer, "persons": persons_in(scope, link.source)}
        whole = msgspec.convert({**asked, **ours}, ACTIONS[action])
        row = {
            "id": new_id(),
            "reference": reference,
            "account_id": scope.account_id,
            "member_id": scope.member_id,
            "nonce": nonce,
            "action": action,
            "source": link.source,
            "asked": msgspec.to_builtins(whole),
            "note": note or {},
            "state": "waiting",
            "made_at": now,
            "due_at": now,
            "tries": 0,
            "turn": 0,
            "topic": str((note or {}).get("topic") or "")[:200] or None,
            "words": small(reference, asked.get("subject"), scope.account_id, scope.account_name),
        }
        async with self._db.write(within=TAKEN_WITHIN) as session:
            account = row["account_id"] = await present(session, scope.account_id)
            owner = sa.select(Link.account_id).where(Link.source == link.source, Link.customer == link.customer)
            if await session.scalar(owner) not in {account, None}:  # it was moved a moment ago
                raise NotYours
            this = (OutboxRow.account_id == account, OutboxRow.nonce == nonce)
            new = insert(session, OutboxRow).values(**row).on_conflict_do_nothing().returning(OutboxRow.id)
            is_new = await session.scalar(new) is not None
            taken = (await session.scalars(sa.select(OutboxRow).where(*this))).one()
            if is_new:
                await keep(session, taken, files, self._quota)
        self._wake()
        return _handed(taken)

    async def of(self, scope: Scope, *, most: int = 100, own: bool = False) -> tuple[Handed, ...]:
        """List what was handed in for the account, the latest first: the member's `own`, or all.

        Of what colleagues handed in, what is about a customer that the account is no longer is left out.
        """
        theirs = [OutboxRow.account_id == scope.account_id]
        mine = OutboxRow.member_id == scope.member_id
        if own or scope.rights.requests != "company":
            theirs.append(mine)
        else:
            customer = sa.tuple_(OutboxRow.source, OutboxRow.asked["customer"].as_string())
            theirs.append(sa.or_(mine, customer.in_([(each.source, each.customer) for each in scope.links])))
        latest = sa.select(OutboxRow).where(*theirs).order_by(OutboxRow.id.desc()).limit(most)
        async with self._db.read() as session:
            rows = (await session.scalars(latest)).all()
            files = await shown(session, [row.id for row in rows])
        return tuple(_handed(row, files.get(row.id, ())) for row in rows)

    async def every(self, scope: Scope, *, most: int) -> tuple[Handed, ...]:
        """List all that the member handed in for the account, and for accounts that they act for no longer."""
        acts = sa.select(Membership.account_id).where(Membership.member_id == scope.member_id)
        here = sa.or_(OutboxRow.account_id == scope.account_id, OutboxRow.account_id.not_in(acts))
        theirs = sa.select(OutboxRow).where(OutboxRow.member_id == scope.member_id, here)
        async with self._db.read() as session:
            rows = (await session.scalars(theirs.order_by(OutboxRow.id.desc()).limit(most))).all()
            files = await shown(session, [row.id for row in rows])
        return tuple(_handed(row, files.get(row.id, ())) for row in rows)

    async def one(self, scope: Scope, id_: str) -> Handed:
        """Find what the member handed in. Raises `NotYours`."""
        row = await self._find(scope, id_)
        async with self._db.read() as session:
            files = await shown(session, [row.id])
        return _handed(row, files.get(row.id, ()))

    async def about(
        self, scope: Scope, source: str, noun: Literal["order", "ticket"], record: str
    ) -> tuple[Handed, ...]:
        """List what anybody of the account handed in about a record, the latest first, for who may see that record."""
        its = (OutboxRow.account_id == scope.account_id, OutboxRow.source == source)
        named = OutboxRow.asked[noun].as_string() == record
        latest = sa.select(OutboxRow).where(*its, named).order_by(OutboxRow.id.desc())
        async with self._db.read() as session:
            return tuple(map(_handed, await session.scalars(latest)))

    async def take_back(self, scope: Scope, id_: str) -> None:
        """Take back what has not gone out. Raises `NotYours` and `TooLate`."""
        await self._change(scope, id_, "taken_back", {"state": "cancelled", "due_at": None})

    async def correct(self, scope: Scope, id_: str, corrected: dict[str, Any]) -> None:
        """Replace the words of what has not gone out, or was declined, and try it. Raises `NotYours` and `TooLate`."""
        row = await self._find(scope, id_)
        action: ActionName = row.action  # type: ignore[assignment]  # as it was written
        ours = {name: row.asked[name] for name in ("reference", "customer", "persons")}
        asked = msgspec.to_builtins(msgspec.convert({**row.asked, **corrected, **ours}, ACTIONS[action]))
        words = small(row.reference, asked.get("subject"), scope.account_id, scope.account_name)
        values = {"asked": asked, "words": words, "state": "waiting", "due_at": self._clock(), "tries": 0}
        await self._change(scope, id_, "corrected", values)
        self._wake()

    async def _find(self, scope: Scope, id_: str) -> OutboxRow:
        theirs = (OutboxRow.id == id_, OutboxRow.account_id == scope.account_id, OutboxRow.member_id == scope.member_id)
        async with self._db.read() as session:
            row = await session.scalar(sa.select(OutboxRow).where(*theirs))
        if row is None:
            raise NotYours
        return row

    async def _change(self, scope: Scope, id_: str, what: Happening, values: dict[str, Any]) -> None:
        await self._find(scope, id_)
        still = (OutboxRow.id == id_, OutboxRow.state.in_(CHANGEABLE), OutboxRow.in_doubt_since.is_(None))
        changed = sa.update(OutboxRow).where(*still).values(turn=OutboxRow.turn + 1, **values).returning(OutboxRow.id)
        async with self._db.write() as session:
            if await session.scalar(changed) is None:
                raise TooLate
            session.add(step(id_, what, self._clock()))


def _handed(row: OutboxRow, files: tuple[FileShown, ...] = ()) -> Handed:
    action: ActionName = row.action  # type: ignore[assignment]  # as it was written
    state: State = row.state  # type: ignore[assignment]  # as it was written
    return Handed(
        id=row.id,
        nonce=row.nonce,
        member=row.member_id,
        reference=row.reference,
        source=row.source,
        action=action,
        asked=msgspec.convert(row.asked, ACTIONS[action]),
        state=state,
        made_at=row.made_at,
        done_at=row.done_at,
        record=row.record,
        number=row.number,
        files=files,
        note=row.note or {},
        in_doubt=state in CHANGEABLE and row.in_doubt_since is not None,
    )
