"""The rows behind the API, by kind and id."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct, field

Row = dict[str, Any]

ARCHIVED_AFTER = timedelta(days=120)  # since a ticket was closed
STATUSES = ("new", "open", "pending", "hold", "solved", "closed")


class Store(Struct):
    """An account. `opened_at` is when it was made: what is archived is counted from then.

    Zendesk documents `exported_after` and `exports_a_minute`; a test may have less patience.
    """

    email: str
    token: str
    opened_at: datetime
    users: dict[int, Row]
    organizations: dict[int, Row]
    identities: dict[int, Row]
    memberships: dict[int, Row]
    tickets: dict[int, Row]
    comments: dict[int, Row]
    attachments: dict[int, Row]
    webhooks: dict[int, Row] = field(default_factory=dict)
    articles: dict[int, Row] = field(default_factory=dict)
    audits: dict[int, Row] = field(default_factory=dict)
    keys: dict[str, tuple[bytes, int]] = field(default_factory=dict)  # of what was asked, and the ticket made of it
    uploads: dict[str, Row] = field(default_factory=dict)  # by token, until a comment names them
    codes: dict[str, dict[str, str]] = field(default_factory=dict)  # of consents: what was asked for
    bearers: set[str] = field(default_factory=set)  # access tokens that count
    refreshes: dict[str, str] = field(default_factory=dict)  # refresh token -> the access token of its pair
    bearers_last: int = 1800  # seconds, as an OAuth client says; nobody is refused for their age alone
    exported_after: timedelta = timedelta(minutes=1)
    exports_a_minute: int = 10
    exports: list[float] = field(default_factory=list)  # when there was one lately, by the machine's own counting

    @property
    def caller(self) -> Row:
        """Give whom the token speaks for."""
        return next(row for row in self.users.values() if row["email"] == self.email)

    def undeleted(self) -> Iterator[Row]:
        return (row for row in self.tickets.values() if row["status"] != "deleted")

    def is_archived(self, ticket: Row) -> bool:
        return ticket["status"] == "closed" and bool(ticket["updated_at"] < self.opened_at - ARCHIVED_AFTER)

    def comments_on(self, ticket: int) -> list[Row]:
        return [row for row in self.comments.values() if row["ticket_id"] == ticket]

    def files_of(self, comment: int) -> list[Row]:
        return [row for row in self.attachments.values() if row["comment_id"] == comment]

    def addresses_of(self, user: int) -> set[str]:
        """Every address of a user's, verified or not, in small letters."""
        rows = (row for row in self.identities.values() if row["user_id"] == user and row["type"] == "email")
        return {row["value"].lower() for row in rows}
