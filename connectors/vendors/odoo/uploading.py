"""Files that customers send, as Odoo takes them: first the files, then a message that names them.

Until then they are the composer's, as when staff write a message: what no message names, Odoo deletes after a day.
A try that fails in here has left nothing behind.
"""

import asyncio
from base64 import b64encode
from collections.abc import Sequence

from connectors.actions import Attached, looking
from connectors.errors import BadResponse, NotSent
from connectors.vendors.odoo.rpc import Odoo, execute_lasting

COMPOSER = "mail.compose.message"
WITHIN = 12.0  # seconds for all of them; with what follows it is less than a try may take


async def upload(office: Odoo, files: Sequence[Attached]) -> list[int]:
    """Upload files, and give their ids. Raises `NotSent`, and what declines."""
    if not files:
        return []
    try:
        async with asyncio.timeout(WITHIN):
            with looking():
                return [await _upload(office, file) for file in files]
    except TimeoutError as error:
        raise NotSent(f"Odoo: the files were not there within {WITHIN:g} s") from error


async def _upload(office: Odoo, file: Attached) -> int:
    values = {
        "name": file.name,
        "datas": b64encode(file.content).decode(),
        "mimetype": file.media_type,
        "res_model": COMPOSER,
        "res_id": 0,
    }
    made = await execute_lasting(office, WITHIN, list[int], "ir.attachment", "create", [values])
    if len(made) != 1:
        raise BadResponse("Odoo ir.attachment.create: made another number of files than asked for")
    return made[0]
