"""How HubSpot says no: a status, a sentence and a category.

https://developers.hubspot.com/docs/api-reference/error-handling
"""

from typing import Any
from uuid import uuid4


class HubSpotError(Exception):
    def __init__(self, status: int, message: str, category: str, **more: Any) -> None:  # noqa: ANN401  # any JSON
        super().__init__(message)
        self.status = status
        self.body = {
            "status": "error",
            "message": message,
            "correlationId": str(uuid4()),
            "category": category,
            **more,
        }


def invalid(message: str) -> HubSpotError:
    return HubSpotError(400, message, "VALIDATION_ERROR")


def not_found() -> HubSpotError:
    return HubSpotError(404, "resource not found", "OBJECT_NOT_FOUND")


def unauthenticated() -> HubSpotError:
    return HubSpotError(
        401,
        "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more "
        "details at https://developers.hubspot.com/docs/methods/auth/oauth-overview",
        "INVALID_AUTHENTICATION",
    )


def missing_scopes(scopes: list[str]) -> HubSpotError:
    needed = {
        "message": "One or more of the following scopes are required.",
        "context": {"requiredGranularScopes": scopes},
    }
    return HubSpotError(
        403,
        "This app hasn't been granted all required scopes to make this call.",
        "MISSING_SCOPES",
        errors=[needed],
        links={"scopes": "https://developers.hubspot.com/scopes"},
    )
