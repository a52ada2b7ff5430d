"""What the tables of the data database are made of: their metadata, and the kinds of columns that recur."""

from __future__ import annotations

from sqlalchemy import MetaData, String

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"},
)

ID = String(32)  # characters; a UUID4 in hexadecimal, made by the application
NAME = (
    String()
)  # what configuration or this program names; a limit would only fail a turn that nothing is wrong with
SHA256 = String(64)  # characters; in hexadecimal
SCOPE = String()
REFERENCE = String()  # what the person quotes to the company
