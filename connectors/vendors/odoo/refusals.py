"""What Odoo raises, in our words: its answers name the exception, with HTTP 200 around it."""

from collections.abc import Mapping

from msgspec import Struct

from connectors.errors import AccessDenied, BadResponse, ConnectorError, NotFound, Refused, Unavailable


class SignInRefused(AccessDenied):
    """The login, the key or the user id is wrong."""


class ModelMissing(Refused):
    """The app that the model belongs to is not installed."""


class ErrorData(Struct, frozen=True):
    """The `debug` beside these holds tracebacks: it is never read. `message` names people: it is never passed on."""

    name: str = ""
    message: str = ""


ERRORS: Mapping[str, type[ConnectorError]] = {
    "odoo.exceptions.AccessDenied": SignInRefused,
    "odoo.exceptions.AccessError": AccessDenied,
    "odoo.http.SessionExpiredException": AccessDenied,
    "odoo.exceptions.MissingError": NotFound,
    "odoo.exceptions.UserError": Refused,
    "odoo.exceptions.RedirectWarning": Refused,
    "odoo.exceptions.ValidationError": Refused,
    "psycopg2.OperationalError": Unavailable,  # the database is away, or is called otherwise
    "psycopg2.errors.SerializationFailure": Unavailable,
}


def error_of(data: ErrorData, what: str) -> ConnectorError:
    model = what.rpartition(".")[0]
    if data.name == "odoo.exceptions.UserError" and model and model in data.message:
        return ModelMissing(f"Odoo has no {model}")  # "Object helpdesk.ticket doesn't exist", in the account's language
    kind = ERRORS.get(data.name, BadResponse)
    return kind(f"Odoo {what}: answered {data.name[:80] or 'an error without a name'}")
