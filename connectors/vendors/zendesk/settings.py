"""What an admin fills in."""

import re
from typing import Annotated

from msgspec import Meta

from connectors.config import Secret
from connectors.deliveries import WebhookConfig
from connectors.errors import AddressRefused

_ACCOUNT = re.compile(r"https://[a-z0-9-]+\.zendesk\.com/?", re.IGNORECASE)
_STAND_IN = re.compile(r"http://(127\.0\.0\.1|localhost)(:[0-9]+)?(/[a-z0-9-]+)*/?")


class ZendeskConfig(WebhookConfig, frozen=True):
    base_url: Annotated[
        str,
        Meta(
            title="Address",
            description="Of your account, like https://acme.zendesk.com, also where your help center has another one",
        ),
    ]
    email: Annotated[
        str,
        Meta(
            title="E-mail",
            description="Of an admin, if you have an API token. An agent who may see all tickets will do, but is not "
            "told what has changed",
            pattern=r"^([^\s:@]+@[^\s:@]+)?\Z",
            examples=["portal@example.com"],
        ),
    ] = ""
    api_token: Annotated[
        Secret | None,
        Meta(
            title="API token",
            description="Admin Center > Apps and integrations > APIs > API tokens: Add, and copy it before you save. "
            "Leave it empty if you have an OAuth client",
        ),
    ] = None
    client_id: Annotated[
        str,
        Meta(
            title="Client id",
            description="Only for an OAuth client of your own, in place of an API token: Admin Center > Apps and "
            "integrations > APIs > OAuth clients shows it as its identifier. An admin then agrees on Zendesk's page",
            pattern=r"^([A-Za-z0-9_-]{1,255})?\Z",
            examples=["customer_portal"],
        ),
    ] = ""
    client_secret: Annotated[
        Secret | None,
        Meta(title="Client secret", description="Of that client, on the same page. A public client has none"),
    ] = None
    refresh_token: Annotated[
        Secret | None, Meta(title="Consent", description="What Zendesk gave us when somebody agreed")
    ] = None
    team_name: Annotated[
        str, Meta(title="Your team's name", description="Customers read it where an agent has no alias", min_length=1)
    ] = "Support"
    asks_if_solved: Annotated[
        bool,
        Meta(
            title="Ask whether it is solved",
            description="Whether customers are asked if a solved request helped them. Their answer becomes an "
            "internal note and a tag, hallway_solved or hallway_not_solved",
        ),
    ] = True
    shows_articles: Annotated[
        bool,
        Meta(
            title="Articles of the help center",
            description="Whether customers find those articles under Help that your help center shows to everyone",
        ),
    ] = False

    def __post_init__(self) -> None:
        if not self.client_id and not (self.email and self.api_token):
            raise ValueError("Give an e-mail address and an API token, or the client id of an OAuth client")


def account_address(config: ZendeskConfig) -> str:
    """Give the address of the account, or of what stands in for it on this machine. Raises `AddressRefused`.

    An address of the customer's own leads to the same account, but its API is documented at this one only.
    """
    if not (_ACCOUNT.fullmatch(config.base_url) or _STAND_IN.fullmatch(config.base_url)):
        raise AddressRefused("This is no address of a Zendesk account. Write it like https://acme.zendesk.com")
    return config.base_url
