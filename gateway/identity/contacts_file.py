"""A file of contacts to invite: what each line says, and why some lines cannot be meant so."""

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain

from msgspec import Struct

from gateway.access import LinkRef
from gateway.identity.contacts_text import separator_of
from gateway.identity.mailboxes import folded, is_plain
from gateway.links import ACCOUNT_ID, TEXT, LinkError
from gateway.rights import COMPANY, OWN, Rights

NEEDED = ("email", "account")
KNOWN = (*NEEDED, "name", "account_name", "reach")
SOURCE = "source:"
ONE = "decide which one is right, and take the other out"
REACHES: Mapping[str, Rights] = {"": OWN, "own": OWN, "company": COMPANY}


class Row(Struct, frozen=True, kw_only=True):
    """One contact. `line` is where it begins in the file; `email` has A to Z small."""

    line: int
    email: str
    name: str | None
    account: str
    account_name: str | None
    rights: Rights
    customers: tuple[LinkRef, ...]


class Refusal(Struct, frozen=True, order=True):
    """A line that was not taken, why, and what to do about it."""

    line: int
    reason: str
    remedy: str = ""

    @property
    def whole(self) -> str:
        """Both, as one line says them."""
        return f"{self.reason}: {self.remedy}" if self.remedy else self.reason


def read_contacts(lines: Iterable[str], sources: frozenset[str]) -> tuple[list[Row], list[Refusal]]:
    """Read a CSV file, parted by what parts its head. Raises `LinkError` where that cannot be understood."""
    going = iter(lines)
    head_line = next(going, "")
    reader = csv.DictReader(chain([head_line], going), strict=True, delimiter=separator_of(head_line))
    try:
        head = [name.strip() for name in reader.fieldnames or ()]
        _check_head(head)
        reader.fieldnames = head
        read = [_row(line, values, sources) for line, values in _values(reader)]
    except csv.Error as error:
        raise LinkError(f"line {reader.reader.line_num}: this is no CSV ({error})") from None
    rows = [row for row in read if isinstance(row, Row)]
    doubts = {doubt.line: doubt for doubt in (*_doubts_of_addresses(rows), *_doubts_of_customers(rows))}
    refused = [each for each in read if isinstance(each, Refusal)]
    return [row for row in rows if row.line not in doubts], sorted([*refused, *doubts.values()])


def _values(reader: "csv.DictReader[str]") -> Iterator[tuple[int, Mapping[str | None, object]]]:
    """Give each line with its number; a value may hold line breaks."""
    begins = reader.line_num + 1
    for values in reader:
        yield begins, values  # what is beyond the head is under None
        begins = reader.line_num + 1


def _check_head(head: list[str]) -> None:
    missing = [name for name in NEEDED if name not in head]
    strange = [name for name in head if name not in KNOWN and not name.startswith(SOURCE)]
    twice = sorted({name for name in head if head.count(name) > 1})
    if missing or strange or twice:
        wrong = "; ".join(
            f"{what}: {', '.join(names)}"
            for what, names in (("missing", missing), ("unknown", strange), ("twice", twice))
            if names
        )
        raise LinkError(
            f"the first line names the columns ({wrong}): email, account, and where you have them name, account_name, "
            "reach, and source:NAME for the customer's id in that source"
        )


def _row(line: int, values: Mapping[str | None, object], sources: frozenset[str]) -> Row | Refusal:
    if None in values or None in values.values():
        return Refusal(
            line,
            "has not as many values as the first line has columns",
            "add what is missing, or put quotes around a value that holds the separator",
        )
    given = {str(name): str(value).strip() for name, value in values.items()}
    ids = {name.removeprefix(SOURCE): value for name, value in given.items() if name.startswith(SOURCE) and value}
    problem = _problem(given, ids, sources)
    if problem:
        return Refusal(line, *problem)
    customers = [LinkRef(source, each.strip()) for source, value in ids.items() for each in value.split(";")]
    return Row(
        line=line,
        email=folded(given["email"]),
        name=given.get("name") or None,
        account=given["account"],
        account_name=given.get("account_name") or None,
        rights=REACHES[given.get("reach", "")],
        customers=tuple(filter(lambda ref: ref.customer, customers)),
    )


def _problem(given: Mapping[str, str], ids: Mapping[str, str], sources: frozenset[str]) -> tuple[str, str] | None:
    """Say what is wrong with a line, and what to do."""
    unknown = sorted(ids.keys() - sources)
    if not is_plain(given["email"]):
        return (
            "is no e-mail address, or has letters that can be mistaken for others",
            "write one address, with letters of A to Z",
        )
    if not ACCOUNT_ID.fullmatch(given["account"]):
        return (
            "has no account id",
            "an account id is small letters, digits and hyphens, 63 at the most: acme-ltd",
        )
    if given.get("reach", "") not in REACHES:
        return "has a reach that there is not", "reach is own or company, or nothing, which is own"
    if unknown:
        there_is = ", ".join(sorted(sources)) or "none yet"
        return f"there is no source {unknown[0]!r}", f"name the column after one of them (there is: {there_is})"
    if any(len(value) > TEXT or not value.isprintable() for value in given.values()):
        return f"a value is longer than {TEXT} characters, or has some that nobody sees", "write it anew, and shorter"
    return None


def _doubts_of_addresses(rows: Iterable[Row]) -> Iterator[Refusal]:
    """Refuse each line of an address that is given to several accounts, or with several reaches."""
    meant: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        meant[row.email].append(row)
    for same in meant.values():
        for row, other in _against(same, lambda each: (each.account, each.rights)):
            if other.account != row.account:
                yield Refusal(row.line, f"ambiguous: line {other.line} gives the address to {other.account!r}", ONE)
            else:
                yield Refusal(row.line, f"ambiguous: line {other.line} gives the address another reach", ONE)


def _doubts_of_customers(rows: Iterable[Row]) -> Iterator[Refusal]:
    """Refuse each line of a customer who is given to several accounts: the first is no better than the last."""
    meant: dict[LinkRef, list[Row]] = defaultdict(list)
    for row in rows:
        for ref in row.customers:
            meant[ref].append(row)
    for ref, same in meant.items():
        for row, other in _against(same, lambda each: each.account):
            theirs = f"customer {ref.customer!r} of {ref.source!r}"
            yield Refusal(row.line, f"{theirs} belongs to {other.account!r} in line {other.line}", ONE)


def _against(same: Sequence[Row], meant: Callable[[Row], object]) -> Iterator[tuple[Row, Row]]:
    """Give each row with the first one that is not meant like it, if there is any. Looks at each row twice at most."""
    first = same[0]
    other = next((each for each in same if meant(each) != meant(first)), None)
    for row in same if other else ():
        yield row, other if other and meant(row) == meant(first) else first
