"""Our own style sheets and scripts, kept by browsers for ever because their address names their content."""

import gzip
import hashlib
from pathlib import Path
from typing import Any

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from msgspec import Struct

from web.headers import FOREVER

STATIC = Path(__file__).parent / "static"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}


class Asset(Struct, frozen=True):
    """A file in memory, packed once at start. `version` names its content."""

    body: bytes
    packed: bytes
    media_type: str
    version: str


def make_asset(body: bytes, suffix: str) -> Asset:
    """Raises `KeyError` for a type that pages do not use."""
    return Asset(body, gzip.compress(body, mtime=0), TYPES[suffix], hashlib.sha256(body).hexdigest()[:12])


def load_assets() -> dict[str, Asset]:
    """Read every file that was there at start, by its name below the folder; no other can ever be asked for."""
    return {
        path.relative_to(STATIC).as_posix(): make_asset(path.read_bytes(), path.suffix)
        for path in STATIC.rglob("*")
        if path.suffix in TYPES
    }


@get("/static/{name:path}", opt={"public": True}, include_in_schema=False)
async def get_static(name: FromPath[str], request: Request[Any, Any, Any]) -> Response[bytes]:
    asset: Asset | None = request.app.state.view.assets.get(name.lstrip("/"))
    if asset is None:
        raise NotFoundException
    packs = "gzip" in request.headers.get("accept-encoding", "")
    # Another version's address must not be given this version's content for ever.
    kept = FOREVER if request.query_params.get("v") == asset.version else "no-store"
    headers = {"Cache-Control": kept, "Vary": "Accept-Encoding"} | ({"Content-Encoding": "gzip"} if packs else {})
    return Response(asset.packed if packs else asset.body, media_type=asset.media_type, headers=headers)
