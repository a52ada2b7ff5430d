"""The cache of opened keys: bounded, and never older than a minute."""

from storage.key_cache import KeyCache
from storage.sealing import DataKey
from tests.keyrings import NOW
from tests.rooms import Clock


def test_the_cache_is_bounded_and_forgets_who_was_used_least_recently() -> None:
    """However many people come, memory does not grow; who is in use stays."""
    cache = KeyCache(Clock(), max_subjects=2)
    key = {1: DataKey.of(1, bytes(32))}
    for subject in ("ada", "ben"):
        cache.put((subject, "chat"), key, NOW)
    cache.get(("ada", "chat"))
    cache.put(("cleo", "chat"), key, NOW)

    assert [cache.get((subject, "chat")) for subject in ("ada", "ben", "cleo")] == [key, None, key]


def test_a_clock_that_was_put_back_keeps_no_key_longer() -> None:
    """What seems to have been read in the future is read again."""
    clock = Clock()
    cache = KeyCache(clock)
    cache.put(("ada", "chat"), {}, clock.now)
    clock.tick(seconds=-1)

    assert cache.get(("ada", "chat")) is None
