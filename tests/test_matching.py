"""No login is tied to the wrong customer, and each judgement is needed for that."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from identity_cases import ACCOUNTS, CASES, Case
from support_tree import ROOT

from gateway.access import LinkRef
from gateway.identity import mailboxes
from gateway.identity.matching import REASONS, Linked, Proven, Verdict, judge

MATCHING, MAILBOXES = (ROOT / f"gateway/identity/{name}.py" for name in ("matching", "mailboxes"))


def outcome(verdict: Any) -> str:
    """The account, or the reason. By its fields, as a changed module has classes of its own."""
    return str(getattr(verdict, "account", None) or verdict.reason)


def judged(case: Case, by: Callable[..., Any] = judge) -> Any:
    proven = Proven(email=case.email, number=case.number, is_taken=case.is_taken, invited_to=case.invited_to)
    return by(proven, case.answers, ACCOUNTS, case.policy)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_ties_nobody_to_the_wrong_customer(case: Case) -> None:
    assert outcome(judged(case)) == case.expected


def test_has_many_cases_with_names_of_their_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES) > 60
    assert {outcome(judged(case)) for case in CASES} >= REASONS.keys()


def test_proves_what_it_links() -> None:
    """By facts that led to that very account, and with people of its sources alone."""
    for case in CASES:
        verdict: Verdict = judged(case)
        if isinstance(verdict, Linked):
            assert {proof.fact for proof in verdict.proofs} >= {"email"}
            owners = {ACCOUNTS[LinkRef(proof.source, proof.customer)] for proof in verdict.proofs}
            assert owners == {verdict.account}
            assert {person.source for person in verdict.persons} <= {proof.source for proof in verdict.proofs}


def test_takes_no_order_of_sources_for_a_reason_to_link() -> None:
    for case in CASES:
        if isinstance(judged(case), Linked):
            continue
        turned = [type(answer)(answer.source, answer.candidates and answer.candidates[::-1]) for answer in case.answers]
        proven = Proven(email=case.email, number=case.number, is_taken=case.is_taken, invited_to=case.invited_to)
        assert not isinstance(judge(proven, turned[::-1], ACCOUNTS, case.policy), Linked), case.name


# Each judgement with what takes it away: then somebody is linked who must not be, or nobody who should.
BREAKAGES = [
    (MATCHING, 'if policy == "off" and proven.invited_to is None:', "if False:"),
    (MATCHING, 'raise Doubt("source_silent")', "pass"),
    (MATCHING, 'raise Doubt("invitation_disagrees")', "pass"),
    (MATCHING, 'raise Doubt("nobody_named")', "pass"),
    (MATCHING, 'raise Doubt("free_mail")', "pass"),
    (MATCHING, 'raise Doubt("one_fact")', "pass"),
    (MATCHING, 'raise Doubt("unusual_address")', "pass"),
    (MATCHING, 'raise Doubt("address_of_another_login")', "pass"),
    (MATCHING, 'raise Doubt("shared_mailbox")', "pass"),
    (MATCHING, 'raise Doubt("variant_address")', "pass"),
    (MATCHING, 'raise Doubt("address_near")', "pass"),
    (MATCHING, ' or "email" not in candidate.matched', ""),
    (MATCHING, "list(map(folded, claimed)) != [folded(email)]", "False"),
    (MATCHING, 'raise Doubt("address_of_several_people")', "pass"),
    (MATCHING, "len(linked) > 1 or ", ""),
    (MATCHING, "(linked and others) or ", ""),
    (MATCHING, " or len(others) > 1", ""),
    (MATCHING, " and not _is_human(each)", ""),
    (MATCHING, 'raise Doubt("sources_disagree")', "pass"),
    (MATCHING, 'raise Doubt("number_unknown")', "pass"),
    (MATCHING, 'raise Doubt("number_of_another")', "pass"),
    (MATCHING, 'raise Doubt("domain_of_another")', "pass"),
    (MATCHING, 'candidate.matched.get("external_id") == number', '"external_id" in candidate.matched'),
    (MATCHING, "if accounts.get(LinkRef(source, each.customer)) == account}", "}"),
    (MAILBOXES, "any(label.startswith(PUNYCODE) for label in labels)", "False"),
    (MAILBOXES, "len(address) <= LONGEST", "True"),
    (MAILBOXES, "PLAIN.fullmatch(address) is not None", "True"),
    (MAILBOXES, "address.encode().lower().decode()", "address.casefold()"),
    (MAILBOXES, "address.encode().lower().decode()", "address"),
    (MAILBOXES, ' or re.split(r"[+._0-9-]", local)[0] in SHARED', ""),
    (MAILBOXES, 'folded(address.rpartition("@")[2]) in FREE_MAIL', 'address.rpartition("@")[2] in FREE_MAIL'),
]


@pytest.mark.parametrize(("file", "text", "broken"), BREAKAGES)
def test_notices_a_judgement_that_is_missing(file: Any, text: str, broken: str) -> None:
    source = file.read_text()
    assert source.count(text) == 1
    judge_without = changed(file.stem, source.replace(text, broken)).judge
    wrong = [case.name for case in CASES if outcome_or_failure(case, judge_without) != case.expected]
    assert wrong


def outcome_or_failure(case: Case, by: Callable[..., Any]) -> str:
    try:
        return outcome(judged(case, by))
    except (LookupError, StopIteration):
        return "failed"


def changed(name: str, text: str) -> Any:
    """The module `matching` where one of the two has another text."""
    made = ModuleType(name)
    made.__dict__["__name__"] = f"gateway.identity.{name}"
    exec(compile(text, name, "exec"), made.__dict__)
    if name == "matching":
        return made
    over = ModuleType("gateway.identity.matching")
    exec(compile(MATCHING.read_text(), "matching", "exec"), over.__dict__)
    over.__dict__.update(
        {key: made.__dict__[key] for key in mailboxes.__dict__ if key in over.__dict__ and key[0] != "_"}
    )
    return over
