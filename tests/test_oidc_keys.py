"""What is fetched from a provider, and how often: it is neither flooded, nor believed for ever."""

import asyncio

import pytest
from support_jose import rsa_key
from support_op import Op
from support_signin import Rp, Time

from auth.errors import NotBelieved, ProviderDown

DISCOVERY = "/.well-known/openid-configuration"


async def refused(rp: Rp) -> str:
    with pytest.raises(NotBelieved) as refusal:
        await rp.sign_in()
    return refusal.value.reason


@pytest.mark.parametrize("kid", ["two", "one", None], ids=lambda kid: f"OIDCCClientTestSigningKeyRotation: {kid}")
async def test_follows_a_rotation_without_a_restart(op: Op, rp: Rp, kid: str | None) -> None:
    """With a new name, under the old name, and among keys without names."""
    if kid is None:
        op.rotate(rsa_key(None))
    await rp.sign_in()
    op.rotate(rsa_key(kid, bits=2056))
    await rp.sign_in()
    assert op.count("/jwks") == 2
    op.rotate(rsa_key("three"))
    await rp.sign_in()
    assert op.count("/jwks") == 3


@pytest.mark.parametrize("at", [pytest.param("/token", id="OIDCCClientTestSigningKeyRotationJustBeforeSigning")])
async def test_follows_a_rotation_in_the_middle_of_a_sign_in(op: Op, rp: Rp, at: str) -> None:
    await rp.sign_in()
    begin = await rp.oidc.begin("/")
    query = await rp.come_back(begin)
    op.rotate(rsa_key("two"))
    await rp.oidc.finish(query, begin.cookie)
    assert op.count(at) == 2


@pytest.mark.parametrize("warm", [True, False])
async def test_looks_once_for_a_hundred_bad_sign_ins(op: Op, rp: Rp, *, warm: bool) -> None:
    if warm:
        await rp.sign_in()
    before = op.count("/jwks")
    op.signing = rsa_key("two")  # signs with a key that is not published
    results = await asyncio.gather(*(rp.sign_in() for _ in range(50)), return_exceptions=True)
    # Nobody gets in; the provider of the tests may be too busy for a few of so many.
    assert all(isinstance(result, NotBelieved | ProviderDown) for result in results)
    assert {await refused(rp) for _ in range(50)} == {"signed token: unknown key"}
    assert op.count("/jwks") - before == 1


async def test_looks_again_after_a_minute(op: Op, rp: Rp, time: Time) -> None:
    op.signing = rsa_key("two")
    await refused(rp)
    op.keys = [rsa_key("two").jwk]
    await refused(rp)
    time.advance(seconds=59)
    await refused(rp)
    time.advance(seconds=2)
    await rp.sign_in()
    assert op.count("/jwks") == 2


async def test_still_signs_in_with_known_keys_during_a_flood(op: Op, rp: Rp) -> None:
    await rp.sign_in()
    op.signing = rsa_key("two")
    await refused(rp)
    op.signing = rsa_key("one")
    await rp.sign_in()
    assert op.count("/jwks") == 2


async def test_stops_believing_a_withdrawn_key_within_the_hour(op: Op, rp: Rp, time: Time) -> None:
    await rp.sign_in()
    op.keys = [rsa_key("two").jwk]
    time.advance(minutes=59)
    await rp.sign_in()
    time.advance(minutes=2)
    assert await refused(rp) == "signed token: unknown key"


async def test_asks_for_the_document_once_an_hour(op: Op, rp: Rp, time: Time) -> None:
    await asyncio.gather(*(rp.oidc.begin("/") for _ in range(20)))
    time.advance(minutes=59)
    await rp.oidc.begin("/")
    assert op.count(DISCOVERY) == 1
    time.advance(minutes=2)
    await rp.oidc.begin("/")
    assert op.count(DISCOVERY) == 2


async def test_goes_on_with_an_older_document_while_there_is_no_newer(op: Op, rp: Rp, time: Time) -> None:
    await rp.oidc.begin("/")
    op.replies[DISCOVERY] = (503, b"")
    time.advance(hours=2)
    for _ in range(5):
        await rp.oidc.begin("/")
    assert op.count(DISCOVERY) == 2, "the next try is a minute later"
    time.advance(minutes=2)
    del op.replies[DISCOVERY]
    await rp.oidc.begin("/")
    assert op.count(DISCOVERY) == 3


async def test_does_not_go_on_when_the_document_turned_into_another_issuers(op: Op, rp: Rp, time: Time) -> None:
    await rp.oidc.begin("/")
    op.metadata = {"issuer": "https://evil.example"}
    time.advance(hours=2)
    for _ in range(2):
        with pytest.raises(NotBelieved, match="another issuer"):
            await rp.oidc.begin("/")


@pytest.mark.parametrize("path", [DISCOVERY, "/jwks", "/token"])
async def test_recovers_when_the_provider_does(op: Op, rp: Rp, path: str) -> None:
    op.replies[path] = (500, b"")
    with pytest.raises(ProviderDown):
        await rp.sign_in()
    del op.replies[path]
    await rp.sign_in()


async def test_ends_what_is_under_way(op: Op, rp: Rp) -> None:
    waiting = asyncio.ensure_future(rp.oidc.begin("/"))
    await asyncio.sleep(0)
    await rp.oidc.aclose()
    with pytest.raises(asyncio.CancelledError):
        await waiting
