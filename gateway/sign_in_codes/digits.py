"""Codes of eight digits: made, read from what people type, and kept as what proves one and tells none."""

import hmac
import secrets
import unicodedata
from hashlib import sha256

from auth.same import same
from gateway.keyring import Keyring

DIGITS = 8
LONGEST = 40  # signs that are looked at
BETWEEN = "-.·_'\u2010\u2011\u2012\u2013\u2014\u2212"  # what people put between digits, beside spaces
PURPOSE = b"sign-in codes"


class Digits:
    """Makes codes and proofs of them. The last key of the ring makes proofs, each of them is believed."""

    def __init__(self, keyring: Keyring) -> None:
        self._keys = [key.derive(PURPOSE) for key in keyring.keys]

    def proof(self, id_: str, code: str) -> bytes:
        """Prove a code of the row with this id: in another row it proves nothing."""
        return _mac(self._keys[-1], id_, code)

    def is_proof(self, proof: bytes | None, id_: str, code: str) -> bool:
        """Tell whether a code is the one. Without any proof it takes as long to say no."""
        found = [same(proof or bytes(32), _mac(key, id_, code)) for key in self._keys]
        return proof is not None and any(found)


def new_code() -> str:
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"


def in_groups(code: str) -> str:
    """Write it as people read it: in twos."""
    return " ".join(code[place : place + 2] for place in range(0, DIGITS, 2))


def read_code(typed: str) -> str | None:
    """Read what somebody typed or pasted, in the digits of any script. None: it is no code."""
    found = []
    for sign in typed[:LONGEST]:
        if sign.isspace() or sign in BETWEEN or unicodedata.category(sign) == "Cf":
            continue
        digit = unicodedata.decimal(sign, None)
        if digit is None:
            return None
        found.append(str(digit))
    return "".join(found) if len(found) == DIGITS and len(typed) <= LONGEST else None


def _mac(key: bytes, id_: str, code: str) -> bytes:
    return hmac.new(key, f"{id_}.{code}".encode(), sha256).digest()
