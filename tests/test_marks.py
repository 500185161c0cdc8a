"""The mark of a page: another one for whatever could show something else, and in every process the same."""

from msgspec.structs import replace

from gateway.access import LinkRef, PersonRef, Scope
from gateway.rights import COMPANY, OWN
from web.live import mark_of


def test_marks_what_a_page_is_made_of() -> None:
    persons = [PersonRef("erp", str(number)) for number in range(20)]
    sight = Scope(
        member_id="m",
        issuer="i",
        subject="s",
        account_id="bakery",
        account_name="Bakery",
        links=(LinkRef("erp", "10"),),
        rights=COMPANY,
        persons=frozenset(persons),
    )
    mark = mark_of(b"1", sight)
    assert mark == mark_of(b"1", replace(sight, persons=frozenset(reversed(persons))))
    others = [
        replace(sight, persons=frozenset(persons[1:])),
        replace(sight, links=()),
        replace(sight, rights=OWN),
        replace(sight, account_id="hotel"),
        None,
    ]
    assert len({mark, mark_of(b"2", sight), mark_of(None, sight), *(mark_of(b"1", other) for other in others)}) == 8
