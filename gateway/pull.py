"""One question to one back office. What is kept of the answer is only what is proven to be the customer's."""

from datetime import datetime, timedelta

import msgspec
import structlog
from msgspec import Struct

from cache.keys import LIFETIMES
from cache.snapshots import Snapshot
from connectors.contract import Answer, Query, RecordQuery
from connectors.errors import NotFound
from connectors.records import KINDS, Kind, Record
from connectors.scope import admit
from gateway.offices import Office

log = structlog.get_logger()

MAX_PAGES = 20  # a longer history is cut here, and the page says so


class Pull(Struct, frozen=True, kw_only=True):
    """What to ask, for whom, and where the answer is kept. `record_id` None: the whole list."""

    account: str
    customer: str
    kind: Kind
    office: Office
    key: str
    record_id: str | None = None

    @property
    def source(self) -> str:
        return self.office.name

    @property
    def lifetime(self) -> timedelta:
        return LIFETIMES["list" if self.record_id is None else "detail"]

    @property
    def promise(self) -> timedelta:
        return self.office.promise(self.kind)


class Known(Struct, frozen=True, kw_only=True):
    """What is known of a customer since `fetched_at`. `complete` False: there is more than was read."""

    records: tuple[Record, ...]
    fetched_at: datetime
    complete: bool


async def pull(want: Pull, asked_at: datetime) -> Known:
    """Ask, and check the owners. A record that is not there is no record, and no error. Raises `ConnectorError`."""
    try:
        answers, complete = await (_list(want, asked_at) if want.record_id is None else _one(want, asked_at))
    except NotFound:
        answers, complete = [], True
    admitted = admit(answers, want.customer)
    if admitted.refused:
        log.error("record of another customer dropped", source=want.source, kind=want.kind, ids=admitted.refused)
    strange = sorted({record.vendor_state for record in admitted.records if record.state == "unknown"})
    if strange:
        log.warning("status without words", source=want.source, kind=want.kind, states=strange)
    return Known(records=admitted.records, fetched_at=asked_at, complete=complete)


def pack(want: Pull, known: Known) -> Snapshot:
    payload = msgspec.msgpack.encode(known.records)
    return Snapshot(owner=want.account, fetched_at=known.fetched_at, complete=known.complete, payload=payload)


def unpack(want: Pull, snapshot: Snapshot | None) -> Known | None:
    """Read what `pack` wrote. What another version of us wrote, and we cannot read, is not known."""
    if snapshot is None:
        return None
    try:
        records = _DECODERS[want.kind].decode(snapshot.payload)
    except msgspec.MsgspecError:
        log.warning("snapshot of another form dropped", source=want.source, kind=want.kind)
        return None
    return Known(records=records, fetched_at=snapshot.fetched_at, complete=snapshot.complete)


async def _list(want: Pull, asked_at: datetime) -> tuple[list[Answer[Record]], bool]:
    read = want.office.connector.reads[want.kind]
    answers: list[Answer[Record]] = []
    cursor: str | None = None
    for _ in range(MAX_PAGES):
        page = await read(want.office.back_office, Query(customer=want.customer, asked_at=asked_at, cursor=cursor))
        answers.extend(page.answers)
        cursor = page.cursor
        if cursor is None:
            return answers, True
    return answers, False


async def _one(want: Pull, asked_at: datetime) -> tuple[list[Answer[Record]], bool]:
    fetch = want.office.connector.fetch[want.kind]
    query = RecordQuery(id=want.record_id or "", customer=want.customer, asked_at=asked_at)
    return [await fetch(want.office.back_office, query)], True


_DECODERS: dict[Kind, msgspec.msgpack.Decoder[tuple[Record, ...]]] = {
    kind: msgspec.msgpack.Decoder(tuple[record, ...])  # type: ignore[valid-type]
    for kind, record in KINDS.items()
}
