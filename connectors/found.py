"""Gathering candidates while a person is looked up by several facts."""

from collections.abc import Iterable, Mapping

from connectors.contract import Candidate


class Found:
    """Customers as they turn up, and the persons there whose address matched, each with all the facts that match."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._matched: dict[str, dict[str | None, dict[str, str]]] = {}

    def add(self, customer: str, name: str, fact: str, value: str, person: str | None = None) -> None:
        """Note a match. Of several of the same fact the first counts."""
        self._names.setdefault(customer, name)
        self._matched.setdefault(customer, {}).setdefault(person, {}).setdefault(fact, value)

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """One for each person. What speaks for a customer alone speaks for each of its persons."""
        return tuple(
            Candidate(customer=customer, name=name, matched=matched, person=person)
            for customer, name in self._names.items()
            for person, matched in _each(self._matched[customer])
        )


def _each(matched: Mapping[str | None, Mapping[str, str]]) -> Iterable[tuple[str | None, Mapping[str, str]]]:
    alone = matched.get(None, {})
    persons = {person: {**alone, **its} for person, its in matched.items() if person is not None}
    return persons.items() if persons else [(None, alone)]
