"""What can go wrong between us and a back office, named after what happens next.

ConnectorError
  AccessDenied    the credentials were refused            an admin renews them
    NotAllowed    they are good, and may not do this      an admin gives them more rights
    NotAgreed     nobody lets us in, or not any more      an admin agrees at the vendor's page
  AddressRefused  the address may not be called           an admin corrects it
  NotFound        no such customer or record              shown as not found
  Refused         understood, and declined (400/409/422)  we correct the request
  RateLimited     asked too often                         ask again later, show what we have
  Unavailable     no usable answer                        ask again later, show what we have
    NotSent         nothing has gone out                  the same, and nothing was done over there
  BadResponse     an answer we can't read                 we correct the connector, show what we have
  WebhookRefused  not provably theirs, or unreadable      nothing happens; an admin looks at the secret
"""

from typing import ClassVar, Literal

Refusal = Literal["no_secret", "unsigned", "signature", "time", "unreadable"]


class ConnectorError(Exception):
    """A back office let us down. The text is for operators; customers only ever learn the class.

    `retry_after` is in seconds, from the back office's own answer.
    """

    retry: ClassVar[bool] = False
    serve_stale: ClassVar[bool] = False
    fixed_by: ClassVar[Literal["admin", "vendor", "us"]] = "us"

    def __init__(self, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class AccessDenied(ConnectorError):
    """The credentials were refused."""

    serve_stale, fixed_by = True, "admin"


class NotAllowed(AccessDenied):
    """The credentials are good, and may not do this."""


class NotAgreed(AccessDenied):
    """Nobody has agreed that we may come in, or the consent counts no more."""


class AddressRefused(ConnectorError):
    """The address is one that this deployment does not call."""

    serve_stale, fixed_by = True, "admin"


class NotFound(ConnectorError):
    """The back office has no such customer or record."""


class Refused(ConnectorError):
    """The back office understood the request and declined it."""

    serve_stale = True


class RateLimited(ConnectorError):
    """We asked too often."""

    retry, serve_stale, fixed_by = True, True, "vendor"


class Unavailable(ConnectorError):
    """No usable answer: a timeout, a broken connection, a 5xx."""

    retry, serve_stale, fixed_by = True, True, "vendor"


class NotSent(Unavailable):
    """Nothing has gone out: no connection, no turn in time, or we leave them alone."""


class BadResponse(ConnectorError):
    """An answer we can't read: their API changed, or our model of it is wrong."""

    serve_stale = True


class WebhookRefused(ConnectorError):
    """A delivery that is not provably theirs, or that we cannot read. `reason` is what it is counted as."""

    fixed_by = "admin"

    def __init__(self, detail: str, *, reason: Refusal = "unreadable") -> None:
        super().__init__(detail)
        self.reason = reason
