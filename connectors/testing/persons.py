"""Who a person is over there, now, and whose own a record is."""

import asyncio
from collections.abc import Iterator

from connectors.contract import Person
from connectors.testing.bench import Bench
from connectors.testing.performing import Outcome
from connectors.testing.recordings import Recording


class Persons(Bench):
    """What opens one member's own records to them, and to no colleague."""

    def test_knows_a_person_who_is_there_who_moved_and_who_is_gone(self) -> None:
        if self.connector.person is None:
            return
        there = list(self._persons())
        assert [person for name, person in there if person.id != self.fixtures.recordings[name].ask.id] == []
        known = {person.id for _, person in there}
        if any(person.customers != {person.id} for _, person in there):  # else nobody can move: each is a customer
            moved = {one.id for _, one in there for _, other in there if _has_moved(one, other)}
            assert moved, "record one person twice, who acts for another customer the second time"
        gone = {each.ask.id for each in self.fixtures.recordings.values() if _is_gone(each)}
        assert gone & known, "record a person who is there, and the same one when they are gone: NotFound"

    def test_knows_who_looks_after_a_customer_and_who_has_left(self) -> None:
        if self.connector.counterpart is None:
            return
        said = [self._play(name).counterpart for name in self.fixtures.of("counterpart")]
        assert any(said), "record a customer with somebody who looks after them"
        assert None in said, "record a customer whom nobody looks after"
        left = [
            each for each in self.fixtures.recordings.values() if each.ask.call == "counterpart" and each.expect.raises
        ]
        assert any(each.expect.raises == "NotFound" for each in left), "record somebody who has left: NotFound"

    def test_gives_a_person_for_an_address_alone(self) -> None:
        """What is known of a company, its number or its domain, says nothing about who somebody is."""
        for name, recording in self.fixtures.of("find").items():
            given = {each.person for each in self._play(name).candidates} - {None}
            assert not given or recording.ask.email, f"{name}: a person, and no address was asked for"
            assert not given or self.connector.person, f"{name}: a person that nobody can look at"

    def test_finds_who_can_be_looked_at(self) -> None:
        if self.connector.person is None:
            return
        found = {each.person for name in self.fixtures.of("find") for each in self._play(name).candidates} - {None}
        assert found & {person.id for _, person in self._persons()}, "record a person whom a find gave"

    def test_says_whose_own_a_record_is_by_what_was_answered(self, answered: str) -> None:
        """Never by the question: each person is named in the answers."""
        told = b"".join(each.response.content for each in self.fixtures.recordings[answered].exchanges)
        named = {person for answer in self._play(answered).answers for person in answer.record.people}
        assert [person for person in named if person.rpartition(":")[2].encode() not in told] == []

    def test_has_records_of_a_persons_own(self) -> None:
        """And of nobody's, or of other persons', so that one of them can be told from the other."""
        records = [answer.record for name in self.fixtures.answered for answer in self._play(name).answers]
        own = {record.people for record in records}
        assert len(own) > 1 if self.connector.person else own <= {()}

    def _persons(self) -> Iterator[tuple[str, Person]]:
        for name in self.fixtures.of("person"):
            person = self._play(name).person
            assert person is not None
            yield name, person

    def _play(self, name: str) -> Outcome:
        return asyncio.run(self.play(name))


def _has_moved(one: Person, other: Person) -> bool:
    return one.id == other.id and bool(one.customers - other.customers and other.customers - one.customers)


def _is_gone(recording: Recording) -> bool:
    return recording.ask.call == "person" and recording.expect.raises == "NotFound"
