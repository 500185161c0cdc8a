"""Secrets by reference: `{ env = "NAME" }` or `{ file = "path" }`, so that a sources file can be shown to anybody."""

from collections.abc import Mapping
from pathlib import Path

from connectors.config import Secret

HOW = 'write { env = "NAME" } or { file = "path" }'


def resolve(reference: object, environ: Mapping[str, str], folder: Path) -> Secret:
    """Read the secret that a reference names. A relative path starts at `folder`.

    Raises `ValueError`, whose text never holds the value.
    """
    match reference:
        case {"env": str(name), **rest} if not rest:
            return _filled(environ.get(name), f"the environment variable {name}")
        case {"file": str(path), **rest} if not rest:
            return _filled(_read(folder / path), f"the file {path}")
        case dict():
            raise ValueError(f"not a reference to a secret: {HOW}")
        case _:
            raise ValueError(f"a secret is never written into this file: {HOW}")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise ValueError(f"cannot read the file {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"the file {path} is not text") from None


def _filled(value: str | None, where: str) -> Secret:
    if value is None:
        raise ValueError(f"{where} is not set")
    if not value:
        raise ValueError(f"{where} is empty")
    return Secret(value)
