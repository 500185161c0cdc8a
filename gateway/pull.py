"""One question to one back office. What is kept of the answer is only what is proven to be the customer's."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from traceback import clear_frames

import msgspec
import structlog
from msgspec import Struct
from msgspec.structs import replace

from cache.keys import LIFETIMES, Family, key
from cache.snapshots import Snapshot, Stored
from connectors.contract import Answer, Query, RecordQuery
from connectors.errors import ConnectorError, NotFound
from connectors.records import KINDS, Kind, Record
from connectors.scope import admit
from gateway.compact import FrameError, expand, shrink
from gateway.offices import Office

log = structlog.get_logger()

LATEST = 200  # records of a history that are read at once; older ones when somebody pages back to them
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
READ = 256  # payloads that stay unpacked: whoever looks at several pages comes with the same ones each time
MAX_PAGES = 20  # of what is open, or of a kind that its source cannot narrow to that


class Pull(Struct, frozen=True, kw_only=True):
    """What to ask, for whom, and where the answer is kept. `record_id` None: a list, from `cursor` on."""

    account: str
    customer: str
    kind: Kind
    office: Office
    record_id: str | None = None
    cursor: str | None = None

    @property
    def source(self) -> str:
        return self.office.name

    @property
    def topic(self) -> tuple[str, Kind]:
        """What a back office answers, or does not, whoever it is about."""
        return self.source, self.kind

    @property
    def key(self) -> str:
        # The version: what was read before a source's settings changed may be another system's.
        whose = (self.account, self.source, self.office.version, self.customer, self.kind)
        return key(self._family, *whose, *filter(None, (self.record_id, self.cursor)))

    @property
    def is_list(self) -> bool:
        """Whether it is the latest records of a customer, and neither older ones nor a single one."""
        return self._family == "list"

    @property
    def note(self) -> str:
        """What names the list to those who look for news in it, whatever has become of the source's settings."""
        return msgspec.json.encode((self.account, self.source, self.customer, self.kind)).decode()

    @property
    def lifetime(self) -> timedelta:
        return LIFETIMES[self._family]

    @property
    def promise(self) -> timedelta:
        return self.office.promise(self.kind)

    @property
    def is_followed(self) -> bool:
        """Whether a feed tells of its changes: of the latest records, not of older ones, nor of one that is whole."""
        return self.is_list and self.kind in self.office.connector.feeds

    @property
    def _family(self) -> Family:
        if self.record_id is not None:
            return "detail"
        return "list" if self.cursor is None else "older"


class Known(Struct, frozen=True, kw_only=True):
    """What is known of a customer since `fetched_at`, when it was asked for as a whole.

    `older` is where the rest of the history begins, None at its end. `all_open` False: something in that rest may
    still want to be paid or answered. `gone` are records that were told to be gone, and when we asked. `checked_at` and
    `followed_at` are what a feed vouches for, see `as_of` and `followed_to`. `head` is that of what is stored.
    """

    records: tuple[Record, ...]
    fetched_at: datetime
    older: str | None = None
    all_open: bool = True
    gone: Mapping[str, datetime] = msgspec.field(default_factory=dict)
    checked_at: datetime | None = None
    followed_at: datetime | None = None
    head: bytes = b""

    @property
    def as_of(self) -> datetime:
        """Until when all of it is known to be true."""
        return self.checked_at or self.fetched_at

    @property
    def followed_to(self) -> datetime:
        """Until when it is known to be true, but for what a feed cannot tell."""
        return self.followed_at or self.as_of

    @property
    def is_whole(self) -> bool:
        """False for changes alone, that are kept for whoever is just asking for the rest."""
        return self.fetched_at > NEVER


async def pull(want: Pull, asked_at: datetime) -> Known:
    """Ask, and check the owners. A record that is not there is no record, and no error. Raises `ConnectorError`."""
    try:
        answers, older, all_open = await (_one(want, asked_at) if want.record_id else _list(want, asked_at))
    except NotFound:
        answers, older, all_open = [], None, True
    except ConnectorError as error:
        _empty(error)
        raise
    admitted = admit(answers, want.customer)
    if admitted.refused:
        log.error("record of another customer dropped", source=want.source, kind=want.kind, ids=admitted.refused)
    strange = sorted({record.vendor_state for record in admitted.records if record.state == "unknown"})
    if strange:
        log.warning("status without words", source=want.source, kind=want.kind, states=strange)
    return Known(records=admitted.records, fetched_at=asked_at, older=older, all_open=all_open)


def _empty(error: BaseException) -> None:
    """Forget what was at hand when it was raised, or whoever keeps the error keeps the whole answer that it is about.

    Also in the errors that it came of: `from None` only keeps them from being shown.
    """
    its: BaseException | None = error
    while its is not None:
        clear_frames(its.__traceback__)
        its = its.__context__


def pack(want: Pull, known: Known) -> Snapshot:
    payload = msgspec.msgpack.encode((known.records, known.older, known.all_open, known.gone))
    return Snapshot(owner=want.account, fetched_at=known.fetched_at, payload=shrink(payload))


def unpack(want: Pull, stored: Stored) -> Known | None:
    """Read what `pack` wrote. What another version of us wrote, and we cannot read, is not known."""
    snapshot = stored.snapshot
    if snapshot is None:
        return None
    try:
        records, older, all_open, gone = _read(want.kind, snapshot.payload)
    except (msgspec.MsgspecError, FrameError):
        log.warning("snapshot of another form dropped", source=want.source, kind=want.kind)
        return None
    return Known(
        records=records,
        fetched_at=snapshot.fetched_at,
        older=older,
        all_open=all_open,
        gone=gone,
        head=stored.head,
    )


@lru_cache(maxsize=READ)
def _read(kind: Kind, payload: bytes) -> "_Written":
    return _DECODERS[kind].decode(expand(payload))


async def _one(want: Pull, asked_at: datetime) -> "_Read":
    fetch = want.office.connector.fetch[want.kind]
    query = RecordQuery(id=want.record_id or "", customer=want.customer, asked_at=asked_at)
    return [await fetch(want.office.back_office, query)], None, True


async def _list(want: Pull, asked_at: datetime) -> "_Read":
    """Read the latest records, and what is open among all the others too: the sum to pay has to be right."""
    narrows = want.kind in want.office.connector.reads_open
    query = Query(customer=want.customer, asked_at=asked_at, cursor=want.cursor)
    answers, older = await _pages(want, query, enough=LATEST if narrows or want.cursor else None)
    if older is None or want.cursor or not narrows:
        return answers, older, older is None
    still_open, more = await _pages(want, replace(query, only_open=True), enough=None)
    latest = {answer.record.origin.id for answer in answers}
    answers += [answer for answer in still_open if answer.record.origin.id not in latest]
    return answers, older, more is None


async def _pages(want: Pull, query: Query, *, enough: int | None) -> tuple[list[Answer[Record]], str | None]:
    """Read page after page until the end, or until it is enough. Gives the cursor of what was not read."""
    answers: list[Answer[Record]] = []
    for _ in range(MAX_PAGES):
        page = await want.office.connector.reads[want.kind](want.office.back_office, query)
        answers.extend(page.answers)
        query = replace(query, cursor=page.cursor)
        if page.cursor is None or (enough and len(answers) >= enough):
            break
    return answers, query.cursor


_Read = tuple[list[Answer[Record]], str | None, bool]  # what was answered, `older` and `all_open` of what is known

_Written = tuple[tuple[Record, ...], str | None, bool, Mapping[str, datetime]]  # a `Known`, as it is packed

_DECODERS: dict[Kind, msgspec.msgpack.Decoder[_Written]] = {
    kind: msgspec.msgpack.Decoder(tuple[tuple[record, ...], str | None, bool, dict[str, datetime]])  # type: ignore[valid-type]
    for kind, record in KINDS.items()
}
