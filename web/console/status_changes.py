"""Differences of what staff say about statuses, as their pages show them."""

from msgspec import Struct

from connectors.records import Kind
from gateway.dictionary.overview import reads
from gateway.dictionary.versions import Difference, differences
from gateway.statuses import Status
from gateway.wording import Words
from web.console.publishing import Called


class Change(Struct, frozen=True, kw_only=True):
    """What customers read before and after, where no day says otherwise."""

    title: str
    kind: Kind
    status: str
    before: Status
    after: Status
    mails: tuple[bool, bool]


def changes_of(before: Words, after: Words, called: Called) -> list[Change]:
    return [_change(each, called) for each in differences(before, after)]


def _change(each: Difference, called: Called) -> Change:
    office = called.offices.get(each.source)
    usual = office.connector.statuses.get(each.kind, {}).get(each.status, "unknown") if office else "unknown"
    return Change(
        title=office.title if office else each.source,
        kind=each.kind,
        status=each.status,
        before=reads(each.kind, usual, each.before),
        after=reads(each.kind, usual, each.after),
        mails=(each.before.mails, each.after.mails),
    )
