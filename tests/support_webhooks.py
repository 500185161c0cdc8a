"""Deliveries as other systems sign them: with openssl, which knows nothing of our verifiers."""

import subprocess
from base64 import b64decode
from datetime import datetime


def openssl_hmac(secret: bytes, text: bytes) -> str:
    """Give the base64 of HMAC-SHA256."""
    command = ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{secret.hex()}", "-binary"]
    raw = subprocess.run(command, input=text, capture_output=True, check=True).stdout
    encoded = subprocess.run(["openssl", "base64", "-A"], input=raw, capture_output=True, check=True).stdout
    return encoded.decode()


def by_zendesk(secret: str, body: bytes, at: datetime) -> dict[str, str]:
    sent_at = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "x-zendesk-webhook-signature-timestamp": sent_at,
        "x-zendesk-webhook-signature": openssl_hmac(secret.encode(), sent_at.encode() + body),
    }


def by_hubspot(secret: str, body: bytes, at: datetime, signed_url: str) -> dict[str, str]:
    """`signed_url` is as HubSpot writes it, with some escapes taken back."""
    sent_at = f"{at.timestamp() * 1000:.0f}"
    signed = b"POST" + signed_url.encode() + body + sent_at.encode()
    return {"x-hubspot-request-timestamp": sent_at, "x-hubspot-signature-v3": openssl_hmac(secret.encode(), signed)}


def by_standard(secret: str, body: bytes, at: datetime, name: str = "msg_1") -> dict[str, str]:
    """`secret` is base64."""
    sent_at = f"{at.timestamp():.0f}"
    signature = openssl_hmac(b64decode(secret), f"{name}.{sent_at}.".encode() + body)
    return {"webhook-id": name, "webhook-timestamp": sent_at, "webhook-signature": f"v1,{signature}"}
