"""Files that customers send, as RT takes them: base64 inside of the JSON."""

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

from connectors.actions import Attached
from connectors.transport import lasting

WITHIN = 60.0  # seconds, and less than a try with files may take


def attachments(files: Sequence[Attached]) -> dict[str, Any]:
    """Give the field of a message that holds them."""
    if not files:
        return {}
    return {
        "Attachments": [
            {"FileName": file.name, "FileType": file.media_type, "FileContent": b64encode(file.content).decode()}
            for file in files
        ]
    }


def time_for(files: Sequence[Attached]) -> dict[str, Any]:
    return lasting(WITHIN) if files else {}
