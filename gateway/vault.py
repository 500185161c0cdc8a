"""Secrets at rest: AES-256-GCM, bound to the row and the field they were sealed for.

A token is `<key version>.<base64url of nonce, ciphertext and tag>`. Moved to another row or field, changed in any bit,
or given another key version, it does not open.
"""

import base64
import binascii
import os
import re

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from connectors.config import Secret
from gateway.keyring import Key, Keyring

NONCE_BYTES = 12
TOKEN = re.compile(r"([1-9][0-9]{0,8})\.([A-Za-z0-9_-]+)")


class VaultError(Exception):
    """A sealed secret that does not open. The text says where it is kept, and what to do."""


class Vault:
    """Seals with the ring's last key, opens with any. `row` names table and row: `sources/erp`."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def seal(self, plain: Secret, row: str, field: str) -> str:
        key = self._keyring.current
        nonce = os.urandom(NONCE_BYTES)
        sealed = AESGCM(key.raw()).encrypt(nonce, plain.reveal().encode(), _place(key, row, field))
        return f"{key.version}.{_encode(nonce + sealed)}"

    def open(self, token: str, row: str, field: str) -> Secret:
        key, sealed = self._parse(token, row, field)
        try:
            plain = AESGCM(key.raw()).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _place(key, row, field))
        except (InvalidTag, ValueError):
            raise VaultError(
                f"the secret {field!r} of {row!r} was changed, belongs to another place, or was sealed with "
                f"a different key {key.version}: enter it anew"
            ) from None
        return Secret(plain.decode())

    def reseal(self, token: str, row: str, field: str) -> str:
        """Seal with the current key what an older one sealed. A token of the current key comes back as it is."""
        plain = self.open(token, row, field)
        return token if token.startswith(f"{self._keyring.current.version}.") else self.seal(plain, row, field)

    def _parse(self, token: str, row: str, field: str) -> tuple[Key, bytes]:
        match = TOKEN.fullmatch(token)
        sealed = _decode(match[2]) if match else None
        if not match or not sealed:
            raise VaultError(f"the secret {field!r} of {row!r} is damaged: enter it anew")
        key = self._keyring.get(int(match[1]))
        if not key:
            raise VaultError(
                f"the secret {field!r} of {row!r} was sealed with key {match[1]}, which is not in the key ring: "
                "add that key again, or enter the secret anew"
            )
        return key, sealed


def _encode(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def _decode(text: str) -> bytes | None:
    """Undo `_encode`, and nothing else: base64 has several spellings for the same bytes."""
    try:
        sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        return None
    return sealed if _encode(sealed) == text else None


def _place(key: Key, row: str, field: str) -> bytes:
    """A list in JSON: no two places read the same."""
    return msgspec.json.encode(["hallway", row, field, key.version])


class SealedIdTokens:
    """ID tokens at rest, each sealed for its own session row."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def seal(self, id_token: str, row: str) -> str:
        return self._vault.seal(Secret(id_token), row, "id_token")

    def open(self, sealed: str, row: str) -> str | None:
        try:
            return self._vault.open(sealed, row, "id_token").reveal()
        except VaultError:
            return None  # signing out still works, the provider only asks once more
