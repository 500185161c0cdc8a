"""Which fields to ask Tryton for: those that a row declares, and below each reference those of the row there."""

from collections.abc import Iterator
from functools import cache

from msgspec import Struct, inspect


@cache
def fields_of(row: type[Struct], without: frozenset[str] = frozenset()) -> tuple[tuple[str, str], ...]:
    """Write the parameters that ask for what a row declares: ("f", "number"), ("f", "currency.code").

    `without` names fields, "shipments.carrier", which are left out with all that is below them.
    """
    prefixes = tuple(f"{field}." for field in without)
    names = (name for name in _names(inspect.type_info(row)) if name)
    return tuple(("f", name) for name in names if not f"{name}.".startswith(prefixes))


def _names(type_: inspect.Type) -> Iterator[str]:
    """Name what lies below a field: one empty name for a value. An id comes without being asked for."""
    match type_:
        case inspect.ListType(item_type=inner):
            yield from _names(inner)
        case inspect.UnionType(types=types):
            yield from _names(next(each for each in types if not isinstance(each, inspect.NoneType)))
        case inspect.StructType(tag_field=None, fields=fields):
            for field in fields:
                if field.encode_name != "id":
                    yield from (f"{field.encode_name}.{name}".rstrip(".") for name in _names(field.type))
        case _:
            yield ""
