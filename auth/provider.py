"""A sign-in provider we trust, and what is learnt from it."""

from collections.abc import Mapping

from msgspec import Struct

from auth.hidden import Hidden, Revealing
from auth.principals import Kind, Role

MAIN = "main"  # the id of the first provider; the others have a number


class Provider(Struct, frozen=True, kw_only=True):
    """An OpenID provider at which we are registered. `id` is our own short name for it.

    `kind` is what its people are to us, whatever it says of them. `title` is what its button says. `role_claim` is
    where it says what one of staff may do, and `roles` what its words for that mean.
    """

    id: str
    kind: Kind = "member"
    title: str | None = None
    issuer: str
    client_id: str
    client_secret: Revealing
    redirect_uri: str
    post_logout_redirect_uri: str
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    customer_claim: str | None = None  # in which it vouches for a customer number
    role_claim: str | None = None
    roles: Mapping[str, Role] = {}
    domains: tuple[str, ...] = ()  # of e-mail addresses whose people sign in here and nowhere else


class Identity(Struct, frozen=True, kw_only=True):
    """Who somebody is: issuer and subject together, and nothing else. The rest is what the provider says of them."""

    issuer: str
    subject: str
    email: str | None  # only one that the provider has verified
    name: str | None
    number: str | None = None  # the customer number that the provider vouches for


class Begin(Struct, frozen=True):
    """Where to send the browser, and the pre-login cookie to give it."""

    url: str
    cookie: str


class SignIn(Struct, frozen=True, kw_only=True):
    """A finished sign-in. `id_token` is kept for signing out there too, `sid` for when they sign out there first.

    `role` is what the provider claims for one of staff.
    """

    identity: Identity
    id_token: Hidden
    sid: str | None
    role: Role | None = None
    return_to: str
