"""What a back office knows of a person themselves, and which of it they may have changed.

An e-mail address is never among that: it is what proves who they are.
"""

from collections.abc import Collection, Mapping
from typing import Literal, cast

from msgspec import Struct

from connectors.actions import Change
from connectors.errors import NotAllowed, NotFound, Refused

DetailName = Literal[
    "first_name", "last_name", "name", "job_title", "email", "phone", "mobile", "street", "zip", "city"
]
PROOF = "It is how we know that it is you. Call us to have it changed."
ASK = "Write to us to have it changed."
COMPANYS = "It is your company’s. Write to us to have it changed."
LONGEST = 200  # characters of any of them


class Held(Struct, frozen=True, kw_only=True):
    """The details of a person, "" where there is none. `locked`: why one cannot be changed here, for customers."""

    customers: frozenset[str]  # whom they act for, as `Person` has it
    values: Mapping[DetailName, str]
    locked: Mapping[DetailName, str] = {}


def is_person(customer: str, persons: Collection[str]) -> bool:  # noqa: ARG001  # of `Action.takes`
    """Whether who asks is somebody there, whose details could be changed."""
    return bool(persons)


def person_of(asked: Change) -> str:
    """Name the person whose details they are. Raises `NotAllowed` where that is not who asks."""
    if asked.person not in asked.persons:
        raise NotAllowed("the login is not tied to that person, so it may not change their details")
    return asked.person


def still_to_write(held: Held, asked: Change) -> dict[DetailName, str]:
    """Say what is left to be changed: what has the wanted value already is done.

    Raises `NotFound` for a person who no longer acts for the customer, and `Refused` where somebody else has changed
    one of them meanwhile, where it is locked, or where there is no such detail.
    """
    if asked.customer not in held.customers:
        raise NotFound("the person does not act for this customer")
    wanted: dict[DetailName, str] = {}
    for field, value in asked.after.items():
        name = cast("DetailName", field)
        if name not in held.values or name in held.locked:
            raise Refused(f"{field} cannot be changed")
        if held.values[name] == value:
            continue
        if held.values[name] != asked.before.get(field) or len(value) > LONGEST:
            raise Refused(f"{field} is another one by now, or too long")
        wanted[name] = value
    return wanted


def told(values: Mapping[DetailName, object]) -> dict[DetailName, str]:
    """Make texts of a line of what a back office gave. What is no text is nothing."""
    return {name: " ".join(value.split()) if isinstance(value, str) else "" for name, value in values.items()}
