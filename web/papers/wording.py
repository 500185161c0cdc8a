"""What a statement says in words: what it holds, what it lacks, and when each source was read."""

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from connectors.records import Money
from gateway.account_view import Part
from gateway.statements import Period, Statement, Sums, is_counted
from web import words

Written = Callable[[datetime], str]

NOT_WHOLE = "This statement is not complete."
OWN_ONLY = "It holds only the invoices that name you."
OPEN_AS_OF = "What is paid and what is open is as of when each source was read, whatever days you chose."
NOT_SHOWN = "Amounts are not shown here."
UNSAID = "Entries"  # instead of a currency
NOT_ADDED = "Cancelled entries, and entries that we are still checking, are listed but not added up."


class Said(Struct, frozen=True, kw_only=True):
    """`gaps`: why it is not complete; none where it is. `read`: when each source was. `remarks`: what else to know."""

    gaps: list[str]
    read: list[str]
    remarks: list[str]


class Figure(Struct, frozen=True, kw_only=True):
    """A sum with its name."""

    label: str
    amount: str
    weighs: bool = False


WHY_OLD = {"down": "can’t be reached", "paused": "is paused by us"}


def said_of(statement: Statement, *, own_only: bool, written: Written) -> Said:
    outdated = [
        f"{part.title} {WHY_OLD[part.state]}. Its figures are those of {written(part.fetched_at)}."
        for part in statement.outdated
        if part.fetched_at
    ]
    read = [f"{part.title}, {written(part.fetched_at)}" for part in statement.parts if part.fetched_at]
    return Said(
        gaps=[*dict.fromkeys([*map(_missing, statement.missing), *outdated])],
        read=[*dict.fromkeys(read)],
        remarks=[*([OWN_ONLY] if own_only else []), *_undated(statement), OPEN_AS_OF, *_not_added(statement)],
    )


def period_of(period: Period) -> str:
    last = words.full_day(period.last)
    if period.first is None:
        return f"Up to {last}"
    return last if period.first == period.last else f"{words.full_day(period.first)} to {last}"


def figures_of(sums: Sums, period: Period) -> list[Figure]:
    """Name what a currency comes to, leaving out what is nothing: the first three make up the next one or two."""
    if not sums.currency:
        return []
    others = Money(sums.currency, sums.left.amount - sums.to_pay.amount)
    named = [
        ("Invoiced", sums.invoiced, True),
        ("Credit notes", sums.credit_notes, bool(sums.credit_notes.amount)),
        ("Paid or settled so far", Money(sums.currency, -sums.settled.amount), True),
        ("To pay", sums.to_pay, True),
        ("Credit that you have not used" if others.amount < 0 else "Open, and not to pay", others, bool(others.amount)),
    ]
    figures = [
        Figure(label=label, amount=words.money(amount), weighs=label == "To pay")
        for label, amount, is_shown in named
        if is_shown
    ]
    if sums.to_pay_before and sums.to_pay_before.amount and period.first:
        before = f"To pay from before {words.full_day(period.first)}"
        figures.append(Figure(label=before, amount=words.money(sums.to_pay_before)))
    if sums.to_pay_in_all and sums.to_pay_in_all != sums.to_pay:
        figures.append(Figure(label="To pay in all, of any day", amount=words.money(sums.to_pay_in_all)))
    return figures


def _missing(part: Part) -> str:
    if part.fetched_at is None:
        return f"{part.title} has not answered, so what comes from there is missing."
    return f"Older invoices of {part.title} have not been read yet. Those of these days may be missing."


def _undated(statement: Statement) -> list[str]:
    if not statement.undated:
        return []
    one = statement.undated == 1
    papers = words.count(statement.undated, "invoice has", "invoices have")
    return [f"{papers} no date and {'is' if one else 'are'} on no statement. See the list of all invoices."]


def _not_added(statement: Statement) -> list[str]:
    if any(item.record.total is None for item in statement.items):
        return [NOT_SHOWN]
    return [NOT_ADDED] if any(not is_counted(item.record) for item in statement.items) else []
