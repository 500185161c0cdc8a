"""The rows behind the REST API, by kind and id. Users are kept by name."""

from typing import Any

from msgspec import Struct

Row = dict[str, Any]


class Store(Struct):
    token: str
    lifecycles: dict[str, dict[str, list[str]]]
    users: dict[str, Row]
    queues: dict[int, Row]
    tickets: dict[int, Row]
    transactions: dict[int, Row]
    attachments: dict[int, Row]

    def is_active(self, ticket: Row) -> bool:
        return ticket["Status"] not in self._lifecycle(ticket)["inactive"]

    def is_new(self, ticket: Row) -> bool:
        return ticket["Status"] in self._lifecycle(ticket)["initial"]

    def statuses_of(self, ticket: Row) -> tuple[str, ...]:
        """Every status that the ticket's queue knows."""
        return tuple(status for group in self._lifecycle(ticket).values() for status in group)

    def user(self, name: str) -> Row | None:
        """Find a user by name, in any case, or by number."""
        if name.isdigit():
            return next((user for user in self.users.values() if user["id"] == int(name)), None)
        return next((user for user in self.users.values() if user["Name"].lower() == name.lower()), None)

    def history(self, ticket: int) -> list[Row]:
        return [row for row in self.transactions.values() if row["ObjectId"] == ticket]

    def files(self, transactions: set[int]) -> list[Row]:
        return [row for row in self.attachments.values() if row["TransactionId"] in transactions]

    def _lifecycle(self, ticket: Row) -> dict[str, list[str]]:
        return self.lifecycles[self.queues[ticket["Queue"]]["Lifecycle"]]
