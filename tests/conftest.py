"""Support modules with fixtures or hooks, by name."""

pytest_plugins = ["support_needs"]
