"""What a customer can have done in a back office, and how each is kept from being done twice.

An answer that is lost leaves open whether anything was done. So before a second try somebody must know: the vendor,
which takes a second try with the same reference for the first; or we, who find our reference there; or nobody, and
then a person looks.
"""

from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Generic, Literal, TypeVar

from msgspec import Struct

from connectors.config import Config
from connectors.errors import BadResponse, ConnectorError, NotSent, Unavailable
from connectors.records import Record

C = TypeVar("C", bound=Config)
A = TypeVar("A", bound="Asked")

ActionName = Literal[
    "new_ticket", "reply", "solve", "reopen", "rate", "order_again", "accept", "decline", "change_details"
]


class Asked(Struct, frozen=True, kw_only=True):
    """What a customer asked for. `reference` is ours, never the same twice.

    `persons` are all that who asks is known as over there, maybe for other customers, too: the vendor says who is who.
    """

    reference: str
    customer: str
    persons: tuple[str, ...] = ()


class Attached(Struct, frozen=True):
    """A file of the customer's, whose bytes are kept apart from the words that it goes with."""

    name: str
    media_type: str
    content: bytes


class NewTicket(Asked, frozen=True, kw_only=True):
    """`route` is where staff want it within the helpdesk, in its own words: a queue or a tag; empty, the usual."""

    subject: str
    text: str
    route: str = ""
    files: tuple[Attached, ...] = ()


class Reply(Asked, frozen=True, kw_only=True):
    """A public message of the customer's. `ticket` is their id."""

    ticket: str
    text: str
    files: tuple[Attached, ...] = ()


class Move(Asked, frozen=True, kw_only=True):
    """A ticket to be solved, or opened again."""

    ticket: str


class Rating(Asked, frozen=True, kw_only=True):
    """What a customer says of a solved ticket. It is for staff alone: an internal note, which no customer reads."""

    ticket: str
    helped: bool
    comment: str = ""

    @property
    def note(self) -> str:
        said = f"The customer says: {'solved' if self.helped else 'not solved'}."
        return "\n\n".join(filter(None, [said, self.comment, f"Reference {self.reference}, in the customer portal"]))


class OrderAgain(Asked, frozen=True, kw_only=True):
    """A draft with the lines of an earlier order, which staff look at before it is one. `order` is their id."""

    order: str


class Answer(Asked, frozen=True, kw_only=True):
    """A quotation accepted or declined. `total` is what the customer saw, as a decimal: another one is refused."""

    order: str
    total: str
    currency: str
    reason: str = ""


class Change(Asked, frozen=True, kw_only=True):
    """Details of one of the persons that who asks is known as: each field's value as they saw it, and to be."""

    person: str
    before: dict[str, str]
    after: dict[str, str]


ACTIONS: dict[ActionName, type[Asked]] = {
    "new_ticket": NewTicket,
    "reply": Reply,
    "solve": Move,
    "reopen": Move,
    "rate": Rating,
    "order_again": OrderAgain,
    "accept": Answer,
    "decline": Answer,
    "change_details": Change,
}


class Done(Struct, frozen=True):
    """What was made or changed over there: its id, and the number that people call it by."""

    record: str
    number: str


def anybody(customer: str, persons: Collection[str]) -> bool:  # noqa: ARG001  # of `Action.takes`
    """Take it from whoever may see the customer's."""
    return True


def any_record(config: object, record: Record) -> bool:  # noqa: ARG001  # of `Action.suits`
    """Do it with every record."""
    return True


def always(config: object) -> bool:  # noqa: ARG001  # of `Action.set_up`
    """Do it however the source is set up."""
    return True


class Action(Struct, Generic[C, A], frozen=True, kw_only=True):
    """One thing that can be done. `do` raises `ConnectorError`; `NotSent` and what declines leave nothing behind.

    `takes_files`: it sends the files along that were handed in with it. Where it does not, customers are offered none.

    `set_up` says whether it is done at all as the source is set up, `takes` whether for a customer by who is known as
    these persons, `suits` whether with one of their records.

    Again is safe in one of these ways, else it is never done twice: `same_twice`, it comes to the same; `keyed_for`, so
    long the vendor remembers our reference; `find`, which looks for what was made under it, and finds it not later
    than `found_within` after it was made.
    """

    do: Callable[[Any, A], Awaitable[Done]]
    same_twice: bool = False
    keyed_for: timedelta | None = None
    find: Callable[[Any, A], Awaitable[Done | None]] | None = None
    found_within: timedelta = timedelta(0)
    takes_files: bool = False
    takes: Callable[[str, Collection[str]], bool] = anybody
    suits: Callable[[Any, Record], bool] = any_record
    set_up: Callable[[Any], bool] = always


@contextmanager
def looking() -> Iterator[None]:
    """Say of what fails in here that nothing has gone out: an action looks first, and has done nothing yet."""
    try:
        yield
    except (Unavailable, BadResponse) as error:
        raise NotSent(str(error), retry_after=error.retry_after) from error


@contextmanager
def after_it() -> Iterator[None]:
    """Say of what fails in here that it may have been done, and only the look at it has failed."""
    try:
        yield
    except ConnectorError as error:
        raise Unavailable(str(error), retry_after=error.retry_after) from error
