"""What a path may name. Anything else is not found before it is looked for."""

from typing import Annotated

from litestar.params import PathParameter

OURS = r"^[0-9a-z]{0,26}\Z"  # what an id of ours can be
SourceName = Annotated[str, PathParameter(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
RecordId = Annotated[str, PathParameter(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
FileId = Annotated[str, PathParameter(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
