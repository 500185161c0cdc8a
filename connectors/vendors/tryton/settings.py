"""What an admin fills in."""

from typing import Annotated

from msgspec import Meta

from connectors.config import Config, Secret


class TrytonConfig(Config, frozen=True):
    base_url: Annotated[
        str,
        Meta(
            title="Address",
            description="As in the client's profile, like https://tryton.example.com, without the database",
        ),
    ]
    database: Annotated[
        str,
        Meta(
            title="Database",
            description="Its name, as the client's profile has it",
            pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*\Z",
            examples=["production"],
        ),
    ]
    application_key: Annotated[
        Secret,
        Meta(
            title="Application key",
            description=(
                "In the client, as the user it is for: Preferences > Applications, a new one for REST. It counts once "
                "it is validated. That user needs the groups Sales and Accounting"
            ),
        ),
    ]
