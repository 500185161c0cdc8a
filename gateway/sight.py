"""What a scope lets through of what was read: each record by the rule of `gateway.proofs`, and its files too."""

from typing import TypeVar

from msgspec.structs import replace

from connectors.records import Invoice, Kind, Order, Record, Ticket
from gateway.access import Scope
from gateway.proofs import Acting, Asked, Identity, Linked, Named, Proof, Read, decide
from gateway.rights import AREA_OF, Area
from gateway.segments import Policy
from gateway.shown import Shown

R = TypeVar("R", bound=Record)


class Sight:
    """One member's eyes."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._identity = Identity(issuer=scope.issuer, subject=scope.subject, member=scope.member_id)
        self._acting = Acting(member=scope.member_id, account=scope.account_id, rights=scope.rights)

    def shown(self, policy: Policy) -> Shown:
        """Say which parts of records are shown."""
        return policy.seen_by(self._scope.segments).shown

    def reaches(self, kind: Kind, source: str) -> bool:
        """Whether there can be anything at all to see, so that asking makes sense."""
        return self._reaches(AREA_OF[kind], source)

    def opens(self, kind: Kind, source: str) -> bool:
        """Whether any file of such records could be opened."""
        return self._reaches(AREA_OF[kind], source) and self._reaches("documents", source)

    def is_whole(self, kind: Kind) -> bool:
        """Whether no record of the account is hidden, so that what is not shown is not there."""
        return self._scope.rights.reach(AREA_OF[kind]) == "company"

    def opens_all(self, kind: Kind) -> bool:
        return self.is_whole(kind) and self._scope.rights.documents == "company"

    def through(self, kind: Kind, source: str, customer: str, records: tuple[R, ...]) -> tuple[R, ...]:
        """Let the records through that the member may see, without the files that they may not open.

        Where that leaves nothing out, it is the very same list.
        """
        linked = Linked(account=self._scope.account_id, source=source, customer=customer)
        # The facts about two records of one customer differ in their people alone.
        whose = {record.people: record for record in records}
        may_see = {people: self._allows(kind, linked, record) for people, record in whose.items()}
        may_open = {people: self._allows(kind, linked, record, files=True) for people, record in whose.items()}
        if all(may_see.values()) and (all(may_open.values()) or not any(map(has_files, records))):
            return records
        return tuple(
            record if not has_files(record) or may_open[record.people] else without_files(record)
            for record in records
            if may_see[record.people]
        )

    def proof(self, kind: Kind, source: str, customer: str, record: Record, *, files: bool = False) -> Proof:
        """Write down the question, and the facts that this scope has to answer it."""
        linked = Linked(account=self._scope.account_id, source=source, customer=customer)
        return self._proof(kind, linked, record, files=files)

    def _allows(self, kind: Kind, linked: Linked, record: Record, *, files: bool = False) -> bool:
        return decide(self._proof(kind, linked, record, files=files)) is None

    def _proof(self, kind: Kind, linked: Linked, record: Record, *, files: bool = False) -> Proof:
        source, record_id = linked.source, record.origin.id
        scope, identity = self._scope, self._identity
        asked = Asked(
            issuer=identity.issuer, subject=identity.subject, source=source, kind=kind, id=record_id, files=files
        )
        is_own = "own" in {scope.rights.reach(area) for area in asked.areas}
        return Proof(
            asked=asked,
            identity=identity,
            acting=self._acting,
            linked=linked,
            read=Read(source=source, kind=kind, id=record_id, customer=linked.customer, people=record.people),
            named=self._named(source, record) if is_own else None,
        )

    def _named(self, source: str, record: Record) -> Named | None:
        member = self._scope.member_id
        theirs = {ref.person for ref in self._scope.persons if ref.source == source}
        return next(
            (Named(member=member, source=source, person=each) for each in record.people if each in theirs), None
        )

    def _reaches(self, area: Area, source: str) -> bool:
        reach = self._scope.rights.reach(area)
        return reach == "company" or (reach == "own" and any(ref.source == source for ref in self._scope.persons))


def has_files(record: Record) -> bool:
    match record:
        case Order(files=files) | Invoice(files=files):
            return bool(files)
        case Ticket(messages=messages):
            return any(message.files for message in messages or ())
        case _:
            return False


def without_files(record: R) -> R:
    """Leave out what could be opened."""
    match record:
        case Order() | Invoice():
            return replace(record, files=())
        case Ticket():
            return replace(record, messages=tuple(replace(message, files=()) for message in record.messages or ()))
        case _:
            return record
