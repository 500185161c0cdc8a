"""What people read where a sign-in did not come about: what they do next. Why it did not is in our logs."""

from collections.abc import Mapping

from auth.errors import Declined, Disabled, NotBelieved, NotSetUp, ProviderDown, SignInError, StartAgain
from gateway.languages import gettext, gettext_noop

SENTENCES: Mapping[type[SignInError], str] = {
    Declined: gettext_noop("You are not signed in: the sign-in was stopped before it was finished."),
    Disabled: gettext_noop("You can’t sign in here at present. Call us, and we will tell you more."),
    StartAgain: gettext_noop("This sign-in is no longer valid. Start it again here; it takes less than a minute."),
    NotBelieved: gettext_noop("We could not make sure that it is you. Try again; if it happens twice, call us."),
    ProviderDown: gettext_noop("The sign-in service does not answer right now. Try again in a few minutes."),
    NotSetUp: gettext_noop(
        "Sign-in does not work right now, and trying again will not help. Call us, so that we can repair it."
    ),
}


def sentence_of(error: SignInError) -> str:
    """Say what to do about it, in the language of whoever reads it."""
    return gettext(next(SENTENCES[kind] for kind in type(error).__mro__ if kind in SENTENCES))
