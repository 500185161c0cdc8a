"""Who sent a delivery: proofs over the very bytes that came. Without a secret nobody is believed.

Each verifier raises `WebhookRefused` with a reason for our logs; the sender never learns it.
"""

import hashlib
import hmac
import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from connectors.deliveries import Delivery, Verified
from connectors.errors import WebhookRefused

WINDOW = timedelta(minutes=5)  # between their clock and ours, either way
MOST_SIGNATURES = 10  # in one header: a sender that changes its secret has two
ESCAPES = {f"%{ord(sign):02X}": sign for sign in ":/?@!$'()*,;"}  # HubSpot takes them back before it signs an address

_ESCAPE = re.compile("|".join(ESCAPES), re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,15}")


def standard_webhooks(delivery: Delivery, secrets: Sequence[bytes]) -> Verified:
    """Standard Webhooks, symmetric: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md.

    A secret is base64, with or without its "whsec_".
    """
    name, sent_at = _header(delivery, "webhook-id"), _header(delivery, "webhook-timestamp")
    _check_age(delivery, _seconds(sent_at))
    signed = f"{name}.{sent_at}.".encode() + delivery.body
    versions = (each.partition(",") for each in _header(delivery, "webhook-signature").split(" ")[:MOST_SIGNATURES])
    given = [signature for version, _, signature in versions if version == "v1"]
    return _check(delivery, [_unpack(secret) for secret in secrets], signed, given)


def zendesk(delivery: Delivery, secrets: Sequence[bytes]) -> Verified:
    """Zendesk's: https://developer.zendesk.com/documentation/webhooks/verifying/."""
    sent_at = _header(delivery, "x-zendesk-webhook-signature-timestamp")
    _check_age(delivery, _instant(sent_at))
    given = _header(delivery, "x-zendesk-webhook-signature")
    return _check(delivery, secrets, sent_at.encode() + delivery.body, [given])


def hubspot(delivery: Delivery, secrets: Sequence[bytes]) -> Verified:
    """HubSpot's, version 3: https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation."""
    sent_at = _header(delivery, "x-hubspot-request-timestamp")
    _check_age(delivery, _seconds(sent_at) / 1000)
    url = _ESCAPE.sub(lambda escape: ESCAPES[escape[0].upper()], delivery.url)
    signed = f"POST{url}".encode() + delivery.body + sent_at.encode()
    return _check(delivery, secrets, signed, [_header(delivery, "x-hubspot-signature-v3")])


def key_in_address(delivery: Delivery, secrets: Sequence[bytes]) -> Verified:
    """For senders that sign nothing: the secret is in the address they were given. A copy can be sent again at will."""
    given = delivery.key.encode()
    return _believe(delivery, secrets, [hmac.compare_digest(given, secret) for secret in secrets])


def _check(delivery: Delivery, secrets: Sequence[bytes], signed: bytes, given: Iterable[str]) -> Verified:
    """Compare each signature with each secret's, and always all of them: the time it takes tells nothing."""
    made = [b64encode(hmac.digest(secret, signed, hashlib.sha256)) for secret in secrets]
    matches = [hmac.compare_digest(one.encode(), other) for one in given for other in made]
    return _believe(delivery, secrets, matches)


def _believe(delivery: Delivery, secrets: Sequence[bytes], matches: Sequence[bool]) -> Verified:
    if not secrets:
        raise WebhookRefused("no secret is set", reason="no_secret")
    if not any(matches):
        raise WebhookRefused("the signature is not theirs", reason="signature")
    return Verified(delivery)


def _header(delivery: Delivery, name: str) -> str:
    value = delivery.headers.get(name, "")
    if not value or not value.isascii():
        raise WebhookRefused(f"no {name}", reason="unsigned")
    return value


def _seconds(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise WebhookRefused("the time is no number", reason="time")
    return float(text)


def _instant(text: str) -> float:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise WebhookRefused("the time is none", reason="time") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _check_age(delivery: Delivery, seconds: float) -> None:
    if abs(delivery.received_at.timestamp() - seconds) > WINDOW.total_seconds():
        raise WebhookRefused("too old, or from the future", reason="time")


def _unpack(secret: bytes) -> bytes:
    text = secret.removeprefix(b"whsec_").rstrip(b"=")
    try:
        return b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except Base64Error:
        raise WebhookRefused("our secret is not base64", reason="no_secret") from None
