"""What customers see as a file: it says the same again, and every problem in it by its place."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support_cli import Hallway
from support_sandbox import RunningSandbox
from test_visible import SHOWN

from connectors.registry import load_connectors
from gateway.seeing.file import VisibilityFileError, dump, parse
from gateway.segments import HOWS, Notice, Policy, Rule, Seen, Segment, stored_policy

SOURCES = {"crm": load_connectors()["hubspot"], "desk": load_connectors()["zendesk"]}
TOPICS = ("order", "invoice", "other")
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=20)
DAYS = st.none() | st.dates(date(2026, 1, 1), date(2027, 1, 1))
SEEN = st.builds(
    Seen,
    shown=SHOWN.map(lambda shown: shown.normal),
    topics=st.none() | st.lists(st.sampled_from(TOPICS), unique=True).map(tuple),
    notice=st.none() | st.builds(Notice, text=WORDS, first=st.none(), last=DAYS),
)
RULES = st.builds(
    Rule, source=st.just("crm"), property=st.just("industry"), how=st.sampled_from(HOWS[:4]), values=st.tuples(WORDS)
)
POLICIES = st.builds(
    Policy,
    everybody=SEEN,
    segments=st.lists(
        st.builds(Segment, name=st.sampled_from(("a", "b-2", "gold")), title=WORDS, rule=RULES, seen=SEEN),
        unique_by=lambda each: each.name,
        max_size=3,
    ).map(tuple),
)
GOLD = """
[[segments]]
name = "gold"
title = "Gold"
rule = { source = "erp", property = "category_id", how = "contains", values = ["Gold"] }
"""
WHOLE = """
[everybody]
reach = { orders = "company", requests = "own" }
shows = { orders = ["lines"], requests = ["files"] }
"""


@given(POLICIES)
def test_reads_back_what_it_writes(policy: Policy) -> None:
    assert stored_policy(parse(dump(policy), SOURCES, TOPICS)) == stored_policy(policy)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("visible = 3", "visible: not known; write [everybody] and [[segments]]"),
        ("", "everybody: say what they see who are in no segment"),
        ("[everybody", "not TOML"),
        ('[everybody]\nreach = { orders = "all" }', "everybody: Invalid enum value 'all'"),
        ('[everybody]\nshows = { orders = ["price"] }', "everybody.shows.orders: price: not known"),
        ('[everybody]\nshows = { invoices = ["files"] }', "files: they say amounts, which are hidden"),
        ('[everybody]\ntopics = ["lunch"]', "everybody.topics: lunch: there is no such topic."),
        ('[everybody]\nnotice = { text = "" }', "everybody.notice.text: Write one line"),
        ('[everybody]\nnotice = { text = "x", topic = "no" }', "everybody.notice.topic: There is no such topic."),
        (WHOLE + '[[segments]]\nname = "A b"\ntitle = "x"', "segments.1: Object missing required field `rule`"),
        (
            WHOLE
            + '[[segments]]\nname = "A"\ntitle = ""\n'
            + 'rule = { source = "desk", property = "x", how = "is", values = [] }',
            "segments.1.source: Choose a system that tells what it knows of customers: crm.",
        ),
        (
            WHOLE
            + '[[segments]]\nname = "a"\ntitle = "A"\n'
            + 'rule = { source = "crm", property = "industry", how = "more_than", values = ["many"] }',
            "segments.1.values: Write a number.",
        ),
    ],
)
def test_says_what_is_wrong_by_its_place(text: str, problem: str) -> None:
    with pytest.raises(VisibilityFileError) as caught:
        parse(text, SOURCES, TOPICS)
    assert problem in str(caught.value)


def test_is_applied_and_gone_back_from(hallway: Hallway, sandbox: RunningSandbox) -> None:
    hallway("sources", "apply", "--yes", hallway.sources_of(sandbox))
    file = hallway.write(WHOLE, "visible.toml")
    assert hallway("visibility", "apply", file) == 2, "nobody is there to agree"
    assert hallway("visibility", "apply", "--yes", file) == 0, hallway.err
    assert "everybody group invoices.amounts" in hallway.out
    assert "Published as version 1." in hallway.out
    hallway("visibility", "show")
    shown = hallway.out
    assert hallway("visibility", "apply", "--yes", hallway.write(shown, "again.toml")) == 0
    assert "No changes." in hallway.out
    hallway("visibility", "versions")
    assert hallway.out.startswith("1  ")
    assert hallway("visibility", "apply", "--yes", hallway.write(WHOLE + GOLD, "gold.toml")) == 0, hallway.err
    assert "does not come back" not in hallway.out
    assert hallway("visibility", "rollback", "--yes", "1") == 0
    assert "what messages have otherwise for it goes, too, and does not come back" in hallway.out
    assert hallway("visibility", "rollback", "--yes", "0") == 0
    assert hallway("visibility", "rollback", "--yes", "7") == 1
    hallway("visibility", "show")
    assert 'orders = ["amounts"' in hallway.out
    assert hallway("visibility", "apply", "--yes", hallway.write("[everybody]\nx = 1\n", "bad.toml")) == 2
