"""Every connector keeps every promise of the kit, and what it asks is legal by its vendor's specification."""

import ast
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from support_needs import need
from support_tree import ROOT, tracked

from connectors.contract import Connector
from connectors.registry import load_connectors
from connectors.testing import Conformance
from connectors.testing.hostile import BODIES
from connectors.testing.recordings import Exchange, load_fixtures

FIXTURES = ROOT / "connector_fixtures"
CONNECTORS = load_connectors(())
SHARED = Path(os.environ.get("HALLWAY_SHARED", ROOT.parent / "shared"))
CORPUS = SHARED / "corpora" / "json" / "parsing"
HINT = "put the shared folder beside the checkout, or set HALLWAY_SHARED"


def conformance(connector: Connector[Any]) -> type[Conformance]:
    members = {
        "connector": connector,
        "folder": FIXTURES / connector.name,
        "corpus": CORPUS if CORPUS.is_dir() else None,
    }
    return type(f"Test_{connector.name}", (Conformance,), members)


for each in CONNECTORS.values():
    globals()[f"Test_{each.name}"] = conformance(each)


def test_has_the_corpus_of_hostile_documents() -> None:
    need("shared corpora", CORPUS.is_dir(), HINT)
    assert len(list(CORPUS.glob("*.json"))) > 200
    assert len(set(BODIES)) >= 24


@pytest.mark.parametrize("name", CONNECTORS)
def test_asks_and_is_answered_by_the_vendors_specification(name: str) -> None:
    specification = SHARED / "vendors" / "specs" / f"{name}.json"
    need("shared specifications", specification.parent.is_dir(), HINT)
    if not specification.exists():
        return  # none is published
    paths = json.loads(specification.read_bytes())["paths"]
    known = [exchange for exchange in recorded(name) if exchange.request.path in paths]
    assert known
    for exchange in known:
        check(paths[exchange.request.path][exchange.request.method.lower()], exchange)


def recorded(name: str) -> Iterator[Exchange]:
    for recording in load_fixtures(FIXTURES / name).recordings.values():
        yield from recording.exchanges


def check(operation: dict[str, Any], exchange: Exchange) -> None:
    asked = operation["requestBody"]["content"]["application/json"]["schema"]
    Draft202012Validator(asked).validate(exchange.request.body)
    answered = operation["responses"][str(exchange.response.status)]["content"]["application/json"]["schema"]
    Draft202012Validator(answered).validate(json.loads(exchange.response.content))


def test_is_never_imported_by_production_code() -> None:
    """The kit asserts and skips; a page must do neither."""
    modules = [name for name in tracked("auth", "cache", "connectors", "gateway", "web") if name.endswith(".py")]
    outside = [name for name in modules if not name.startswith("connectors/testing/")]
    assert [name for name in outside if any(each.startswith("connectors.testing") for each in imports(name))] == []


def imports(name: str) -> Iterator[str]:
    for node in ast.walk(ast.parse((ROOT / name).read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
