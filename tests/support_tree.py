"""The files of the repository."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent


def tracked(*folders: str) -> set[str]:
    """Name every file that is, or is about to be, in the repository, from its top."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *folders]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return {name for name in listed.stdout.split("\0") if (ROOT / name).is_file()}
