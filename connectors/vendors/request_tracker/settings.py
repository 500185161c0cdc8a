"""What an admin fills in."""

from typing import Annotated

from msgspec import Meta

from connectors.config import Secret
from connectors.deliveries import WebhookConfig


class RequestTrackerConfig(WebhookConfig, frozen=True):
    base_url: Annotated[
        str,
        Meta(
            title="Address",
            description="What you open in the browser, like https://rt.example.com, without /REST/2.0 behind it",
        ),
    ]
    token: Annotated[
        Secret,
        Meta(
            title="Authentication token",
            description="Logged in as > Settings > Auth Tokens. Its account needs SeeQueue and ShowTicket, and "
            "for what customers send CreateTicket, ReplyToTicket and ModifyTicket",
        ),
    ]
    queue: Annotated[
        str,
        Meta(
            title="Queue",
            description="Its name, as under Admin > Queues. New requests of customers go there",
            min_length=1,
        ),
    ] = "General"
    team_name: Annotated[
        str, Meta(title="Your team's name", description="Customers read it instead of your people's", min_length=1)
    ] = "Support"
    changes_details: Annotated[
        bool,
        Meta(
            title="Details of customers",
            description="Whether customers may see and change their own telephone numbers and address. For that the "
            "token's account needs AdminUsers, with which it may change every user of RT, staff too",
        ),
    ] = False
    asks_if_solved: Annotated[
        bool,
        Meta(
            title="Ask whether it is solved",
            description="Whether customers are asked if a resolved request helped them. Their answer becomes a "
            "comment. For that the token's account needs CommentOnTicket, and ShowTicketComments to find its own again",
        ),
    ] = False
    article_class: Annotated[
        str,
        Meta(
            title="Class of articles",
            description="Its name, as under Admin > Articles > Classes. Every customer finds its articles under Help, "
            "so keep those for your own people in another class. Leave it empty for none. Our account needs SeeClass "
            "and ShowArticle on it, and SeeCustomField on the field below",
            pattern=r"^[^\r\n]{0,200}\Z",
            examples=["Customer help"],
        ),
    ] = ""
    article_field: Annotated[
        str,
        Meta(
            title="Field of articles",
            description="Name of the custom field that holds their text",
            min_length=1,
        ),
    ] = "Content"
