"""Who sent a webhook: the published vectors, signatures of openssl's, and everything that is a little different."""

import json
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from support_hostile import SHARED
from support_needs import need
from support_webhooks import by_hubspot, by_standard, by_zendesk

from connectors import signatures
from connectors.deliveries import Delivery, Verified
from connectors.errors import WebhookRefused

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BODY = b'{"n": 1, "text": "caf\xc3\xa9"}'
URL = "https://portal.example/hooks/crm?a=%3A%2f%20b"
SIGNED_URL = "https://portal.example/hooks/crm?a=:/%20b"
SECRET = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SCHEMES: dict[str, tuple[Callable[[Delivery, Sequence[bytes]], Verified], dict[str, str]]] = {
    "standard": (signatures.standard_webhooks, by_standard(SECRET, BODY, NOON)),
    "zendesk": (signatures.zendesk, by_zendesk(SECRET, BODY, NOON)),
    "hubspot": (signatures.hubspot, by_hubspot(SECRET, BODY, NOON, SIGNED_URL)),
}


def vectors() -> list[Any]:
    file = SHARED / "corpora" / "webhook_vectors.json"
    if not file.is_file():
        return []
    return [pytest.param(case, id=case["name"]) for case in json.loads(file.read_bytes())["standard_webhooks"]["cases"]]


def delivery(headers: dict[str, str], body: bytes = BODY, at: datetime = NOON) -> Delivery:
    return Delivery(url=URL, key="", headers=headers, body=body, received_at=at)


@pytest.fixture(params=SCHEMES)
def scheme(request: pytest.FixtureRequest) -> tuple[Callable[[Delivery, Sequence[bytes]], Verified], dict[str, str]]:
    return SCHEMES[request.param]


Scheme = tuple[Callable[[Delivery, Sequence[bytes]], Verified], dict[str, str]]


def test_has_the_published_vectors() -> None:
    need("shared corpora", bool(vectors()), "put the shared folder beside the checkout, or set HALLWAY_SHARED")


@pytest.mark.parametrize("case", vectors())
def test_agrees_with_the_published_vectors(case: dict[str, Any]) -> None:
    secret = case["name"].rpartition("unpadded secret ")[2] if "unpadded" in case["name"] else f"whsec_{SECRET}"
    headers = {name.replace("svix-", "webhook-"): value for name, value in case["headers"].items()}
    arrived = delivery(headers, case["body"].encode(), datetime.fromtimestamp(case["now"], UTC))
    if case["verify"]:
        assert signatures.standard_webhooks(arrived, [secret.encode()]).delivery is arrived
    else:
        with pytest.raises(WebhookRefused):
            signatures.standard_webhooks(arrived, [secret.encode()])


def test_believes_what_openssl_signed(scheme: Scheme) -> None:
    verify, headers = scheme
    arrived = delivery(headers)
    assert verify(arrived, [SECRET.encode()]).delivery is arrived


def test_takes_either_secret_while_one_is_changed(scheme: Scheme) -> None:
    verify, headers = scheme
    other = b"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"
    arrived = delivery(headers)
    assert verify(arrived, [other, SECRET.encode()]).delivery is arrived
    assert verify(arrived, [SECRET.encode(), other]).delivery is arrived
    for ring in ([other], []):
        with pytest.raises(WebhookRefused):
            verify(delivery(headers), ring)


@pytest.mark.parametrize(
    "late", [timedelta(minutes=5, seconds=1), timedelta(minutes=-5, seconds=-1), timedelta(days=1)]
)
def test_refuses_what_is_too_old_or_not_yet_sent(scheme: Scheme, late: timedelta) -> None:
    verify, headers = scheme
    with pytest.raises(WebhookRefused):
        verify(delivery(headers, at=NOON + late), [SECRET.encode()])


def test_refuses_each_of_10_000_small_changes(scheme: Scheme) -> None:
    """A byte of the body, of the signature or of the time is another one, or a header is missing or nonsense."""
    verify, headers = scheme
    dice = random.Random(7)
    for _ in range(10_000 // len(SCHEMES)):
        forged = _forged(dice, delivery(headers))
        with pytest.raises(WebhookRefused):
            verify(forged, [SECRET.encode()])


def _forged(dice: random.Random, arrived: Delivery) -> Delivery:
    where = dice.choice(["body", "longer", "shorter", "missing", "nonsense", *arrived.headers])
    if where == "body":
        place, bit = dice.randrange(len(BODY)), 1 << dice.randrange(8)
        return replace(arrived, body=BODY[:place] + bytes([BODY[place] ^ bit]) + BODY[place + 1 :])
    if where == "longer":
        return replace(arrived, body=BODY + dice.randbytes(dice.randrange(1, 9)))
    if where == "shorter":
        return replace(arrived, body=BODY[: dice.randrange(len(BODY))])
    headers = dict(arrived.headers)
    name = dice.choice(sorted(headers)) if where in {"missing", "nonsense"} else where
    if where == "missing":
        del headers[name]
    elif where == "nonsense":
        headers[name] = dice.choice(["", " ", ",", "v1", "v1,,", "\xff", "0x10", "NaN", "1e9", "-1", "٣", "9" * 5000])
    else:
        value = headers[name]
        place = dice.randrange(len(value))
        headers[name] = value[:place] + dice.choice([c for c in "abyz019_%" if c != value[place]]) + value[place + 1 :]
    return replace(arrived, headers=headers)


@pytest.mark.parametrize("given", ["", "wrong", "s3cre", "s3cret ", "S3CRET"])
def test_refuses_another_key_in_the_address(given: str) -> None:
    arrived = replace(delivery({}), key=given)
    with pytest.raises(WebhookRefused):
        signatures.key_in_address(arrived, [b"s3cret"])
    with pytest.raises(WebhookRefused):
        signatures.key_in_address(replace(arrived, key=""), [])
    right = replace(arrived, key="s3cret")
    assert signatures.key_in_address(right, [b"other", b"s3cret"]).delivery is right


def test_refuses_everything_where_our_own_secret_is_unusable() -> None:
    with pytest.raises(WebhookRefused):
        signatures.standard_webhooks(delivery(SCHEMES["standard"][1]), [b"not base64!"])
