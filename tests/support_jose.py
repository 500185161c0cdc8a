"""Signing keys and tokens for tests, by `cryptography` alone: what checks our tokens must not have made them."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

PSS = padding.PSS(padding.MGF1(SHA256()), salt_length=32)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int, size: int | None = None) -> str:
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


@dataclass(frozen=True)
class SigningKey:
    """A private key, its public JWK, and the algorithm to sign with."""

    private: Any
    jwk: dict[str, Any]
    alg: str
    header: dict[str, Any] = field(default_factory=dict)  # goes into every token, under `alg`

    def token(self, claims: dict[str, Any], **header: Any) -> str:
        kid = {"kid": self.jwk["kid"]} if "kid" in self.jwk else {}
        return compact({"alg": self.alg, **kid, **self.header, **header}, claims, self.sign)

    def sign(self, data: bytes) -> bytes:
        match self.alg:
            case "RS256":
                return bytes(self.private.sign(data, padding.PKCS1v15(), SHA256()))
            case "PS256":
                return bytes(self.private.sign(data, PSS, SHA256()))
            case "ES256":
                r, s = decode_dss_signature(self.private.sign(data, ec.ECDSA(SHA256())))
                return r.to_bytes(32, "big") + s.to_bytes(32, "big")
            case _:
                return bytes(self.private.sign(data))


def compact(header: Any, claims: Any, sign: Any) -> str:
    """Put a token together. Parts without entries that are None; claims may be bytes already."""
    parts = [
        part if isinstance(part, bytes) else json.dumps({k: v for k, v in part.items() if v is not None}).encode()
        for part in (header, claims)
    ]
    data = ".".join(map(b64, parts))
    return f"{data}.{b64(sign(data.encode()))}"


def header_of(token: str) -> bytes:
    return _part(token, 0)


def claims_of(token: str) -> bytes:
    return _part(token, 1)


def _part(token: str, number: int) -> bytes:
    part = token.split(".")[number]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def hs256(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda data: hmac.digest(secret, data, "sha256")


def half_hash(text: str, digest: str = "sha256") -> str:
    whole = hashlib.new(digest, text.encode()).digest()
    return b64(whole[: len(whole) // 2])


@cache
def rsa_key(kid: str | None, alg: str = "RS256", bits: int = 2048) -> SigningKey:
    private = rsa.generate_private_key(65537, bits)
    public = private.public_key().public_numbers()
    return SigningKey(private, _named({"kty": "RSA", "n": number(public.n), "e": number(public.e)}, kid), alg)


@cache
def ec_key(kid: str | None) -> SigningKey:
    private = ec.generate_private_key(ec.SECP256R1())
    public = private.public_key().public_numbers()
    jwk = {"kty": "EC", "crv": "P-256", "x": number(public.x, 32), "y": number(public.y, 32)}
    return SigningKey(private, _named(jwk, kid), "ES256")


@cache
def ed_key(kid: str | None, alg: str = "EdDSA") -> SigningKey:
    private = ed25519.Ed25519PrivateKey.generate()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64(private.public_key().public_bytes_raw())}
    return SigningKey(private, _named(jwk, kid), alg)


def _named(jwk: dict[str, Any], kid: str | None) -> dict[str, Any]:
    return jwk if kid is None else {"kid": kid, **jwk}
