"""Answers that no vendor documents. A proxy, a bug or an attacker gives them all the same."""

import json
from collections.abc import Iterator
from typing import Any

BODIES: tuple[bytes, ...] = (
    b"",
    b" \n",
    b"null",
    b"true",
    b"0",
    b"-1",
    b"1e999",
    b"1" * 5000,
    b'""',
    b'"text"',
    b"[]",
    b"[[]]",
    b"[null]",
    b"[{}]",
    b"{}",
    b'{"": null}',
    b'{"items": null, "result": null, "error": null}',
    b'{"items": {}, "result": {}}',
    b'{"items": [[]], "result": [[]]}',
    b'{"error": {}}',
    b'{"error": true}',
    b'{"error": {"data": {"name": 7}}}',
    b'{"result": false}',
    b'{"result": [null]}',
    b'{"result": [{"id": 1}]}',
    b'{"a": 1, "a": 2}',
    b'{"__proto__": {"admin": true}}',
    b"NaN",
    b"[NaN, Infinity, -Infinity]",
    b"[1,]",
    b'{"a": 1,}',
    b"{'a': 1}",
    b"{a: 1}",
    b"// a comment\n{}",
    b"{} {}",
    b'{"result": [',
    b'"\xff\xfe"',
    b"\xef\xbb\xbf{}",
    "{}".encode("utf-16"),
    b'"\\ud800"',
    b'{"\\u0000": "\\u0000"}',
    b"\x00\x00\x00\x00",
    b"\x1f\x8b\x08\x00",
    b"[" * 100_000,
    b'{"result":' * 50_000,
    b"[" * 50_000 + b"]" * 50_000,
    b'{"result": "' + b"x" * 1_000_000 + b'"}',
    b")]}',\n{}",
    b"callback({})",
    b"<?xml version='1.0'?><methodResponse/>",
)

# Raw JSON, to stand where another value was.
VALUES: tuple[str, ...] = (
    "null",
    "true",
    "false",
    "-1",
    "1e400",
    "9" * 40,
    '""',
    '"NaN"',
    '"\\u0000\\u202e<script>"',
    "[]",
    '[1, "x"]',
    "{}",
)
_HERE = "<here>"


def with_hostile_values(document: bytes) -> Iterator[tuple[str, bytes]]:
    """Put each hostile value in each kind of place of a JSON document, one at a time, with a name for it.

    Of a list's elements only the first is changed: the others are of its kind.
    """
    tree = json.loads(document)
    for path in _places(tree, ()):
        marked = json.dumps(_replaced(tree, path))
        for value in VALUES:
            yield f"{'.'.join(map(str, path))} = {value[:20]}", marked.replace(json.dumps(_HERE), value).encode()


def _places(tree: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:  # noqa: ANN401  # any JSON
    if path:
        yield path
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _places(value, (*path, key))
    elif isinstance(tree, list) and tree:
        yield from _places(tree[0], (*path, 0))


def _replaced(tree: Any, path: tuple[str | int, ...]) -> Any:  # noqa: ANN401  # any JSON
    if not path:
        return _HERE
    key, *rest = path
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[key] = _replaced(copy[key], tuple(rest))  # type: ignore[index]  # a key of this very tree
    return copy


def with_unknown_fields(document: bytes) -> bytes:
    """Add a field that nobody has heard of to every object."""

    def add(tree: Any) -> Any:  # noqa: ANN401  # any JSON
        if isinstance(tree, dict):
            return {key: add(value) for key, value in tree.items()} | {"x_unknown": {"of": ["yesterday"]}}
        return [add(value) for value in tree] if isinstance(tree, list) else tree

    return json.dumps(add(json.loads(document))).encode()
