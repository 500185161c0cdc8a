"""The keys that seal secrets: `1:<base64 of 32 bytes>,2:...`. The last one seals, each of them opens.

To renew: add a key at the end, start, seal everything anew, and only then take the old key away.
"""

import base64
import os
import re
import secrets
import stat
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from msgspec import Struct

from connectors.config import Secret

KEY_BYTES = 32
ENTRY = re.compile(r"([1-9][0-9]{0,8}):([A-Za-z0-9+/]{43}=)")
HOW_TO = 'make one with: echo "1:$(openssl rand -base64 32)"'


class KeyringError(ValueError):
    """Keys that cannot be used. The text names no key."""


class Key(Struct, frozen=True, kw_only=True):
    version: int
    secret: Secret  # base64, as written

    def raw(self) -> bytes:
        return base64.b64decode(self.secret.reveal())

    def derive(self, purpose: bytes) -> bytes:
        """Make a key of its own for one purpose, the same in every process of the deployment."""
        return HKDF(SHA256(), length=KEY_BYTES, salt=None, info=b"hallway " + purpose).derive(self.raw())


class Keyring(Struct, frozen=True):
    """At least one key, no version twice."""

    keys: tuple[Key, ...]

    @property
    def current(self) -> Key:
        return self.keys[-1]

    def get(self, version: int) -> Key | None:
        return next((key for key in self.keys if key.version == version), None)


def parse_keyring(text: str) -> Keyring:
    """Read a key ring. Fails closed: one bad entry refuses all."""
    keys = tuple(_parse_key(entry.strip()) for entry in text.strip().split(","))
    if len({key.version for key in keys}) < len(keys):
        raise KeyringError("two keys have the same number")
    return Keyring(keys)


def load_keyring(path: Path) -> Keyring:
    """Read the key file, or make one with a first key. Processes that start together agree on one.

    A file that others may read, or that is damaged, is refused and never replaced: what it sealed would be lost.
    """
    try:
        if not path.exists():
            _make(path)
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read().decode(errors="replace")
    except OSError as error:
        raise KeyringError(f"the key file {path} cannot be used: {error.strerror}") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyringError(f"others may read the key file (mode {mode:o}): run chmod 600 {path}")
    try:
        return parse_keyring(text)
    except KeyringError as error:
        raise KeyringError(f"the key file {path} is damaged, restore it from a backup: {error}") from None


def _parse_key(entry: str) -> Key:
    match = ENTRY.fullmatch(entry)
    if not match:
        raise KeyringError(f"a key is a number, a colon and the base64 of {KEY_BYTES} bytes; {HOW_TO}")
    return Key(version=int(match[1]), secret=Secret(match[2]))


def _make(path: Path) -> None:
    """Write beside the place and then link: the file is never seen half written, and never overwritten."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    text = f"1:{base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}\n"
    try:
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        return  # another process was first
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the name too must survive a power cut, or a sealed secret may outlive its key
    finally:
        os.close(folder)
