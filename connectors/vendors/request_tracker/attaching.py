"""A message as RT takes it: JSON, and where files go with it a form that has both.

RT takes files inside of the JSON as well, and spoils every name there that has more than ASCII in it.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.actions import Attached
from connectors.transport import lasting

WITHIN = 20.0  # seconds, and less than a try may take


def message(fields: Mapping[str, object], files: Sequence[Attached]) -> dict[str, Any]:
    """Give what a request is made of: `http.post(url, **message(fields, files))`."""
    if not files:
        return {"json": fields}
    parts = [("Attachments", (file.name, file.content, _type_of(file))) for file in files]
    return {"files": [("JSON", (None, json.dumps(fields))), *parts], **lasting(WITHIN)}


def _type_of(file: Attached) -> str:
    """Call text by its name only where it is UTF-8: RT would write any other anew."""
    if not file.media_type.startswith("text/"):
        return file.media_type
    try:
        file.content.decode()
    except UnicodeDecodeError:
        return "application/octet-stream"
    return file.media_type
