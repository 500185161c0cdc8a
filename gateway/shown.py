"""What customers see at all: how far anybody's rights reach, and which groups of a record's fields are shown.

It is decided here alone. Rights are clipped where a scope is made, fields are left out where records are looked at;
what is said to be shown is shown, and nothing else: neither a group nor a field that nobody has spoken of.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeVar, get_args

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo, fields, replace

from cache.same import Same
from connectors.details import DetailName
from connectors.records import KINDS, Invoice, Kind, Money, Order, Record, Ticket
from gateway.rights import AREAS, COMPANY, OWN, REACHES, Reach, Rights

LISTS = 256  # that stay as they are shown, as of those that stay unpacked
FILES, AMOUNTS = "files", "amounts"

# Group -> the fields of a record that it is. "amounts" are what a record comes to, "prices" those of single lines.
GROUPS: Mapping[Kind, Mapping[str, frozenset[str]]] = {
    "orders": {
        AMOUNTS: frozenset({"total"}),
        "lines": frozenset({"lines"}),
        "prices": frozenset(),
        "tracking": frozenset({"shipments"}),
        "dates": frozenset({"expected_on"}),
        FILES: frozenset({"files"}),
    },
    "invoices": {
        AMOUNTS: frozenset({"total", "open"}),
        "lines": frozenset({"lines"}),
        "prices": frozenset(),
        "payment": frozenset({"pay_url"}),
        FILES: frozenset({"files"}),
    },
    "tickets": {FILES: frozenset()},
}
# They say what a record comes to: papers, pages to pay at, and lines that could be added up.
SAYS_AMOUNTS = frozenset({"prices", "payment", FILES})
ADDRESS = "address"
DETAILS: Mapping[str, frozenset[DetailName]] = {ADDRESS: frozenset({"street", "zip", "city"})}
_EVERY = frozenset({"origin", "number", "state", "vendor_state", "people", "wording"})
ALWAYS: Mapping[Kind, frozenset[str]] = {
    "orders": _EVERY | {"ordered_at", "valid_until", "awaits_answer", "reference", "title"},
    "invoices": _EVERY | {"is_credit_note", "issued_on", "due_on", "order_number", "reference"},
    "tickets": _EVERY | {"subject", "created_at", "messages"},
}
ALL: Mapping[Kind, frozenset[str]] = {kind: frozenset(groups) for kind, groups in GROUPS.items()}
ALL_DETAILS = frozenset(DETAILS)

R = TypeVar("R", bound=Record)


class Shown(Struct, frozen=True, kw_only=True):
    """`most`: how far anybody's rights reach. `fields`: of each kind the groups that are shown.

    `details`: the groups that are shown of what sources know of the members themselves.
    """

    most: Rights = COMPANY
    fields: Mapping[Kind, frozenset[str]] = msgspec.field(default_factory=lambda: ALL)
    details: frozenset[str] = ALL_DETAILS

    def shows(self, kind: Kind, group: str) -> bool:
        """Whether a group is shown. What says what a record comes to is not, where that is not."""
        its = self.fields.get(kind, frozenset())
        return group in its and (group not in SAYS_AMOUNTS or AMOUNTS in its or AMOUNTS not in GROUPS[kind])

    @property
    def normal(self) -> "Shown":
        """Say the same, and tick nothing that is not shown all the same."""
        fields = {kind: frozenset(each for each in GROUPS[kind] if self.shows(kind, each)) for kind in GROUPS}
        return replace(self, fields=fields)

    def shows_detail(self, name: str) -> bool:
        return all(name not in its or group in self.details for group, its in DETAILS.items())


EVERYTHING = Shown()
CAREFUL = Shown(most=OWN, fields={}, details=frozenset())  # where nobody can tell what was decided


def stored_shown(shown: Shown) -> dict[str, Any]:
    """Give it as a column keeps it: what is shown, so that what comes later is not."""
    reaches = {area: shown.most.reach(area) for area in AREAS}
    fields = {kind: sorted(shown.fields.get(kind, ())) for kind in get_args(Kind)}
    return {"most": reaches, "fields": fields, "details": sorted(shown.details)}


def stricter(one: Shown, other: Shown) -> Shown:
    """Show what both show."""
    return Shown(
        most=clipped(one.most, other.most),
        fields={kind: one.fields.get(kind, frozenset()) & other.fields.get(kind, frozenset()) for kind in GROUPS},
        details=one.details & other.details,
    )


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
    left = tuple(conceal_one(kind, record, shown.it) for record in records.it)
    return records.it if all(new is old for new, old in zip(left, records.it, strict=True)) else left


def conceal_one(kind: Kind, record: R, shown: Shown) -> R:
    """Leave out of a record what is not shown. Where nothing is left out, it is the very same one."""
    shows = ALWAYS[kind].union(*(its for group, its in GROUPS[kind].items() if shown.shows(kind, group)))
    gone = {each.name: _blank(each) for each in fields(KINDS[kind]) if each.name not in shows}
    left: R = replace(record, **gone) if any(getattr(record, name) != value for name, value in gone.items()) else record
    if not shown.shows(kind, AMOUNTS):
        left = _without_amounts(record, left)
    if not shown.shows(kind, "prices") and isinstance(left, Order | Invoice) and any(line.total for line in left.lines):
        left = replace(left, lines=tuple(replace(line, total=None) for line in left.lines))
    if not shown.shows(kind, FILES) and isinstance(left, Ticket) and any(each.files for each in left.messages or ()):
        left = replace(left, messages=tuple(replace(each, files=()) for each in left.messages or ()))
    return left


def _blank(field: FieldInfo) -> Any:  # noqa: ANN401  # what a field holds
    return None if field.default is NODEFAULT else field.default


def _without_amounts(record: Record, left: R) -> R:
    """Leave no state that could only be told by an amount, and no offer that nobody could weigh."""
    match record, left:
        case Invoice(state="open" | "part_paid", is_credit_note=False, open=Money(amount=amount)), _ if amount <= 0:
            return replace(left, state="paid")  # it asks for nothing
        case _, Order(awaits_answer=True):
            return replace(left, awaits_answer=False)
        case _:
            return left


def _less(one: Reach, other: Reach) -> Reach:
    return min(one, other, key=REACHES.index)
