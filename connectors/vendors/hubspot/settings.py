"""What an admin fills in."""

from typing import Annotated

from msgspec import Meta

from connectors.config import Config, Secret


class HubSpotConfig(Config, frozen=True):
    access_token: Annotated[
        Secret,
        Meta(
            title="Access token",
            description="Of a private app that may read contacts, companies, orders, deals and their pipelines",
        ),
    ]
    base_url: Annotated[
        str, Meta(title="Address", description="Of HubSpot's API. The same for every account, wherever it is hosted")
    ] = "https://api.hubapi.com"
    external_id_property: Annotated[
        str,
        Meta(
            title="Customer number",
            description="Internal name of the property of companies that holds your own number of them, if any",
            pattern=r"^([a-z][a-z0-9_]{0,99})?\Z",
        ),
    ] = ""
