"""The customer number that a provider vouches for: text in the signed token, to the letter, or none."""

from typing import Any

import pytest
from msgspec.structs import replace
from support_op import GONE, Op
from support_signin import RpAt

from auth.customer_claim import claimed_customer


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("4711", "4711"),
        ("0042", "0042"),
        ("K 47-11", "K 47-11"),
        (" 4711", None),
        ("4711 ", None),
        ("", None),
        (" ", None),
        (4711, None),
        (True, None),
        (["4711"], None),
        ({"4711": "4711"}, None),
        (None, None),
        ("47\u202f11", None),
        ("\u0664\u0667", None),
        ("4" * 256, None),
        (GONE, None),
    ],
)
async def test_takes_text_alone_and_as_it_is(op: Op, rp_at: RpAt, said: Any, number: str | None) -> None:
    rp = rp_at(op)
    rp.oidc.provider = replace(rp.provider, customer_claim="customer_no")
    op.claims["customer_no"] = said
    assert (await rp.sign_in()).identity.number == number


async def test_reads_no_claim_that_the_settings_do_not_name(op: Op, rp_at: RpAt) -> None:
    op.claims["customer_no"] = "4711"
    assert (await rp_at(op).sign_in()).identity.number is None


async def test_reads_no_claim_that_is_not_signed(op: Op, rp_at: RpAt) -> None:
    """Userinfo is only as good as the way it came."""
    rp = rp_at(op)
    rp.oidc.provider = replace(rp.provider, customer_claim="customer_no")
    op.userinfo["customer_no"] = "4711"
    op.profile_in_token = False
    assert (await rp.sign_in()).identity.number is None


def test_asks_for_nothing_without_a_name() -> None:
    assert claimed_customer(b"no token at all", None) is None
