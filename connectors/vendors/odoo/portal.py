"""Addresses of Odoo's own portal that open without signing in: who holds the token, may look and pay."""

from urllib.parse import urlencode

from connectors.links import fit
from connectors.vendors.odoo.rpc import Odoo
from connectors.vendors.odoo.values import Text, given


def page_url(office: Odoo, path: Text, token: Text) -> str | None:
    """Write the address of a record's page. None where Odoo made no token yet, or where it isn't fit for a customer.

    Odoo makes a token when it mails a record or gives its address away. We never make it do so just to show a list.
    """
    place, key = given(path) or "", given(token)
    if not key or not place.startswith("/"):
        return None
    return fit(f"{office.config.base_url.rstrip('/')}{place}?{urlencode({'access_token': key})}")
