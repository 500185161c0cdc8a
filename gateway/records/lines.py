"""What the audit trail is told: who did what, from where, and what it was before. `gateway.audit` writes it down."""

from typing import Any, Literal

from msgspec import Struct

What = Literal[
    "account.looked_up",
    "account.made",
    "account.merged",
    "account.renamed",
    "account.split",
    "appearance.changed",
    "audit.exported",
    "audit.looked_up",
    "conflict.ignored",
    "conflict.reopened",
    "customer.linked",
    "customer.moved",
    "customer.unlinked",
    "customers.exported",
    "delivery.looked_up",
    "delivery.replayed",
    "document.accepted",
    "document.asked",
    "document.opened",
    "document.received",
    "document.refused",
    "document.withdrawn",
    "invitation.erased",
    "invitation.expired",
    "invitation.made",
    "invitation.mailed",
    "invitation.stopped",
    "invitation.used",
    "invitation.withdrawn",
    "keys.reseal_began",
    "mail.sent_again",
    "mail.settled",
    "mails.chosen",
    "member.changed",
    "member.disabled",
    "member.downloaded",
    "member.enabled",
    "member.erased",
    "member.made",
    "membership.added",
    "membership.changed",
    "membership.moved",
    "membership.removed",
    "message.claimed",
    "message.given_up",
    "message.handed_over",
    "message.looked_up",
    "message.released",
    "message.sent_again",
    "message.settled",
    "messages.previewed",
    "messages.ruled",
    "messages.tried",
    "owner.added",
    "page.looked_up",
    "proof.looked_up",
    "person.forgotten",
    "person.named",
    "person.unnamed",
    "question.asked",
    "question.decided",
    "question.dismissed",
    "question.looked_up",
    "retention.changed",
    "phrases.changed",
    "session.account_changed",
    "session.began",
    "session.ended",
    "session.ended_by_provider",
    "session.ended_everywhere",
    "session.refused",
    "source.added",
    "source.changed",
    "source.paused",
    "source.read_anew",
    "source.removed",
    "source.resumed",
    "staff.changed",
    "staff.made",
    "staff.role_given",
    "statuses.discarded",
    "statuses.drafted",
    "statuses.previewed",
    "statuses.published",
    "statuses.rehearsed",
    "topic.added",
    "topic.changed",
    "topic.removed",
    "viewing.began",
    "viewing.ended",
    "visibility.discarded",
    "visibility.drafted",
    "visibility.previewed",
    "visibility.published",
    "visibility.rehearsed",
    "webhook.registered",
    "webhook.secret_made",
]
Via = Literal["command line", "portal", "provider", "service"]


class By(Struct, frozen=True):
    """Who does something, and from where.

    `who` is `operator/<login on the machine>`, `member/<id>`, `staff/<id>`, `provider/<id>` or `service/<name>`, for
    what Hallway does by itself. `address` is where a request came from.
    """

    who: str
    via: Via
    address: str | None = None


class Line(Struct, frozen=True, kw_only=True):
    """One thing that was done.

    `about` names it like `who` names people: `source/erp`, `account/acme`. `details` can be read for ever, so they
    hold nothing of a person and never a secret. `personal` is sealed, and so is the address, with the key of `owner`,
    a person or an account; when that key is destroyed they are gone.
    """

    what: What
    by: By
    about: str
    account: str | None = None
    details: dict[str, Any] = {}
    personal: dict[str, Any] = {}
    owner: str | None = None


def of_source(what: What, source: str, by: By, **details: object) -> Line:
    """Tell what somebody did to a source. Where they did it from is sealed with their own key."""
    return Line(what=what, by=by, about=f"source/{source}", details=details, owner=by.who if by.address else None)
