"""The settings of a connector as a form asks for them: one question for each field, made from its declaration."""

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.inspect import (
    BoolType,
    CustomType,
    FloatType,
    IntType,
    ListType,
    LiteralType,
    Metadata,
    NoneType,
    StrType,
    StructType,
    Type,
    UnionType,
    type_info,
)

from connectors.config import Config, Secret
from connectors.deliveries import WebhookConfig

How = Literal["text", "secret", "number", "switch", "list", "choice"]

ASKED: Mapping[type[Type], How] = {
    CustomType: "secret",
    StrType: "text",
    IntType: "number",
    FloatType: "number",
    BoolType: "switch",
    ListType: "list",
}
AWAY = "away-"  # what the names of boxes begin with that take away what is stored
HIDDEN = "secret-"  # what the names of fields begin with whose value is never given back
LONGEST = 2000  # characters of one answer
HOOKS = frozenset(field.name for field in msgspec.structs.fields(WebhookConfig))
GIVEN = "Fill this in."
INVISIBLE = "Leave out line breaks and invisible characters."


class FieldError(Exception):
    """An answer that cannot be taken. The text is for who wrote it, and never repeats it."""


class Field(Struct, frozen=True, kw_only=True):
    """One question. `default` is what a new form has in it; `example` what an answer looks like."""

    name: str
    title: str
    help: str
    how: How
    required: bool
    default: str = ""
    example: str = ""
    choices: tuple[str, ...] = ()
    declared: Any = None  # the type of the setting

    @property
    def id(self) -> str:
        """What the form calls it: a name that says of a secret that it is one."""
        return f"{HIDDEN if self.how == 'secret' else 's-'}{self.name}"

    @property
    def away(self) -> str | None:
        """What the form calls the box that takes away what is stored. None: it is no secret, or cannot be missing."""
        return None if self.how != "secret" or self.required else f"{AWAY}{self.name}"

    @property
    def is_hook(self) -> bool:
        """Whether it is about webhooks alone, and nobody needs it to begin."""
        return self.name in HOOKS

    def read(self, written: str) -> object:
        """Make a setting of what was written. Raises `FieldError`; None: nothing was written."""
        written = written.strip()
        if len(written) > LONGEST:
            raise FieldError(f"Write at most {LONGEST} characters.")
        if self.how != "list" and not written.isprintable():
            raise FieldError(INVISIBLE)
        if self.how == "switch":
            return written == "yes"
        if not written:
            if self.required:
                raise FieldError(GIVEN)
            return None
        return self._checked(self._value(written))

    def _value(self, written: str) -> object:
        if self.how == "list":
            return [line.strip() for line in written.splitlines() if line.strip()]
        if self.how == "number":
            if not re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,6})?", written):
                raise FieldError("Write a number, in digits.")
            return float(written) if "." in written else int(written)
        return written

    def _checked(self, value: object) -> object:
        try:
            msgspec.convert(value, self.declared)
        except msgspec.ValidationError:
            raise FieldError(_wanted(self.declared, self)) from None
        return value

    def written(self, value: object) -> str:
        """Write a setting as the form has it: what `read` gives back."""
        match value:
            case None:
                return ""
            case bool():
                return "yes" if value else ""
            case list() | tuple():
                return "\n".join(map(str, value))
            case _:
                return str(value)


def fields_of(config: type[Config]) -> tuple[Field, ...]:
    """Give the questions in order of declaration, those about webhooks last."""
    info = type_info(config)
    if not isinstance(info, StructType):
        raise TypeError(f"{config.__name__} is no struct")
    declared = {field.name: field.type for field in msgspec.structs.fields(config)}
    found = [_field(field, declared[field.name]) for field in info.fields]
    return tuple(sorted(found, key=lambda field: field.is_hook))


def _field(field: msgspec.inspect.Field, declared: object) -> Field:
    words = _words(field.type)
    how, choices = _how(field.type)
    default = None if field.required or how == "secret" else field.default
    plain = Field(
        name=field.name,
        title=words.get("title", field.name),
        help=words.get("description", ""),
        how=how,
        required=field.required,
        example=str((words.get("examples") or [""])[0]),
        choices=choices,
        declared=declared,
    )
    known = None if default is msgspec.NODEFAULT else default
    return msgspec.structs.replace(plain, default=plain.written(known))


def _words(type_: Type) -> Mapping[str, Any]:
    match type_:
        case Metadata():
            return {**_words(type_.type), **(type_.extra_json_schema or {})}
        case UnionType():
            return {key: value for each in type_.types for key, value in _words(each).items()}
        case _:
            return {}


def _how(type_: Type) -> tuple[How, tuple[str, ...]]:
    """Say how a type is asked for. What there is no question for is an error of the connector's."""
    match type_:
        case Metadata():
            return _how(type_.type)
        case UnionType():
            (other,) = [each for each in type_.types if not isinstance(each, NoneType)]
            return _how(other)
        case LiteralType(values=values):
            return "choice", tuple(map(str, values))
        case CustomType(cls=cls) if cls is not Secret:
            raise TypeError(f"no form asks for a {cls.__name__}")
        case _:
            return ASKED[type(type_)], ()


def _wanted(declared: object, field: Field) -> str:
    """Say what an answer has to be, by the bounds of its type."""
    bounds = _bounds(type_info(declared))
    least, most, longest = bounds.get("ge"), bounds.get("le"), bounds.get("max_length")
    text = "This is not in the form that is needed here. Compare it with the help above."
    if field.example:
        text = f"Write it like {field.example}"
    elif field.how == "choice":
        text = f"Choose one of {', '.join(field.choices)}."
    elif field.how == "list":
        text = "Write one on each line, each in the right form."
    elif field.how == "number":
        ends = [f"from {least}"] * (least is not None) + [f"up to {most}"] * (most is not None)
        text = " ".join(["Write a whole number" if bounds["whole"] else "Write a number", *ends]) + "."
    elif longest:
        text = f"Write at most {longest} characters."
    return text


def _bounds(type_: Type) -> dict[str, Any]:
    match type_:
        case Metadata():
            return _bounds(type_.type)
        case UnionType():
            return {key: value for each in type_.types for key, value in _bounds(each).items()}
        case IntType() | FloatType():
            return {"ge": type_.ge, "le": type_.le, "whole": isinstance(type_, IntType)}
        case StrType():
            return {"max_length": type_.max_length} if not type_.pattern else {}
        case _:
            return {}
