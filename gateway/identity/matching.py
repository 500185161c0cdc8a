"""Whether what a provider proved of a login and what the sources know lead to one account. Nothing here asks anybody.

A match only ever leads to an account that a person linked before. Whatever speaks against it makes it ambiguous: then
a person decides, and until then there is nothing to see.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from connectors.contract import Candidate
from gateway.access import LinkRef, PersonRef
from gateway.identity.mailboxes import folded, has_tag, is_free, is_plain, is_shared

Policy = Literal["off", "two_facts", "email"]
Reason = Literal[
    "address_near",
    "address_of_another_login",
    "address_of_several_people",
    "customer_not_linked",
    "domain_of_another",
    "free_mail",
    "invitation_disagrees",
    "matching_is_off",
    "no_verified_email",
    "nobody_named",
    "number_of_another",
    "number_unknown",
    "one_fact",
    "only_domain",
    "only_number",
    "shared_mailbox",
    "source_silent",
    "sources_disagree",
    "two_companies",
    "unknown_address",
    "unusual_address",
    "variant_address",
]
REASONS: Mapping[Reason, str] = {
    "address_near": "a source has an address that is only like the one that was proved",
    "address_of_another_login": "another login came with the same address before",
    "address_of_several_people": "a source has several people under this address",
    "customer_not_linked": "a source knows the address, but its customer is linked to no account",
    "domain_of_another": "a source says that the domain belongs to another account",
    "free_mail": "anybody gets an address there, and no customer number goes with it",
    "invitation_disagrees": "the sources know the address at another account than the invitation",
    "matching_is_off": "HALLWAY_MATCHING is off",
    "no_verified_email": "the provider has verified no address",
    "nobody_named": "no source says which person the address belongs to",
    "number_of_another": "the customer number belongs to somebody else than the address",
    "number_unknown": "no source knows the customer number",
    "one_fact": "the address matches, and the policy wants a second fact",
    "only_domain": "only the domain is known",
    "only_number": "only the customer number is known",
    "shared_mailbox": "the address is one that several people read",
    "source_silent": "a source did not answer in time",
    "sources_disagree": "the sources know the address at different accounts",
    "two_companies": "a source knows the address at several companies",
    "unknown_address": "no source knows the address",
    "unusual_address": "the address has letters that can be mistaken for others",
    "variant_address": "the address has a tag after a plus sign",
}


class Proven(Struct, frozen=True, kw_only=True):
    """What is proven of a login. `email` only where verified, `number` from the claim that the settings name.

    `is_taken`: another login came with the address. `invited_to`: the account that a person bound the address to.
    """

    email: str | None
    number: str | None = None
    is_taken: bool = False
    invited_to: str | None = None


class Answer(Struct, frozen=True):
    """What one source found. `candidates` None: it did not answer."""

    source: str
    candidates: tuple[Candidate, ...] | None


class Matched(Struct, frozen=True, kw_only=True):
    """A fact that counted: which customer of which source it led to, and by what value."""

    source: str
    customer: str
    fact: Literal["email", "external_id"]
    value: str
    person: str | None


class Linked(Struct, frozen=True, kw_only=True):
    """One account, the facts that prove it, and who the login is in the sources."""

    account: str
    proofs: tuple[Matched, ...]
    persons: tuple[PersonRef, ...]


class Ambiguous(Struct, frozen=True):
    """Somebody could be meant, but not for certain: a person decides."""

    reason: Reason


class Nothing(Struct, frozen=True):
    """Nobody is meant, as far as the sources know."""

    reason: Reason


Verdict = Linked | Ambiguous | Nothing
Accounts = Mapping[LinkRef, str]  # which account a customer of a source is linked to


class Doubt(Exception):  # noqa: N818  # not an error: a reason to leave it to a person
    """Ends the judgement. `reason` says why a person must decide."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


def judge(proven: Proven, answers: Sequence[Answer], accounts: Accounts, policy: Policy) -> Verdict:
    """Judge a login by all that the sources found. `accounts` has every customer among the candidates that is linked.

    An invitation is a second fact, and is asked for by nobody but a person: with one, a policy that is off means "with
    a second fact".
    """
    if policy == "off" and proven.invited_to is None:
        return Nothing("matching_is_off")
    try:
        return _judge(proven, answers, accounts, policy)
    except Doubt as doubt:
        return Ambiguous(doubt.reason)


def _judge(proven: Proven, answers: Sequence[Answer], accounts: Accounts, policy: Policy) -> Verdict:
    if proven.email is not None:
        _check_address(proven.email, is_taken=proven.is_taken)
    if any(answer.candidates is None for answer in answers):
        raise Doubt("source_silent")
    found = [(answer.source, each) for answer in answers for each in answer.candidates or ()]
    by_email = [] if proven.email is None else list(_by_email(found, proven.email))
    by_number = [(source, each) for source, each in found if _is_number(each, proven.number)]
    if not by_email:
        return _without_address(proven, found, has_number=bool(by_number))
    account = _account_of_address(by_email, accounts)
    if proven.invited_to not in {None, account}:
        raise Doubt("invitation_disagrees")
    sources = {source for source, each in by_email if accounts.get(LinkRef(source, each.customer)) == account}
    persons = {PersonRef(source, each.person) for source, each in by_email if source in sources and each.person}
    if not persons:
        raise Doubt("nobody_named")
    _check_number(proven.number, by_number, accounts, account)
    _check_domain(found, accounts, account)
    has_hard_fact = bool(by_number) or proven.invited_to is not None
    if is_free(proven.email or "") and not has_hard_fact:
        raise Doubt("free_mail")
    if policy != "email" and not has_hard_fact and len(sources) == 1:
        raise Doubt("one_fact")
    proofs = [*_proofs("email", by_email, accounts), *_proofs("external_id", by_number, accounts)]
    return Linked(account=account, proofs=tuple(proofs), persons=tuple(sorted(persons, key=repr)))


def _check_address(email: str, *, is_taken: bool) -> None:
    """Refuse an address that does not stand for one person, whatever the sources say."""
    if not is_plain(email):
        raise Doubt("unusual_address")
    if is_taken:
        raise Doubt("address_of_another_login")
    if is_shared(email):
        raise Doubt("shared_mailbox")
    if has_tag(email):
        raise Doubt("variant_address")


def _by_email(found: Iterable[tuple[str, Candidate]], email: str) -> Iterable[tuple[str, Candidate]]:
    """Give the candidates with exactly this address. A connector's word for it is not enough."""
    for source, candidate in found:
        claimed = [value for fact, value in candidate.matched.items() if fact.endswith("email")]
        if claimed and (list(map(folded, claimed)) != [folded(email)] or "email" not in candidate.matched):
            raise Doubt("address_near")
        if claimed:
            yield source, candidate


def _is_number(candidate: Candidate, number: str | None) -> bool:
    return number is not None and candidate.matched.get("external_id") == number


def _without_address(proven: Proven, found: Sequence[object], *, has_number: bool) -> Verdict:
    if has_number:
        raise Doubt("only_number")
    if found:
        raise Doubt("only_domain")
    return Nothing("no_verified_email" if proven.email is None else "unknown_address")


def _account_of_address(by_email: Sequence[tuple[str, Candidate]], accounts: Accounts) -> str:
    """Find the one account of everybody with the address."""
    named: dict[str, str] = {}  # account -> one of the sources that name it
    for source in dict.fromkeys(source for source, _ in by_email):
        here = [each for where, each in by_email if where == source]
        if len({each.person for each in here}) > 1:
            raise Doubt("address_of_several_people")
        theirs = {accounts.get(LinkRef(source, each.customer)) for each in here}
        linked = theirs - {None}
        others = [each for each in here if LinkRef(source, each.customer) not in accounts and not _is_human(each)]
        if len(linked) > 1 or (linked and others) or len(others) > 1:
            raise Doubt("two_companies")
        named |= dict.fromkeys(filter(None, linked), source)
    if not named:
        raise Doubt("customer_not_linked")
    if len(named) > 1:
        raise Doubt("sources_disagree")
    return next(iter(named))


def _is_human(candidate: Candidate) -> bool:
    """Tell whether this customer is the person themselves: some sources have people as customers beside companies."""
    return candidate.person == candidate.customer


def _check_number(
    number: str | None, by_number: Sequence[tuple[str, Candidate]], accounts: Accounts, account: str
) -> None:
    if number is None:
        return
    if not by_number:
        raise Doubt("number_unknown")
    if any(accounts.get(LinkRef(source, each.customer)) != account for source, each in by_number):
        raise Doubt("number_of_another")


def _check_domain(found: Sequence[tuple[str, Candidate]], accounts: Accounts, account: str) -> None:
    """Refuse where a source gives the domain to others alone. That it gives it to this account proves nothing."""
    owners: dict[str, set[str]] = {}
    for source, each in found:
        owner = accounts.get(LinkRef(source, each.customer))
        if "domain" in each.matched and owner:
            owners.setdefault(source, set()).add(owner)
    if any(account not in each for each in owners.values()):
        raise Doubt("domain_of_another")


def _proofs(
    fact: Literal["email", "external_id"], found: Iterable[tuple[str, Candidate]], accounts: Accounts
) -> Iterable[Matched]:
    for source, each in found:
        if LinkRef(source, each.customer) in accounts:
            yield Matched(
                source=source, customer=each.customer, fact=fact, value=each.matched[fact], person=each.person
            )
