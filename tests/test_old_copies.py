"""Old data that was put in place by hand: nobody who was erased since is served from it (S24)."""

from __future__ import annotations

import pytest

from storage.errors import KeyringRefused, NotFound
from tests.premises import Premises, erase
from tests.remembering import DETAILS, Visitor


def test_an_old_copy_of_the_data_is_not_served(premises: Premises) -> None:
    """S24: copied in by hand, it says what to do; so taken, it comes back without who was erased."""
    with premises.memory() as memory:
        ada, bo = Visitor(memory), Visitor(memory)
        ada.sends()
        bo.sends()
    folder = premises.back_up()
    with premises.memory() as memory:
        erase(memory, ada)
    premises.put_old_data(folder)

    refusals = [premises.terminal.refusal(*asked) for asked in (("db", "current"), ("db", "upgrade"))]
    taken = premises.folder / "taken"
    assert premises.terminal.run("backup", str(taken))[0] == 0
    assert "is an old copy" in premises.terminal.refusal("db", "current")
    code, told, _ = premises.terminal.run("restore", str(taken))

    assert all("`askfirst backup DIR`, then `askfirst restore DIR`" in refusal for refusal in refusals)
    assert (code, told.startswith("2 people restored; 1 of them had been erased")) == (0, True)
    with premises.memory() as memory:
        assert memory.run(memory.store.find, "phone", DETAILS["phone"]) == [bo.subject]
        with pytest.raises(NotFound):
            memory.run(memory.store.record, ada.subject, purpose="own_view")


def test_an_erasure_that_is_under_way_stops_no_start(premises: Premises) -> None:
    """Its tombstone stands and the data does not know of it yet: whoever starts next goes on with it."""
    with premises.memory() as memory:
        ada = Visitor(memory)
        ada.sends()
        begun = memory.run(memory.store.begin_erasure, ada.subject, memory.now(), reason="officer")
        # then it dies
        memory.run(memory.rooms.keyring.destroy, ada.subject, None, tombstone=True, at=memory.now())

    with premises.memory() as memory:
        assert memory.run(memory.store.finish_erasure, begun)["id"] == begun


def test_a_copy_from_amid_an_erasure_is_old_when_that_has_ended(premises: Premises) -> None:
    """What it calls under way was certified since."""
    with premises.memory() as memory:
        ada = Visitor(memory)
        ada.sends()
        begun = memory.run(memory.store.begin_erasure, ada.subject, memory.now(), reason="officer")
    folder = premises.back_up()
    with premises.memory() as memory:
        memory.run(memory.store.finish_erasure, begun)
    premises.put_old_data(folder)

    with pytest.raises(KeyringRefused, match="is an old copy"), premises.storage():
        pass
