"""The providers that people sign in at, as the settings name them: each is a group of variables that are alike."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Annotated

from msgspec import Struct

from auth.principals import Kind, Role
from auth.provider import MAIN, Provider
from connectors.config import Secret
from gateway import rules
from gateway.languages import gettext_noop

KINDS: dict[str, Kind] = {"customers": "member", "staff": "staff"}  # whom a provider is for -> what they are to us
USUAL_TITLE = gettext_noop("Sign in with your company account")  # where a provider for customers has none
NEEDED = ("issuer", "client_id", "client_secret")


class ProviderSettings(Struct, frozen=True, kw_only=True):
    """One provider, set or not. `title` is what its button says; a single one needs none.

    `role_claim` and `roles` say where staff's roles stand in its ID token, and what each word there means. `domains`
    are of the e-mail addresses whose people sign in there and nowhere else.
    """

    issuer: Annotated[str | None, rules.issuer] = None
    client_id: Annotated[str | None, rules.text(255)] = None
    client_secret: Annotated[Secret | None, rules.secret] = None
    scopes: Annotated[tuple[str, ...], rules.scopes] = ("openid", "email", "profile")
    title: Annotated[str | None, rules.text(60)] = None
    for_: Annotated[str, rules.one_of(*KINDS)] = "customers"
    customer_claim: Annotated[str | None, rules.text(100)] = None
    role_claim: Annotated[str | None, rules.text(255)] = None
    roles: Annotated[dict[str, Role] | None, rules.roles] = None
    domains: Annotated[tuple[str, ...] | None, rules.domains] = None

    @property
    def missing(self) -> list[str]:
        return [field for field in NEEDED if not getattr(self, field)]

    @property
    def is_begun(self) -> bool:
        return self != ProviderSettings(scopes=self.scopes)


class SignInSettings(Struct, frozen=True, kw_only=True):
    """A provider with all it needs. `id` is what addresses and sessions call it, `group` begins its settings' names."""

    id: str
    group: str
    kind: Kind
    issuer: str
    client_id: str
    client_secret: Secret
    scopes: tuple[str, ...]
    title: str | None
    customer_claim: str | None = None
    role_claim: str | None = None
    roles: Mapping[str, Role] = {}
    domains: tuple[str, ...] = ()


def sign_ins(groups: Mapping[str, ProviderSettings]) -> tuple[SignInSettings, ...]:
    """Give the providers that are set: `oidc` is the main one, `oidc_2` the one called 2."""
    return tuple(
        SignInSettings(
            id=group.partition("_")[2] or MAIN,
            group=group,
            kind=KINDS[given.for_],
            issuer=given.issuer,
            client_id=given.client_id,
            client_secret=given.client_secret,
            scopes=given.scopes,
            title=given.title,
            customer_claim=given.customer_claim,
            role_claim=given.role_claim,
            roles=given.roles or {},
            domains=given.domains or (),
        )
        for group, given in groups.items()
        if given.issuer and given.client_id and given.client_secret
    )


def contradictions(groups: Mapping[str, ProviderSettings]) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is wrong with the providers together: the fields it is about, and the problem of the first."""
    for group, given in groups.items():
        if given.is_begun and given.missing:
            fields = tuple(f"{group}.{field}" for field in NEEDED)
            missing = ", ".join(rules.variable(f"{group}.{field}") for field in given.missing)
            yield fields, f"the three go together; missing: {missing}"
        if (given.role_claim is None) != (given.roles is None):
            yield (f"{group}.role_claim", f"{group}.roles"), f"goes together with {rules.variable(f'{group}.roles')}"
        elif given.roles and KINDS[given.for_] != "staff":
            yield (f"{group}.role_claim", f"{group}.for_"), "only staff have roles: customers get theirs from links"
    complete = sign_ins(groups)
    for one, other in combinations(complete, 2):
        if (one.issuer, one.client_id) == (other.issuer, other.client_id):
            fields = tuple(f"{each.group}.{field}" for each in (other, one) for field in ("client_id", "issuer"))
            yield fields, _one_client_twice(one, other)
    yield from _domains_at_odds(groups)
    for each in complete:
        alike = [other for other in complete if other.kind == each.kind]
        titles = [other.title for other in alike]
        if len(alike) > 1 and (each.title is None or titles.count(each.title) > 1):
            fields = (f"{each.group}.title", *(f"{other.group}.for_" for other in alike))
            yield fields, "several providers are for the same people: each needs a title of its own"


def _domains_at_odds(groups: Mapping[str, ProviderSettings]) -> Iterator[tuple[tuple[str, ...], str]]:
    for group, given in groups.items():
        if given.domains and KINDS[given.for_] != "member":
            yield (f"{group}.domains", f"{group}.for_"), "only customers are led by their address; staff have a link"
    for (group, one), (again, other) in combinations(groups.items(), 2):
        if twice := sorted(set(one.domains or ()) & set(other.domains or ())):
            first = f"{group}.domains"
            yield (f"{again}.domains", first), f"{twice[0]} is in {rules.variable(first)} too: keep one of them"


def _one_client_twice(one: SignInSettings, other: SignInSettings) -> str:
    same = f"the same client at the same issuer as {rules.variable(f'{one.group}.client_id')}"
    if one.kind == other.kind:
        return f"{same}: keep one of them"
    return f"{same}: customers and staff must each have a client of their own there"


def provider_of(sign_in: SignInSettings, base_url: str) -> Provider:
    """Say what we are to a provider. Each has a callback of its own, so that no other's answer is taken for its."""
    path = "/auth/callback" if sign_in.id == MAIN else f"/auth/{sign_in.id}/callback"
    return Provider(
        id=sign_in.id,
        kind=sign_in.kind,
        title=sign_in.title,
        issuer=sign_in.issuer,
        client_id=sign_in.client_id,
        client_secret=sign_in.client_secret,
        redirect_uri=base_url + path,
        post_logout_redirect_uri=f"{base_url}/signed-out",
        scopes=sign_in.scopes,
        customer_claim=sign_in.customer_claim,
        role_claim=sign_in.role_claim,
        roles=sign_in.roles,
        domains=sign_in.domains,
    )
