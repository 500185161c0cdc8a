"""A mailbox that somebody has just proved to be theirs, as an identity like that of any provider."""

from msgspec import Struct

from auth.provider import Identity

ISSUER = "mailbox"  # no address, so that no provider can ever be called so
PROVIDER = "code"  # what sessions that began this way have in the place of a provider's id


class VerifiedMailbox(Struct, frozen=True):
    """Whoever holds this has typed, or opened, what went to the address and nowhere else. A to Z are small."""

    address: str


def identity_of(mailbox: VerifiedMailbox) -> Identity:
    """Say who that is. The address is the subject: whoever reads the mailbox later is the same login."""
    return Identity(issuer=ISSUER, subject=mailbox.address, email=mailbox.address, name=None)
