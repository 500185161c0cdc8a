"""Typed settings of a connector. One declaration is the form, the validation, the help and the redaction list."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, get_args

import msgspec
from msgspec import Struct


class Secret:
    """A string that shows itself only when asked by name."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    __hash__ = None  # type: ignore[assignment]  # a secret is no key

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every connector's settings. A field typed `Secret` is sealed at rest and never shown."""


C = TypeVar("C", bound=Config)


def secret_fields(config: type[Config]) -> Iterator[str]:
    """Name the fields to seal, in order of declaration."""
    for field in msgspec.structs.fields(config):
        if _holds_secret(field.type):
            yield field.name


def _holds_secret(type_: object) -> bool:
    """Look through `Annotated` and unions, in any nesting: a secret that is overlooked would be stored in clear."""
    return type_ is Secret or any(map(_holds_secret, get_args(type_)))


def decode_config(config: type[C], values: Mapping[str, object]) -> C:
    """Build a config from plain values; a secret may come as a string or as a `Secret`.

    Raises `msgspec.ValidationError`, which names the field and what was expected, never the value.
    """
    return msgspec.convert(values, config, dec_hook=_decode_secret)


def _decode_secret(type_: type, value: Any) -> Secret:  # noqa: ANN401  # msgspec's signature
    """Build a `Secret`. There is no way back: encoding a config fails until someone decides how to seal it."""
    if type_ is not Secret:
        raise NotImplementedError(type_)
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str) or not value:
        raise ValueError("Expected a non-empty `str`")  # msgspec adds the path and raises its own ValidationError
    return Secret(value)
