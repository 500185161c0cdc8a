"""Who looks after a customer: the salesperson of the partner, one of the users."""

from connectors.counterparts import Counterpart, counterpart_of
from connectors.errors import AccessDenied, NotAllowed
from connectors.vendors.odoo.models import Row, one
from connectors.vendors.odoo.partners import MODEL
from connectors.vendors.odoo.refusals import SignInRefused
from connectors.vendors.odoo.rpc import Odoo
from connectors.vendors.odoo.values import Ref, Text, given, key


class Served(Row):
    user_id: Ref


class Salesperson(Row):
    """What of it is the user's partner's, Odoo gives as the user's own."""

    name: Text
    email: Text
    phone: Text


async def read_counterpart(office: Odoo, customer: str) -> Counterpart | None:
    """A user who was archived has left, and is not found."""
    named = (await one(office, Served, MODEL, [("active", "=", True)], customer)).user_id
    if not key(named):
        return None
    try:
        user = await one(office, Salesperson, "res.users", [("active", "=", True)], str(key(named)))
    except SignInRefused:
        raise
    except AccessDenied as error:  # the account may read partners, and no users
        raise NotAllowed(str(error)) from error
    return counterpart_of(given(user.name) or "", email=given(user.email), phone=given(user.phone))
