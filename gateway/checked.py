"""How far a feed was followed, and what it vouches for: every list that was read as a whole since it began."""

from datetime import datetime
from typing import Any

import msgspec
import structlog
from msgspec import Struct
from msgspec.structs import replace

from cache.keys import key
from cache.marks import value_of
from connectors.contract import Feed
from connectors.records import Kind
from gateway.offices import Office
from gateway.pull import Known

log = structlog.get_logger()


class Checked(Struct, frozen=True, kw_only=True):
    """Kept in Redis beside the lists, so that both are lost together.

    `cursor` is where to go on. All changes since `since` were brought in, up to `checked_at`, None: not yet. The look
    that is under way began at `began_at`: what changes after that is told by the next one. `run` is the run of Redis
    to which they were brought: after a restart it may have less than we wrote.
    """

    cursor: str | None
    since: datetime
    checked_at: datetime | None
    began_at: datetime | None = None
    run: str

    def vouch(self, known: Known, feed: Feed[Any]) -> Known:
        """Say until when a list is known to be true, whatever changed since it was read."""
        if self.checked_at is None or known.fetched_at < self.since:
            return known
        until = max(self.checked_at, known.fetched_at)
        as_of = min(until, known.fetched_at + feed.whole_every)
        return replace(known, checked_at=as_of, followed_at=until if feed.tells_owners else as_of)


def mark_of(office: Office, kind: Kind) -> str:
    """Name the mark of a source's feed. What was followed before its settings changed may be another system's."""
    return key("mark", office.name, office.version, kind)


def read_mark(stored: bytes | None) -> Checked | None:
    """Read a mark as it is stored."""
    return parse_mark(value_of(stored))


def parse_mark(value: bytes | None) -> Checked | None:
    if value is None:
        return None
    try:
        return _decoder.decode(value)
    except msgspec.MsgspecError:
        log.warning("unreadable mark of a feed")
        return None


_decoder = msgspec.json.Decoder(Checked)
