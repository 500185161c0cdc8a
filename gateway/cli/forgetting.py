"""What a command does after its change, so that open pages go by it at once: copies of rows in Redis are forgotten."""

from collections.abc import Sequence
from typing import Literal

from auth.clock import utc_now
from cache.client import connect
from cache.copies import Copies
from cache.embedded import url_of_running
from gateway.settings import Settings

AT_LAST = "pages that are open end within ten seconds"


async def forget(settings: Settings, family: Literal["session", "visit"], id_hashes: Sequence[bytes]) -> None:
    """Mark the copies of sessions as ended where Redis can be reached. Where it cannot, they die of age."""
    url = settings.redis_url.reveal() if settings.redis_url else url_of_running(settings.data_dir)
    if url is None or not id_hashes:
        return
    redis = connect(url)
    copies = Copies(redis, family, dict, utc_now)
    try:
        for id_hash in id_hashes:
            await copies.mark_ended(id_hash.hex())
    finally:
        await redis.aclose()
