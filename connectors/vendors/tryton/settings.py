"""What an admin fills in."""

from typing import Annotated

from msgspec import Meta

from connectors.config import Config, Secret


class TrytonConfig(Config, frozen=True):
    base_url: Annotated[
        str, Meta(title="Address", description="Like https://tryton.example.com, without the database's name")
    ]
    database: Annotated[
        str, Meta(title="Database", description="Its name, as in the client", pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
    ]
    application_key: Annotated[
        Secret,
        Meta(
            title="Application key",
            description=(
                "Preferences > Applications: one for REST, validated. Its user needs the groups Sales and Accounting"
            ),
        ),
    ]
