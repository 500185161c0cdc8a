"""What customers see at all: how far anybody's rights reach, and which groups of a record's fields are shown.

It is decided here alone. Rights are clipped where a scope is made, fields are left out where records are looked at;
what is said to be shown is shown, and nothing else: neither a group nor a field that nobody has spoken of.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeVar, get_args

import msgspec
import structlog
from msgspec import Struct
from msgspec.structs import fields, replace

from cache.same import Same
from connectors.records import KINDS, Invoice, Kind, Order, Record, Ticket
from gateway.rights import AREAS, COMPANY, OWN, REACHES, Reach, Rights

LISTS = 256  # that stay as they are shown, as of those that stay unpacked
FILES = "files"

# Group -> the fields of a record that it is. "prices" are amounts of single lines: what a record comes to is always
# shown, as nothing could be decided or paid without it.
GROUPS: Mapping[Kind, Mapping[str, frozenset[str]]] = {
    "orders": {
        "lines": frozenset({"lines"}),
        "prices": frozenset(),
        "tracking": frozenset({"shipments"}),
        "dates": frozenset({"expected_on"}),
        FILES: frozenset({"files"}),
    },
    "invoices": {
        "lines": frozenset({"lines"}),
        "prices": frozenset(),
        "payment": frozenset({"pay_url"}),
        FILES: frozenset({"files"}),
    },
    "tickets": {FILES: frozenset()},
}
_EVERY = frozenset({"origin", "number", "state", "vendor_state", "people", "wording"})
ALWAYS: Mapping[Kind, frozenset[str]] = {
    "orders": _EVERY | {"total", "ordered_at", "valid_until", "awaits_answer", "reference", "title"},
    "invoices": _EVERY | {"total", "open", "is_credit_note", "issued_on", "due_on", "order_number", "reference"},
    "tickets": _EVERY | {"subject", "created_at", "messages"},
}
ALL: Mapping[Kind, frozenset[str]] = {kind: frozenset(groups) for kind, groups in GROUPS.items()}

R = TypeVar("R", bound=Record)
log = structlog.get_logger()


class Shown(Struct, frozen=True, kw_only=True):
    """`most`: how far anybody's rights reach. `fields`: of each kind the groups that are shown."""

    most: Rights = COMPANY
    fields: Mapping[Kind, frozenset[str]] = msgspec.field(default_factory=lambda: ALL)

    def shows(self, kind: Kind, group: str) -> bool:
        return group in self.fields.get(kind, frozenset())


EVERYTHING = Shown()
CAREFUL = Shown(most=OWN, fields={})  # where nobody can tell what was decided


def read_shown(stored: object) -> Shown:
    """Read what `stored_shown` wrote. Without a word of staff's it is everything; what cannot be read shows little."""
    if stored is None:
        return EVERYTHING
    try:
        return msgspec.convert(stored, Shown)
    except msgspec.ValidationError:
        log.exception("what customers see is not readable")
        return CAREFUL


def stored_shown(shown: Shown) -> dict[str, Any]:
    """Give it as a column keeps it: what is shown, so that what comes later is not."""
    reaches = {area: shown.most.reach(area) for area in AREAS}
    return {"most": reaches, "fields": {kind: sorted(shown.fields.get(kind, ())) for kind in get_args(Kind)}}


def clipped(rights: Rights, most: Rights) -> Rights:
    """Let rights reach no further than anybody's."""
    if rights.is_within(most):
        return rights
    return replace(rights, **{area: _less(rights.reach(area), most.reach(area)) for area in AREAS})


def conceal(kind: Kind, records: tuple[R, ...], shown: Shown) -> tuple[R, ...]:
    """Leave out of records what is not shown. Where nothing is left out, it is the very same list."""
    return records if shown is EVERYTHING else _concealed(kind, Same(records), Same(shown))


@lru_cache(maxsize=LISTS)
def _concealed(kind: Kind, records: Same[tuple[R, ...]], shown: Same[Shown]) -> tuple[R, ...]:
    left = tuple(_one(kind, record, shown.it) for record in records.it)
    return records.it if all(new is old for new, old in zip(left, records.it, strict=True)) else left


def _one(kind: Kind, record: R, shown: Shown) -> R:
    shows = ALWAYS[kind].union(*(its for group, its in GROUPS[kind].items() if shown.shows(kind, group)))
    gone = {each.name: each.default for each in fields(KINDS[kind]) if each.name not in shows}
    left: R = replace(record, **gone) if any(getattr(record, name) != value for name, value in gone.items()) else record
    if not shown.shows(kind, "prices") and isinstance(left, Order | Invoice) and any(line.total for line in left.lines):
        left = replace(left, lines=tuple(replace(line, total=None) for line in left.lines))
    if not shown.shows(kind, FILES) and isinstance(left, Ticket) and any(each.files for each in left.messages or ()):
        left = replace(left, messages=tuple(replace(each, files=()) for each in left.messages or ()))
    return left


def _less(one: Reach, other: Reach) -> Reach:
    return min(one, other, key=REACHES.index)
