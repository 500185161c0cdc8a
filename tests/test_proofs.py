"""The rule over plain facts: what allows, and that it allows for no less."""

from itertools import product
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from connectors.records import Kind
from gateway.proofs import Acting, Asked, Identity, Linked, Named, Proof, Read, decide
from gateway.rights import AREA_OF, COMPANY, OWN, REACHES, Reach, Rights

FACTS = ("identity", "acting", "linked", "read", "named")
OTHERS: dict[str, dict[str, Any]] = {
    "asked": {"issuer": "https://evil.example", "subject": "ann", "source": "west", "kind": "invoices", "id": "2"},
    "identity": {"issuer": "https://evil.example", "subject": "ann", "member": "m2"},
    "acting": {"member": "m2", "account": "hotel"},
    "linked": {"account": "hotel", "source": "west", "customer": "30"},
    "read": {"source": "west", "kind": "invoices", "id": "2", "customer": "30", "people": ("12", "14")},
    "named": {"member": "m2", "source": "west", "person": "12"},
}


def proof(rights: Rights = OWN, *, kind: Kind = "orders", files: bool = False) -> Proof:
    """Everything that there can be for it."""
    return Proof(
        asked=Asked(issuer="https://login.example", subject="may", source="erp", kind=kind, id="1", files=files),
        identity=Identity(issuer="https://login.example", subject="may", member="m1"),
        acting=Acting(member="m1", account="bakery", rights=rights),
        linked=Linked(account="bakery", source="erp", customer="10"),
        read=Read(source="erp", kind=kind, id="1", customer="10", people=("11", "13")),
        named=Named(member="m1", source="erp", person="11"),
    )


def test_allows_what_is_the_members_own_and_nothing_less() -> None:
    assert decide(proof()) is None
    denials = [decide(replace(proof(), **{fact: None})) for fact in FACTS]
    assert denials == ["nobody", "no_membership", "no_link", "no_record", "not_named"]


@pytest.mark.parametrize(
    ("fact", "name", "value"), [(fact, name, value) for fact, all_ in OTHERS.items() for name, value in all_.items()]
)
def test_believes_no_fact_that_is_about_something_else(fact: str, name: str, value: object) -> None:
    other = replace(proof(), **{fact: replace(getattr(proof(), fact), **{name: value})})
    assert decide(other) is not None


def test_needs_no_person_for_what_is_all_of_the_companys() -> None:
    assert decide(replace(proof(COMPANY), named=None)) is None
    assert decide(replace(proof(OWN), named=None)) == "not_named"


@pytest.mark.parametrize(("area", "documents"), list(product(REACHES, REACHES)))
@pytest.mark.parametrize("kind", list(AREA_OF))
def test_takes_the_shorter_of_two_reaches_for_a_file(kind: Kind, area: Reach, documents: Reach) -> None:
    given: dict[str, Any] = {"orders": "none", "invoices": "none", "requests": "none", "documents": documents}
    rights = Rights(**(given | {AREA_OF[kind]: area}))
    whole, stranger = proof(rights, kind=kind, files=True), replace(proof(rights, kind=kind, files=True), named=None)
    assert (decide(whole) is None) == ("none" not in {area, documents})
    assert (decide(stranger) is None) == (area == documents == "company")
    record = replace(stranger, asked=replace(stranger.asked, files=False))
    assert (decide(record) is None) == (area == "company"), "what is not opened needs no right to documents"


def test_can_be_written_down_and_judged_elsewhere() -> None:
    written = msgspec.json.encode(proof())
    assert decide(msgspec.json.decode(written, type=Proof)) is None
    for fact in FACTS:
        facts = msgspec.json.decode(written)
        del facts[fact]
        assert decide(msgspec.convert(facts, Proof)) is not None, fact


def test_compares_what_rights_let_see() -> None:
    assert OWN.is_within(COMPANY)
    assert not COMPANY.is_within(OWN)
    assert replace(OWN, manages=True).is_within(OWN)
    assert not replace(OWN, orders="company").is_within(replace(COMPANY, orders="own"))
