"""What an admin fills in."""

from typing import Annotated

from msgspec import Meta

from connectors.config import Secret
from connectors.deliveries import WebhookConfig


class OdooConfig(WebhookConfig, frozen=True):
    base_url: Annotated[
        str,
        Meta(
            title="Address",
            description="What you open in the browser, like https://erp.example.com, without /web or /odoo behind it",
        ),
    ]
    database: Annotated[
        str,
        Meta(
            title="Database",
            description="Its name, as /web/database/selector of your Odoo lists it. With Odoo Online it is the first "
            "part of the address",
            min_length=1,
        ),
    ]
    login: Annotated[
        str,
        Meta(
            title="Login",
            description=(
                "What that account signs in with, mostly an e-mail address. Make one for Hallway alone, that may read "
                "and make sales, read invoices, and make and write to tickets with their files"
            ),
            min_length=1,
        ),
    ]
    api_key: Annotated[
        Secret,
        Meta(
            title="API key",
            description="Signed in as that account: Preferences > Account Security > New API Key. Odoo shows it once",
        ),
    ]
    takes_requests: Annotated[
        bool,
        Meta(
            title="New requests",
            description="Whether customers may send new requests, which become tickets. For that the community's "
            "helpdesk app, helpdesk_mgmt, has to be installed",
        ),
    ] = False
