"""The keyring database: wrapped keys, and what must outlive the people they belonged to.

It stands apart from the data and its backups. Nothing here opens anything without the provider of `storage.keys.kek`,
and nothing here tells who a person is: subjects are random ids.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Index,
    Insert,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite

from storage.columns import Moment
from storage.errors import SchemaTooNew

SCHEMA = 1  # raised with every change of the tables; `prepare` carries older databases over
LOCK = 0x41534B4B  # "ASKK": the number under which processes on PostgreSQL wait for each other

metadata = MetaData()

keyring_schema = Table("keyring_schema", metadata, Column("version", Integer, primary_key=True))

epochs = Table(
    "epochs",
    metadata,
    Column("epoch", Integer, primary_key=True),
    Column("kek", String, nullable=False),  # which KEK wraps the secret
    Column("wrapped", LargeBinary, nullable=False),  # empty once it is retired
    Column("began_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False),  # later it is overdue: the operator is told to rotate
    Column("retired_at", Moment),  # then no key is wrapped by it any more and its look-ups die
)

retired_keks = Table(  # what became of the KEK of a retired epoch
    "retired_keks",
    metadata,
    Column("epoch", Integer, primary_key=True),
    Column("gone_from", Moment),  # when the provider will be rid of it; NULL: not asked yet, or gone
    Column("gone_at", Moment),  # when it was found to be gone for good; NULL: not yet
)

scope_keys = Table(
    "scope_keys",
    metadata,
    Column("subject", String, primary_key=True),
    Column("scope", String, primary_key=True),
    Column("version", BigInteger, primary_key=True),
    Column("epoch", Integer, nullable=False),  # whose wrap key wraps this one
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False),  # tells keys being used for the first time from orphans
    Column("settled", Boolean, nullable=False),  # the sweep has seen data under it: never an orphan again
    Index(
        "scope_keys_unsettled",
        "created_at",
        sqlite_where=text("NOT settled"),
        postgresql_where=text("NOT settled"),
    ),
    Index("scope_keys_epoch", "epoch"),  # retiring an epoch asks whether anything is wrapped by it
)

tombstones = Table(  # permanent: without them a restored backup would bring people back
    "tombstones",
    metadata,
    Column("subject", String, primary_key=True),
    Column("scope", String, primary_key=True),  # "*" is the whole person
    Column("at", Moment, nullable=False),
)

installation = Table(  # one row: which keyring this is, in every copy of it, and how far it has come
    "installation",
    metadata,
    Column("id", String, primary_key=True),
    Column("tombstones", BigInteger, nullable=False),  # how many there are: tells an old copy from the newest
)

certificates = Table(  # proofs of erasure without identifiers; whoever holds the id may ask
    "certificates",
    metadata,
    Column("id", String, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

addenda = Table(  # of certificates: when the backups, too, can be opened no more
    "addenda",
    metadata,
    Column("certificate", String, primary_key=True),
    # newest epoch at the erasure: older copies hold none after it
    Column("through", Integer, nullable=False),
    Column("body", LargeBinary),  # the certificate, signed anew with "done"; NULL: still due
    Index("addenda_due", "through", sqlite_where=text("body IS NULL"), postgresql_where=text("body IS NULL")),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", String, primary_key=True),
    Column("use", String, nullable=False),  # "evidence" or "audit"
    Column("public", LargeBinary, nullable=False),  # published for ever
    Column("kek", String, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False),  # the newest of a use signs
)


def prepare(connection: Connection) -> None:
    """Create what is missing of the keyring, one process at a time. Raises SchemaTooNew."""
    keep_out(connection, others=True)
    metadata.create_all(connection)
    found = connection.scalar(select(func.max(keyring_schema.c.version)))
    if found is None:
        connection.execute(insert(keyring_schema).values(version=SCHEMA))
    elif found > SCHEMA:
        raise SchemaTooNew(
            f"the keyring has schema {found}, this version of Askfirst knows {SCHEMA}: update it"
        )


def keep_out(connection: Connection, *, others: bool) -> None:
    """Wait until no other process erases, and let none begin before this transaction ends.

    With `others`, wait for those that create keys too: an erasure and a creation then happen one after the other, and
    whichever comes second sees what the first has committed. SQLite has one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        lock = func.pg_advisory_xact_lock if others else func.pg_advisory_xact_lock_shared
        connection.execute(select(lock(LOCK)))


def insert_new(connection: Connection, table: Table) -> Insert:
    """Return an insert that leaves a row alone which is there already."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()
