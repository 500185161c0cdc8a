"""Every connector there is: one per module or package of `connectors.vendors`, and those of installed plugins."""

import pkgutil
from collections.abc import Iterable, Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from connectors import vendors
from connectors.contract import Connector

GROUP = "hallway.connectors"


class RegistryError(Exception):
    """A connector that cannot be used. It stops the start: a source would else be missing without a word."""


def load_connectors(plugins: Iterable[EntryPoint] | None = None) -> Mapping[str, Connector[Any]]:
    """Load all connectors by name. `plugins` None: those that are installed.

    Raises `RegistryError` for two of one name, and for what is no connector.
    """
    found: dict[str, tuple[str, Connector[Any]]] = {}
    for place, candidate in _candidates(entry_points(group=GROUP) if plugins is None else plugins):
        if not isinstance(candidate, Connector):
            raise RegistryError(f"{place} is no connector: it is a {type(candidate).__name__}")
        if candidate.name in found:
            first, _ = found[candidate.name]
            raise RegistryError(f"Two connectors are called {candidate.name}: {first} and {place}. Remove one of them")
        found[candidate.name] = place, candidate
    return {name: found[name][1] for name in sorted(found)}


def _candidates(plugins: Iterable[EntryPoint]) -> Iterable[tuple[str, object]]:
    for module in pkgutil.iter_modules(vendors.__path__, f"{vendors.__name__}."):
        yield module.name, getattr(import_module(module.name), "connector", None)
    for plugin in plugins:
        place = f"the plugin {plugin.value}"
        try:
            yield place, plugin.load()
        except Exception as error:  # whatever a foreign module raises on import
            raise RegistryError(f"{place} does not load: {type(error).__name__}: {error}") from error
