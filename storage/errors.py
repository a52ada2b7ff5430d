"""What can go wrong in storage. A person's mistake is never here: that is a value, not an error.

    StorageError
    ├── CannotUnseal          this key and this place do not open the envelope: damaged, moved or rolled back
    │   └── UnknownSuite      the envelope was made by another version of Askfirst, or is none
    ├── KeyLost               the data key that an envelope names no longer exists
    ├── SubjectErased         the person was erased: nobody comes back
    ├── NotDestroyed          what was to be destroyed stands still: no certificate, and it is tried again
    ├── ConsentRequired       no live consent or recorded basis covers this
    ├── PurposeRequired       a value was asked for without saying what for
    ├── SessionEnded          the session has expired, was ended, or never was
    ├── Conflict              another process was faster: load again and repeat
    ├── IdReused              one client id came with two different bodies
    ├── NotFound              no such row
    └── OperatorMustAct       printed as one clear line with its remedy, never as a traceback
        ├── KekRefused        the holder of the key-encryption keys cannot be used
        ├── KekAway           the holder of the key-encryption keys does not answer; it may again
        ├── EpochNeeded       an epoch cannot be retired: something depends on it
        ├── UrlRefused        a database or key address that this version does not understand
        ├── DatabaseAway      a database cannot be opened: unreachable, unknown, or no right to it
        ├── SchemaTooOld      the database must be migrated first
        ├── SchemaTooNew      the database belongs to a newer version of Askfirst
        ├── KeyringRefused    the keyring is not that of the data, or is older than the last erasure
        ├── BackupRefused     no backup can be taken there, or by these programs
        └── RestoreRefused    this backup cannot be put back now, or a restore is under way

Messages carry ids, names of columns and remedies; never a value, a key or an address with its password.
"""


class StorageError(Exception):
    """Anything that storage refuses or cannot do."""


class CannotUnseal(StorageError):
    """This key and this place do not open the envelope."""


class UnknownSuite(CannotUnseal):
    """The envelope does not say a construction that this version knows."""


class KeyLost(StorageError):
    """The data key that an envelope names no longer exists."""


UNOPENED = (KeyLost, CannotUnseal)  # of one row: whoever goes through many passes over it


class SubjectErased(StorageError):
    """The person, or this scope of theirs, was erased for good."""


class NotDestroyed(StorageError):
    """A key or a row that an erasure was to destroy stands still: somebody else writes to the database."""


class ConsentRequired(StorageError):
    """No live consent or recorded basis covers this."""


class PurposeRequired(StorageError):
    """A value was asked for without a purpose."""


class SessionEnded(StorageError):
    """The session that a turn comes from has expired, was ended, or never was."""


class Conflict(StorageError):
    """Another process was faster. Load again and repeat."""


class IdReused(StorageError):
    """A client used one id for two different bodies."""


class NotFound(StorageError):
    """There is no such row."""


class OperatorMustAct(StorageError):
    """Something only the operator can put right; the message is one line and names the remedy."""


class KekRefused(OperatorMustAct):
    """The holder of the key-encryption keys cannot be used as it is."""


class KekAway(OperatorMustAct):
    """The holder of the key-encryption keys cannot be reached. Whoever can wait tries again."""


class EpochNeeded(OperatorMustAct):
    """Something still depends on an epoch that is to be retired."""


class UrlRefused(OperatorMustAct):
    """The address of a database or of a key holder is not one that this version understands."""


class SchemaTooOld(OperatorMustAct):
    """The database must be migrated before it can be used."""


class SchemaTooNew(OperatorMustAct):
    """The database was migrated by a newer version of Askfirst."""


class DatabaseAway(OperatorMustAct):
    """A database cannot be opened."""


class KeyringRefused(OperatorMustAct):
    """The keyring is another installation's, or a copy from before the last erasure: it would undo that."""


class BackupRefused(OperatorMustAct):
    """A backup cannot be taken there, or not by the programs that are at hand."""


class RestoreRefused(OperatorMustAct):
    """A backup cannot be put back now, or one is being put back at this moment."""
