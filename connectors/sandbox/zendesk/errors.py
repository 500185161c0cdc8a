"""How Zendesk says no: a status and a body, of which there are several kinds."""

from typing import Any


class ZendeskError(Exception):
    def __init__(self, status: int, body: dict[str, Any], headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body
        self.headers = headers


def unauthorized() -> ZendeskError:
    return ZendeskError(401, {"error": "Couldn't authenticate you"})


def not_found() -> ZendeskError:
    return ZendeskError(404, {"error": "RecordNotFound", "description": "Not found"})


def forbidden() -> ZendeskError:
    return ZendeskError(403, {"error": {"title": "Forbidden", "message": "You do not have access to this page."}})


def too_often(seconds: int) -> ZendeskError:
    description = "Number of allowed incremental export API requests per minute exceeded"
    return ZendeskError(
        429, {"error": "APIRateLimitExceeded", "description": description}, (("retry-after", str(seconds)),)
    )


def bad_request(code: str, title: str) -> ZendeskError:
    return ZendeskError(400, {"errors": [{"code": code, "title": title}]})


def invalid(field: str, description: str) -> ZendeskError:
    details = {field: [{"description": description}]}
    return ZendeskError(422, {"error": "RecordInvalid", "description": "Record validation errors", "details": details})
