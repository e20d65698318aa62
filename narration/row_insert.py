"""Inserts the row of a new object by one short statement."""

from sqlalchemy import ColumnDefault, Table, insert, inspect
from sqlalchemy.orm import Session, make_transient_to_detached

from narration.database import Base


def insert_row(session: Session, row: Base) -> None:
    """Insert a new object's row; the object belongs to the session then, as after a flush.

    Columns without a value are not named. A flush names all of them, and psycopg parses a statement
    anew for each execution if it has more than 50 parameters: that took as long as all other
    statements of a submission together. The values are parameters of the execution and no part of
    the statement, so that SQLAlchemy finds the compiled statement by its columns alone.
    """
    mapper = inspect(type(row))
    table = mapper.local_table
    assert isinstance(table, Table)
    values = {}
    for attribute in mapper.column_attrs:
        column = attribute.columns[0]
        value = getattr(row, attribute.key)
        if value is None and isinstance(column.default, ColumnDefault):
            value = column.default.arg
        setattr(row, attribute.key, value)  # also if it is None: it need not be loaded then
        if value is not None:
            values[column.key] = value
    session.execute(insert(table), values)
    make_transient_to_detached(row)
    session.add(row)
