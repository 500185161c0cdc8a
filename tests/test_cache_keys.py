"""Keys: two different things never share one."""

import binascii
from datetime import timedelta
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from cache.client import Client
from cache.keys import LIFETIMES, Family, key

text = st.text(st.characters())  # lone surrogates too
tricky = st.one_of(text, st.text(alphabet="0123:{}\u0301e", max_size=6))
names = st.tuples(st.sampled_from(get_args(Family)), st.lists(tricky, min_size=1, max_size=4))


def named(name: tuple[Family, list[str]]) -> str:
    family, parts = name
    return key(family, *parts)


@given(names, names)
def test_gives_two_names_two_keys(one: tuple[Family, list[str]], other: tuple[Family, list[str]]) -> None:
    assert (named(one) == named(other)) == (one == other)


def test_keeps_apart_what_a_separator_or_a_normal_form_would_mix_up() -> None:
    several = [
        key("list", "a:b", "c"),
        key("list", "a", "b:c"),
        key("list", "a", "b", "c"),
        key("list", "a", "", "b:c"),
        key("list", "A", "b:c"),
        key("list", "\u00e9"),  # é
        key("list", "e\u0301"),  # é again, in two code points
        key("detail", "a", "b:c"),
        key("list", "a", "b{c}"),
        key("list", "a}4:b{c"),
    ]

    assert len(set(several)) == len(several)


def test_puts_everything_of_an_owner_into_one_slot_whatever_the_owner_is_called() -> None:
    for owner in ["1", "", "a}b", "{", "\u00fc"]:
        slots = {
            slot(key("list", owner, "erp", "invoices")),
            slot(key("list", owner)),
            slot(key("detail", owner, "x}{y")),
        }
        assert len(slots) == 1


def slot(name: str) -> int:
    """Redis Cluster's rule: the CRC16 of what stands between the first brace and the next closing one."""
    tag = name.partition("{")[2].partition("}")[0]
    return binascii.crc_hqx(tag.encode(), 0) % 16384


def test_gives_every_family_a_lifetime() -> None:
    assert set(LIFETIMES) == set(get_args(Family))
    assert all(lifetime >= timedelta(seconds=1) for lifetime in LIFETIMES.values())


async def test_makes_keys_that_redis_takes_whatever_they_were_made_from(redis: Client) -> None:
    odd = [key("used", part) for part in ["\ud800", "\udfff", "\x00\r\n", "\U0001f600", ""]]

    for name in odd:
        await redis.set(name, name.encode("utf-8", "surrogatepass"), ex=LIFETIMES["used"])

    assert await redis.mget(odd) == [name.encode("utf-8", "surrogatepass") for name in odd]
