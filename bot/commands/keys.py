"""`keys status|rotate|retire`: the epochs of the keyring."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from bot.commands.office import CommandRefused, Office, command, number
from storage.evidence.audit import COMMAND
from storage.rekeying.epoch_status import RETIRED, EpochStatus, KeysStatus
from storage.rekeying.rotation import Rotation
from storage.storage import Storage

T = TypeVar("T")

NAME_MAX = 100  # characters of the name of whoever attests
LOOK_EVERY = 2.0  # seconds between two looks at the progress: each counts every key
COPIES = {  # where other copies of a KEK may lie, by the scheme of KEK_URL
    "file": "safe copies of the KEK file, the same file on other hosts, backups and snapshots of its disk",
    "vault": "exports and backups of the transit key, snapshots of Vault's storage",
    "aws-kms": "imported key material that you keep elsewhere; KMS itself gives out no copy",
}


def add(commands: Any) -> None:
    """Add `keys` and what it does to the command line."""
    parser = commands.add_parser("keys", help="epochs of the keyring: see them, begin one, destroy one")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    showing = command(
        actions, "status", "list the epochs, how many keys and look-ups depend on each, and what comes next"
    )
    showing.add_argument("--json", action="store_true", help="print JSON, for a program")
    showing.set_defaults(run=_status)
    rotating = command(
        actions,
        "rotate",
        "begin a new epoch with a KEK of its own; the worker moves under it what older ones wrap",
    )
    rotating.add_argument(
        "--wait", action="store_true", help="move keys beside the worker until none is left, with progress"
    )
    rotating.set_defaults(run=_rotate)
    retiring = command(
        actions,
        "retire",
        "destroy an epoch that nothing depends on, and its KEK, for good: older copies open nothing",
    )
    retiring.add_argument("epoch", metavar="EPOCH", type=number, help="its number in `keys status`")
    retiring.add_argument(
        "--attest",
        metavar="NAME",
        type=_name,
        help="who attests that no other copy of its KEK is left; without, it only says what that takes",
    )
    retiring.set_defaults(run=_retire)


def _status(asked: argparse.Namespace, office: Office) -> int:
    with office.storage() as storage:
        standing = _call(storage, storage.rotation.status)
    if asked.json:
        epochs = [_as_json(one) for one in standing.epochs]
        office.show({"epochs": epochs, "certificates_due": standing.certificates_due})
        return 0
    office.say(
        f"{'epoch':>5}  {'state':<8} {'began':<17} {'ends':<17} {'keys':>9} {'look-ups':>9}  KEK, progress"
    )
    for one in standing.epochs:
        office.say(
            f"{one.epoch:>5}  {one.state:<8} {_at(one.began_at):<17} {_at(one.ends_at):<17} "
            f"{one.keys:>9,} {one.lookups:>9,}  {one.kek}, {_progress(one, standing, office.clock())}"
        )
    office.say(
        f"certificates of erasure that wait until older epochs are retired: {standing.certificates_due:,}"
    )
    return 0


def _rotate(asked: argparse.Namespace, office: Office) -> int:
    with office.storage() as storage:
        number = _call(storage, partial(storage.rotation.rotate, COMMAND))
        standing = _call(storage, storage.rotation.status)
        office.say(
            f"epoch {number} has begun and ends {_at(standing.newest.ends_at)}; what is new is wrapped by it, in every "
            "process within a minute"
        )
        if office.settings.kek_url.startswith("file:"):
            office.say(f"make a new safe copy of the KEK file now, and put it on every host: {_path(office)}")
        if asked.wait:
            _wait(storage, office)
        elif standing.left:
            office.say(f"the worker moves {_left(standing)}; see `askfirst keys status`")
    return 0


def _retire(asked: argparse.Namespace, office: Office) -> int:
    with office.storage() as storage:
        one, standing = _call(storage, partial(storage.rotation.retirable, asked.epoch))
        if one.state != RETIRED and not asked.attest:
            for line in _to_attest(one, standing, office):
                office.say(line)
            raise CommandRefused(f"epoch {one.epoch} is not retired: nobody has attested it (--attest NAME)")
        _call(storage, partial(storage.rotation.retire, one.epoch, asked.attest))
        gone_from = _call(storage, partial(storage.rotation.destroy_kek, one.epoch))
        while _step(storage.rotation, storage):
            pass
        for line in _retired(one, gone_from, standing, _call(storage, storage.rotation.status)):
            office.say(line)
    return 0


def _wait(storage: Storage, office: Office) -> None:
    """Help to move what older epochs wrap until nothing is left. Interrupted, the worker goes on alone."""
    told = ""
    while True:
        looked_at = time.monotonic()
        more = True
        while more and time.monotonic() < looked_at + LOOK_EVERY:
            more = _step(storage.rotation, storage)
        standing = _call(storage, storage.rotation.status)
        if told != (told := _left(standing)):
            office.say(f"to be moved: {told}")
        if not standing.left:
            return
        # other processes have to open the new epoch first, or somebody is just busy with the last ones
        if not more:
            time.sleep(LOOK_EVERY)


def _step(rotation: Rotation, storage: Storage) -> bool:
    """Do a little of what is left and rest as long as it took: turns in other processes write too."""
    began = time.perf_counter()
    more = _call(storage, rotation.go_on)
    if more:
        time.sleep(time.perf_counter() - began)
    return more


def _to_attest(one: EpochStatus, standing: KeysStatus, office: Office) -> list[str]:
    copies = COPIES[office.settings.kek_url.partition(":")[0]]
    return [
        f"Epoch {one.epoch} began {_at(one.began_at)}. Nothing depends on it any more.",
        f"Retiring it deletes its secret and destroys its KEK {one.kek}, for good.",
        f"{_copies(standing, without=one.epoch)}, and certificates of erasure will say so.",
        "That is true only if no other copy of this KEK is left. Places to look at:",
        f"  {copies}.",
        f'If you have seen to that: askfirst keys retire {one.epoch} --attest "YOUR NAME"',
        "Your name, the time and these words are kept in the audit.",
    ]


def _retired(
    one: EpochStatus, gone_from: datetime | None, before: KeysStatus, after: KeysStatus
) -> list[str]:
    again = f"askfirst keys retire {one.epoch}"
    fate = (
        f"its KEK opens nothing and is gone for good from {_at(gone_from)} on; then run `{again}` once more"
        if gone_from
        else "its KEK is gone for good"
    )
    done = before.certificates_due - after.certificates_due
    return [
        f"epoch {one.epoch} is retired; {fate}",
        f"{_copies(after)}",
        f"certificates of erasure: {done:,} are done, {after.certificates_due:,} are still due",
    ]


def _copies(standing: KeysStatus, *, without: int = 0) -> str:
    """Say which copies of the keyring open nothing once an epoch, too, is retired.

    One that is half retired still opens: its secret lies in them, and its KEK was never destroyed.
    """
    oldest = next(one for one in standing.epochs if one.epoch != without and not _shut(one))
    return f"Copies of the keyring from before {_at(oldest.began_at)}, when epoch {oldest.epoch} began, open nothing"


def _shut(one: EpochStatus) -> bool:
    return one.state == RETIRED and bool(one.kek_gone_at or one.kek_gone_from)


def _progress(one: EpochStatus, standing: KeysStatus, now: datetime) -> str:
    if one.state == RETIRED:
        if one.kek_gone_at:
            return f"gone {_at(one.kek_gone_at)}"
        when = f"gone from {_at(one.kek_gone_from)} on, then" if one.kek_gone_from else "half retired,"
        return f"{when} run `askfirst keys retire {one.epoch}`"
    if one is standing.newest:
        return "rotate: `askfirst keys rotate`" if one.state != "current" else "wraps what is new"
    if not one.left and one.free_from:
        when = f" from {_at(one.free_from)} on" if now < one.free_from else ""
        return f"can be retired{when}: `askfirst keys retire {one.epoch}`"
    return f"{one.keys_left:,} keys and {one.lookups_left:,} look-ups to be moved"


def _left(standing: KeysStatus) -> str:
    keys = sum(one.keys_left for one in standing.epochs)
    lookups = sum(one.lookups_left for one in standing.epochs)
    return f"{keys:,} keys and {lookups:,} look-ups"


def _as_json(one: EpochStatus) -> dict[str, Any]:
    given = asdict(one).items()
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in given}


def _path(office: Office) -> str:
    return office.settings.kek_url.removeprefix("file:")


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}Z"


def _name(text: str) -> str:
    name = text.strip()
    if not 0 < len(name) <= NAME_MAX or not name.isprintable():
        raise argparse.ArgumentTypeError(f"give your name, at most {NAME_MAX} characters on one line")
    return name


def _call(storage: Storage, call: Callable[[], T]) -> T:
    return storage.thread.submit(call).result()
