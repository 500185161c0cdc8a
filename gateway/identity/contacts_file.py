"""A file of contacts to invite: what each line says, and why some lines cannot be meant so."""

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from gateway.access import LinkRef
from gateway.identity.mailboxes import folded, is_plain
from gateway.links import ACCOUNT_ID, TEXT, LinkError
from gateway.rights import COMPANY, OWN, Rights

NEEDED = ("email", "account")
KNOWN = (*NEEDED, "name", "account_name", "reach")
SOURCE = "source:"
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
    """A line that was not taken, and why."""

    line: int
    reason: str


def read_contacts(lines: Iterable[str], sources: frozenset[str]) -> tuple[list[Row], list[Refusal]]:
    """Read a CSV file. Raises `LinkError` where its head already cannot be understood."""
    reader = csv.DictReader(lines, strict=True)
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
        return Refusal(line, "has not as many values as the first line has columns")
    given = {str(name): str(value).strip() for name, value in values.items()}
    ids = {name.removeprefix(SOURCE): value for name, value in given.items() if name.startswith(SOURCE) and value}
    problem = _problem(given, ids, sources)
    if problem:
        return Refusal(line, problem)
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


def _problem(given: Mapping[str, str], ids: Mapping[str, str], sources: frozenset[str]) -> str | None:
    unknown = sorted(ids.keys() - sources)
    if not is_plain(given["email"]):
        return "is no e-mail address, or has letters that can be mistaken for others"
    if not ACCOUNT_ID.fullmatch(given["account"]):
        return "an account id is small letters, digits and hyphens, 63 at the most: acme-ltd"
    if given.get("reach", "") not in REACHES:
        return "reach is own or company"
    if unknown:
        return f"there is no source {unknown[0]!r} (there is: {', '.join(sorted(sources)) or 'none yet'})"
    if any(len(value) > TEXT or not value.isprintable() for value in given.values()):
        return f"a value is longer than {TEXT} characters, or has some that nobody sees"
    return None


def _doubts_of_addresses(rows: Iterable[Row]) -> Iterator[Refusal]:
    """Refuse each line of an address that is given to several accounts, or with several reaches."""
    meant: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        meant[row.email].append(row)
    for same in meant.values():
        for row in same:
            for other in same:
                if other.account != row.account:
                    yield Refusal(row.line, f"ambiguous: line {other.line} gives the address to {other.account!r}")
                    break
                if other.rights != row.rights:
                    yield Refusal(row.line, f"ambiguous: line {other.line} gives the address another reach")
                    break


def _doubts_of_customers(rows: Iterable[Row]) -> Iterator[Refusal]:
    """Refuse each line of a customer who is given to several accounts: the first is no better than the last."""
    meant: dict[LinkRef, list[Row]] = defaultdict(list)
    for row in rows:
        for ref in row.customers:
            meant[ref].append(row)
    for ref, same in meant.items():
        for row in same:
            other = next((each for each in same if each.account != row.account), None)
            if other:
                theirs = f"customer {ref.customer!r} of {ref.source!r}"
                yield Refusal(row.line, f"{theirs} belongs to {other.account!r} in line {other.line}")
