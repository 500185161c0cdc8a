"""Why does this customer see a record, and why not? For staff: every fact in full, and the first that is missing."""

from msgspec import Struct
from msgspec.structs import replace

from connectors.errors import NotFound, Unavailable
from connectors.records import Kind
from gateway.access import scope_of
from gateway.account_view import AccountViews
from gateway.audit import Trail
from gateway.grounds import Grounds, grounds_of
from gateway.proofs import Asked, Denial, Linked, Proof, decide
from gateway.records.database import Database
from gateway.records.lines import By, Line
from gateway.records.tables import Member
from gateway.rights import COMPANY


class Judged(Struct, frozen=True, kw_only=True):
    """The proof by what the rows and the source say now. `denial` None: they see it.

    `unsure`: the source has not said anything yet, so nobody can tell.
    """

    called: str
    proof: Proof
    denial: Denial | None
    unsure: bool = False


async def judge(  # noqa: PLR0917  # a question has these parts
    db: Database, views: AccountViews, member_id: str, account_id: str, kind: Kind, source: str, record_id: str
) -> Judged | None:
    """Ask the source whose the record is, and judge. None: there is no such member.

    It is asked for the whole account, or a record that rights hide could not be explained; only whose it is comes
    back, and nothing that is in it.
    """
    async with db.read() as session:
        member = await session.get(Member, member_id)
    if member is None:
        return None
    grounds = await grounds_of(db, member_id, account_id)
    scope = await scope_of(db, member_id, account_id)
    asked = Asked(issuer=member.issuer, subject=member.subject, source=source, kind=kind, id=record_id)
    known = Proof(asked=asked, identity=grounds.identity, acting=grounds.acting, linked=_link(grounds, source, None))
    if scope is None:
        return Judged(called=member.called, proof=known, denial=decide(known))
    view = await views.of(replace(scope, rights=COMPANY))
    try:
        read = (await view.why(kind, source, record_id)).read
    except NotFound:
        return Judged(called=member.called, proof=known, denial=decide(known))
    except Unavailable:
        return Judged(called=member.called, proof=known, denial=decide(known), unsure=True)
    people = read.people if read else ()
    proof = replace(
        known,
        linked=_link(grounds, source, read.customer if read else None),
        read=read,
        named=next((each for each in grounds.named if each.source == source and each.person in people), None),
    )
    return Judged(called=member.called, proof=proof, denial=decide(proof))


async def note_judged(db: Database, judged: Judged, account_id: str, member_id: str, *, trail: Trail, by: By) -> None:
    """Tell the trail that one of staff asked."""
    asked = judged.proof.asked
    line = Line(
        what="proof.looked_up",
        by=by,
        about=f"member/{member_id}",
        account=account_id,
        details={"source": asked.source, "kind": asked.kind, "denial": judged.denial},
        personal={"record": asked.id},
        owner=by.who,
    )
    async with db.write() as session:
        await trail.record(session, line)


def _link(grounds: Grounds, source: str, customer: str | None) -> Linked | None:
    """The link to that customer; where it is not known to whom, any to that source."""
    there = [each for each in grounds.linked if each.source == source]
    return next((each for each in there if customer in {each.customer, None}), None)
