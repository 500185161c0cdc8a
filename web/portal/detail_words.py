"""What each detail is called, what a browser may offer for it, and why it cannot be changed."""

from collections.abc import Mapping

from connectors.details import ASK, COMPANYS, PROOF, DetailName
from gateway.languages import gettext_noop

LABELS: dict[DetailName, str] = {
    "first_name": gettext_noop("First name"),
    "last_name": gettext_noop("Last name"),
    "name": gettext_noop("Name"),
    "job_title": gettext_noop("Job title"),
    "email": gettext_noop("E-mail"),
    "phone": gettext_noop("Telephone"),
    "mobile": gettext_noop("Mobile"),
    "street": gettext_noop("Street"),
    "zip": gettext_noop("Postcode"),
    "city": gettext_noop("Town"),
}
FILLED_IN_BY: dict[DetailName, str] = {  # what a browser may offer
    "first_name": "given-name",
    "last_name": "family-name",
    "name": "name",
    "job_title": "organization-title",
    "phone": "tel",
    "mobile": "tel",
    "street": "address-line1",
    "zip": "postal-code",
    "city": "address-level2",
}
LOCKED: Mapping[str, str] = {  # why something cannot be changed, as connectors say it
    PROOF: gettext_noop("It is how we know that it is you. Call us to have it changed."),
    ASK: gettext_noop("Write to us to have it changed."),
    COMPANYS: gettext_noop("It is your company’s. Write to us to have it changed."),
}
