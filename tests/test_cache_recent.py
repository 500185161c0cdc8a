"""What a process saw last: the newest of each key, and never more than there is room for."""

from cache.recent import Recent


def test_keeps_the_latest_and_forgets_the_oldest() -> None:
    recent: Recent[int] = Recent(2)
    for key, value in (("a", 1), ("b", 2), ("a", 3), ("c", 4)):
        recent.put(key, value)
    assert [recent.get(key) for key in "abc"] == [3, None, 4]
