"""Files for their owner alone: replaced as a whole, and the old content overwritten, whenever the process dies."""

import stat
from pathlib import Path

import pytest

from storage.private_files import clear_leftovers, replace_and_overwrite, write_durably

OLD, NEW = b"the old content", b"the new content, longer"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with content."""
    write_durably(tmp_path / "kek.json", OLD)
    return tmp_path / "kek.json"


def test_a_file_is_replaced_and_its_old_content_overwritten(path: Path) -> None:
    """The name leads to the new content, still for the owner alone; the old blocks hold zeros."""
    with path.open("rb") as before:
        replace_and_overwrite(path, NEW)

        assert before.read() == bytes(len(OLD))
    assert path.read_bytes() == NEW
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_draft_that_a_crash_left_is_overwritten(path: Path) -> None:
    """The crash came before anything was replaced: the file stays as it was."""
    draft = path.with_name(".kek.json.draft")
    write_durably(draft, NEW)

    with draft.open("rb") as left:
        clear_leftovers(path)

        assert left.read() == bytes(len(NEW))
    assert path.read_bytes() == OLD
    assert list(path.parent.iterdir()) == [path]


def test_a_crash_just_before_the_replacement_harms_nothing(path: Path) -> None:
    """The second name then leads to the file itself: the name goes, the content stays."""
    path.with_name(".kek.json.old").hardlink_to(path)

    clear_leftovers(path)

    assert path.read_bytes() == OLD
    assert list(path.parent.iterdir()) == [path]


def test_a_crash_just_after_the_replacement_is_made_good(path: Path) -> None:
    """The old content is overwritten by whoever comes next."""
    old = path.with_name(".kek.json.old")
    write_durably(old, NEW)

    with old.open("rb") as left:
        clear_leftovers(path)

        assert left.read() == bytes(len(NEW))
    assert list(path.parent.iterdir()) == [path]
