"""Why deliveries are refused, in words: the sender never learns it, and staff have to."""

from collections.abc import Mapping

WHY: Mapping[str, str] = {
    "no_secret": "no secret set here",
    "no_source": "no such source",
    "not_usable": "settings cannot be used",
    "signature": "signed with another secret",
    "time": "too old or from the future",
    "too_large": "too large",
    "unreadable": "not readable",
    "unsigned": "not signed",
}
MEANS: Mapping[str, str] = {
    "no_secret": "The source has no webhook secret yet. Give it one, and the same one to the system over there.",
    "no_source": "Somebody sends to an address of ours that belongs to no source. Look where it was typed in.",
    "not_usable": "The source’s settings can’t be used, so nothing that it sends can be checked.",
    "signature": "The two secrets differ. Copy it again, or put the old one into “Webhook secret before”.",
    "time": "A clock is more than five minutes wrong, or somebody sends an old delivery again.",
    "too_large": "More than 256 KB. Choose fewer fields over there, if it lets you.",
    "unreadable": "Signed as it should be, but not what the system says that it sends.",
    "unsigned": "A request from elsewhere, or a webhook over there without its secret.",
}
