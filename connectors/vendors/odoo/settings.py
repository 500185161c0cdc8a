"""What an admin fills in."""

from typing import Annotated

from msgspec import Meta

from connectors.config import Secret
from connectors.deliveries import WebhookConfig


class OdooConfig(WebhookConfig, frozen=True):
    base_url: Annotated[str, Meta(title="Address", description="Like https://erp.example.com, without /web")]
    database: Annotated[str, Meta(title="Database", description="Its name in Odoo's database manager", min_length=1)]
    login: Annotated[
        str,
        Meta(
            title="Login",
            description=(
                "Of an account that may read and make sales, read invoices, and write to tickets for their files"
            ),
            min_length=1,
        ),
    ]
    api_key: Annotated[Secret, Meta(title="API key", description="Preferences > Account Security > New API Key")]
