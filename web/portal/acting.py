"""For whom a visitor acts, as every page of the portal says it."""

from msgspec import Struct

from gateway.access import AccountRef
from gateway.languages import gettext, gettext_noop
from gateway.standing import Standing

NOBODY = gettext_noop("No account yet")


class Account(Struct, frozen=True, kw_only=True):
    """What a page says of the account. `linked` False: a login that nobody has tied to a customer yet."""

    name: str
    person: str
    linked: bool
    others: tuple[AccountRef, ...]  # the person's other accounts

    @property
    def initials(self) -> str:
        return "".join(word[0] for word in self.name.split()[:2]).upper()


def account_of(standing: Standing, *, linked: bool) -> Account:
    mine = standing.scope.account_id if standing.scope else None
    return Account(
        name=standing.scope.account_name if standing.scope else gettext(NOBODY),
        person=standing.profile.called,
        linked=linked,
        others=tuple(account for account in standing.accounts if account.id != mine),
    )
