"""Why a sign-in did not come about, named after what the person does next.

SignInError
Declined      the person, or the provider, said no   sign in another way, or not at all
Disabled      we do not let the person in             talk to us
StartAgain    too late, used, or begun elsewhere      begin anew
NotBelieved   an answer that proves nothing           begin anew; if it stays, tell us
ProviderDown  the provider gives no usable answer     try later
NotSetUp      the provider does not know us           tell us
"""

from typing import ClassVar


class SignInError(Exception):
    """No one was signed in. `reason` is for our logs, in our own words; people read what `web.refused` says."""

    status: ClassVar[int] = 400

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Declined(SignInError):  # noqa: N818  # named after what happens next
    """The person, or the provider, said no."""


class Disabled(SignInError):  # noqa: N818  # named after what is
    """We know who it is, and somebody of ours has decided that they may not come in."""


class StartAgain(SignInError):  # noqa: N818  # named after what happens next
    """What came back does not belong to a sign-in that this browser has under way."""


class NotBelieved(SignInError):  # noqa: N818  # named after what happens next
    """An answer that does not prove who the person is."""


class ProviderDown(SignInError):  # noqa: N818  # named after what happens next
    """The provider gives no usable answer."""

    status = 503


class NotSetUp(SignInError):  # noqa: N818  # named after what happens next
    """The provider refuses us, not the person."""

    status = 503
