"""The owner check: nothing is stored for a customer that the answer does not say is theirs."""

from collections.abc import Iterable
from typing import TypeVar

from msgspec import Struct

from connectors.contract import Answer
from connectors.records import Record

R = TypeVar("R", bound=Record)


class Admitted(Struct, frozen=True):
    """Records proven to be the customer's, and the ids of those that were not."""

    records: tuple[Record, ...]
    refused: tuple[str, ...]


def admit(answers: Iterable[Answer[R]], customer: str) -> Admitted:
    """Split answers by their owner. An answer that names nobody belongs to nobody."""
    records: list[Record] = []
    refused: list[str] = []
    for answer in answers:
        if customer in answer.owners:
            records.append(answer.record)
        else:
            refused.append(answer.record.origin.id)
    return Admitted(tuple(records), tuple(refused))
