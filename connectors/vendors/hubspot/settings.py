"""What an admin fills in."""

from typing import Annotated

from msgspec import Meta

from connectors.config import Secret
from connectors.deliveries import WebhookConfig

PROPERTY = r"^([a-z][a-z0-9_]{0,99})?\Z"


class HubSpotConfig(WebhookConfig, frozen=True):
    access_token: Annotated[
        Secret | None,
        Meta(
            title="Access token",
            description="Settings > Integrations > Private Apps: make one that may read contacts, companies, orders, "
            "deals, line items and pipelines, and copy its token. "
            "Let it read and write tickets, and write contacts, if customers shall open requests and change their "
            "details, and read owners, if they shall see who looks after them. "
            "Leave it empty if you have an app with a client id",
        ),
    ] = None
    client_id: Annotated[
        str,
        Meta(
            title="Client id",
            description="Only for an app of your own in a developer account, in place of a token: Apps > Auth. "
            "Somebody then agrees on HubSpot's page",
            pattern=r"^([A-Za-z0-9-]{1,100})?\Z",
            examples=["7fff1e36-2d40-4ae1-bbb1-5266d59564fb"],
        ),
    ] = ""
    client_secret: Annotated[
        Secret | None, Meta(title="Client secret", description="Of that app, on the same page as its client id")
    ] = None
    refresh_token: Annotated[
        Secret | None, Meta(title="Consent", description="What HubSpot gave us when somebody agreed")
    ] = None
    base_url: Annotated[
        str, Meta(title="Address", description="Of HubSpot's API. The same for every account, wherever it is hosted")
    ] = "https://api.hubapi.com"
    external_id_property: Annotated[
        str,
        Meta(
            title="Customer number",
            description="Internal name of the property of companies that holds your own number of them, if any: "
            "Settings > Properties shows it behind </>",
            pattern=PROPERTY,
            examples=["customer_number"],
        ),
    ] = ""
    offer_number_property: Annotated[
        str,
        Meta(
            title="Offer number",
            description="Internal name of the property of deals that holds your own number of an offer, if any",
            pattern=PROPERTY,
            examples=["offer_number"],
        ),
    ] = ""
    ticket_pipeline: Annotated[
        str,
        Meta(
            title="Pipeline of requests",
            description="Id of the pipeline that requests of customers are opened in. 0 is the one that HubSpot made",
            pattern=r"^[A-Za-z0-9-]{1,64}\Z",
            examples=["0"],
        ),
    ] = "0"

    def __post_init__(self) -> None:
        if not self.access_token and not (self.client_id and self.client_secret):
            raise ValueError("Give an access token, or the client id and the client secret of an app")
