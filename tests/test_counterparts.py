"""Who looks after a customer, as the back offices of the sandbox say it."""

import pytest
from support_portal import LAX
from support_sandbox import RunningSandbox
from test_details import OFFICES

from connectors.config import decode_config
from connectors.contract import BackOffice
from connectors.counterparts import Counterpart, counterpart_of
from connectors.errors import NotAllowed, NotFound
from connectors.tokens import MemoryTokens
from connectors.transport import open_client

TOM = Counterpart(name="Tom Reyes", email="tom@kestrel.example", phone="0113 496 0188")
SAID: dict[tuple[str, str], Counterpart | type[Exception] | None] = {
    ("odoo", "10"): TOM,
    ("odoo", "30"): None,
    ("odoo", "40"): NotFound,  # who has left
    ("odoo", "70"): NotFound,  # a customer who is gone
    ("odoo", "999999"): NotFound,
    ("hubspot", "company:9010"): Counterpart(name="Tom Reyes", email="tom@kestrel.example"),
    ("hubspot", "company:9020"): None,
    ("hubspot", "contact:501"): None,
    ("hubspot", "company:9040"): NotFound,  # who has left
    ("hubspot", "company:999999"): NotFound,
}


async def ask(vendor: str, customer: str, sandbox: RunningSandbox, **settings: str) -> Counterpart | None:
    far, tokens = OFFICES[vendor], MemoryTokens()
    config = decode_config(far.connector.config, {**far.settings, "base_url": far.address(sandbox), **settings})
    auth = far.connector.auth(config, tokens)
    async with open_client(far.connector.base_url(config), policy=LAX, auth=auth) as http:
        office = BackOffice(source=vendor, http=http, config=config, tokens=tokens)
        assert far.connector.counterpart
        return await far.connector.counterpart(office, customer)


@pytest.mark.parametrize(("vendor", "customer"), SAID)
async def test_says_who_looks_after_a_customer(vendor: str, customer: str, sandbox: RunningSandbox) -> None:
    wanted = SAID[vendor, customer]
    if isinstance(wanted, type):
        with pytest.raises(wanted):
            await ask(vendor, customer, sandbox)
    else:
        assert await ask(vendor, customer, sandbox) == wanted


async def test_says_who_took_over(sandbox: RunningSandbox) -> None:
    sandbox.site.odoo.rows["res.partner"][10]["user_id"] = 2
    assert await ask("odoo", "10", sandbox) == Counterpart(name="Administrator", email="priya@kestrel.example")
    sandbox.site.hubspot.objects["companies"]["9010"].properties["hubspot_owner_id"] = "70110002"
    assert await ask("hubspot", "company:9010", sandbox) == Counterpart(name="Lena Marsh", email="lena@kestrel.example")


async def test_tells_a_token_without_the_scope_from_a_wrong_one(sandbox: RunningSandbox) -> None:
    with pytest.raises(NotAllowed):
        await ask("hubspot", "company:9010", sandbox, access_token="sandbox-hubspot-narrow")


@pytest.mark.parametrize(
    ("written", "made"),
    [
        (("  Ida\n Kern ", None, None), Counterpart(name="Ida Kern")),
        (("Ida\u202e\x00Kern", None, None), Counterpart(name="Ida Kern")),
        ((" \u200b", "x@y.example", None), None),
        (("I" * 300, None, None), Counterpart(name="I" * 100)),
        (("Ida", "Ida <ida@k.example>, x@k.example", "+49 (0)30 123-45"), ("ida@k.example", "+49 (0)30 123-45")),
        (("Ida", "not an address", "call me"), (None, None)),
        (("Ida", "a" * 300 + "@k.example", "1" * 41), (None, None)),
        (("Ida", "", "0113 4960188 ext. 12"), (None, "0113 4960188 ext. 12")),
        (("Ida", "ida@k.example?bcc=spy@evil.example&subject=hi", None), (None, None)),
        (("Ida", "ida%40k.example@evil.example", None), (None, None)),
        (("Ida", "o'hara+k@k.example", None), ("o'hara+k@k.example", None)),
    ],
)
def test_shows_only_what_can_be_shown(
    written: tuple[str, str | None, str | None], made: Counterpart | tuple[str | None, str | None] | None
) -> None:
    name, email, phone = written
    wanted = Counterpart(name="Ida", email=made[0], phone=made[1]) if isinstance(made, tuple) else made
    assert counterpart_of(name, email=email, phone=phone) == wanted
