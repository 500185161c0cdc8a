"""Segments: the first whose rule holds, and the stricter of all where nobody knows."""

from datetime import UTC, datetime, timedelta
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_visible import RECORDS, SHOWN, SIGNS
from test_visible_file import POLICIES

from connectors.records import Kind
from gateway.segments import EVERYBODY, TRUSTED, Facts, How, Known, Notice, Policy, Rule, Seen, Segment
from gateway.shown import GROUPS, Shown, conceal, stricter

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
NOTHING = Shown(fields={})


def known(hours: float = 1, **values: tuple[str, ...]) -> Known:
    return Known(values, NOW - timedelta(hours=hours))


def rule(how: How, *values: str) -> Rule:
    return Rule(source="crm", property="tier", how=how, values=values)


@pytest.mark.parametrize(
    ("how", "wanted", "said", "holds"),
    [
        ("is", ("Gold",), ("gold ",), True),
        ("is", ("Gold",), ("golden",), False),
        ("is", ("gold",), ("silver", "gold"), True),
        ("is_not", ("gold",), ("silver",), True),
        ("is_not", ("gold",), (), True),
        ("is_not", ("gold",), ("silver", "GOLD"), False),
        ("one_of", ("gold", "silver"), ("silver",), True),
        ("one_of", ("gold", "silver"), ("bronze",), False),
        ("contains", ("old",), ("Gold",), True),
        ("contains", ("x",), (), False),
        ("more_than", ("10",), ("10.5",), True),
        ("more_than", ("10",), ("10",), False),
        ("more_than", ("10",), ("many",), False),
        ("more_than", ("1,000",), ("1 001",), True),
    ],
)
def test_compares(how: How, wanted: tuple[str, ...], said: tuple[str, ...], *, holds: bool) -> None:
    assert rule(how, *wanted).holds({"crm": (known(tier=said),)}, NOW) is holds


def test_knows_what_it_does_not_know() -> None:
    gold = rule("is", "gold")
    assert gold.holds({}, NOW) is None, "no customer there"
    assert gold.holds({"crm": (None,)}, NOW) is None, "never read"
    assert gold.holds({"crm": (known(other=("x",)),)}, NOW) is None, "not asked for"
    assert gold.holds({"crm": (known(25, tier=("gold",)),)}, NOW) is None, "too long ago"
    assert gold.holds({"crm": (known(23, tier=("gold",)),)}, NOW) is True
    assert gold.holds({"crm": (known(tier=("gold",)), None)}, NOW) is None, "one of two customers is not known"
    assert timedelta(hours=24) == TRUSTED


def policy() -> Policy:
    gold = Segment(name="gold", title="G", rule=rule("is", "gold"), seen=Seen(notice=Notice(text="Dear friend")))
    poor = Seen(shown=Shown(fields={"orders": frozenset({"lines"})}), topics=("order",))
    old = Segment(name="old", title="O", rule=rule("contains", "o"), seen=poor)
    return Policy(everybody=Seen(topics=("order", "invoice")), segments=(gold, old))


def test_takes_the_first_that_holds() -> None:
    for said, names in (("gold", ("gold",)), ("bronze", ("old",)), ("wild", (EVERYBODY,))):
        assert policy().names_for({"crm": (known(tier=(said,)),)}, NOW) == names
    assert policy().names_for({}, NOW) == ("gold", "old", EVERYBODY)
    assert Policy().names_for({}, NOW) == (EVERYBODY,)


def test_shows_what_all_show_where_nobody_knows() -> None:
    unsure = policy().seen_by(("gold", "old", EVERYBODY))
    assert unsure.shown.fields["orders"] == frozenset({"lines"})
    assert not any(unsure.shown.shows("invoices", group) for group in GROUPS["invoices"])
    assert unsure.topics == ("order",)
    assert unsure.notice is None, "it is for those of whom it is known"
    whole = policy()
    for names in ((), ("gone",), ("gold", "gone")):
        assert whole.seen_by(names) == unsure, "whoever is in none that there is may be in any"
    assert whole.seen_by(("gold",)).notice
    assert whole.seen_by(("gold",)) is whole.seen_by(("gold",)), "lists are kept by what is shown"


SAID = st.sampled_from(("gold", "silver", "bronze", ""))
AGES = st.sampled_from((1, 23, 25))
FACTS: st.SearchStrategy[Facts] = st.one_of(
    st.just({}),
    st.just({"crm": (None,)}),
    st.builds(lambda said, hours: {"crm": (known(hours, industry=(said,)),)}, SAID, AGES),
)


@given(POLICIES, FACTS, st.sampled_from(sorted(GROUPS)))
def test_lets_no_hidden_field_reach_anybody(policy: Policy, facts: Facts, kind: Kind) -> None:
    """Whatever is published and whatever is known of a customer: a record shows what all that they may be in show."""
    names = policy.names_for(facts, NOW)
    possible = [
        policy.everybody if name == EVERYBODY else next(each.seen for each in policy.segments if each.name == name)
        for name in names
    ]
    seen = policy.seen_by(names)
    assert seen.shown == reduce(stricter, (each.shown for each in possible)) or len(possible) == 1
    (left,) = conceal(kind, (RECORDS[kind],), seen.shown)
    for group in GROUPS[kind]:
        if not all(each.shown.shows(kind, group) for each in possible):
            assert SIGNS[group] not in repr(left), group
    for each in possible:
        assert each.topics is None or set(seen.topics or ()) <= set(each.topics)
        assert each.topics is None or seen.topics is not None
        assert seen.shown.details <= each.shown.details
        assert seen.shown.most.is_within(each.shown.most)


@given(SHOWN, SHOWN)
def test_shows_with_two_no_more_than_with_either(one: Shown, other: Shown) -> None:
    both = stricter(one, other)
    for kind, groups in GROUPS.items():
        for group in groups:
            assert both.shows(kind, group) <= min(one.shows(kind, group), other.shows(kind, group))
