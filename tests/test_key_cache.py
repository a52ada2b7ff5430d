"""The cache of opened keys: bounded, and never older than a minute."""

from datetime import timedelta

from storage.keys.cache import KeyCache
from storage.keys.sealing import DataKey
from tests.keyrings import NOW


def test_the_cache_is_bounded_and_forgets_who_was_used_least_recently() -> None:
    """However many people come, memory does not grow; who is in use stays."""
    cache = KeyCache(max_subjects=2)
    key = {1: DataKey.of(1, bytes(32))}
    for subject in ("ada", "ben"):
        cache.put((subject, "chat"), key, NOW)
    cache.get(("ada", "chat"), NOW)
    cache.put(("cleo", "chat"), key, NOW)

    assert [cache.get((subject, "chat"), NOW) for subject in ("ada", "ben", "cleo")] == [key, None, key]


def test_a_clock_that_was_put_back_keeps_no_key_longer() -> None:
    """What seems to have been read in the future is read again."""
    cache = KeyCache()
    cache.put(("ada", "chat"), {}, NOW)

    assert cache.get(("ada", "chat"), NOW - timedelta(seconds=1)) is None
