"""Inserts the rows of new objects by short statements."""

from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Column, ColumnDefault, ColumnElement, Table, insert, inspect
from sqlalchemy.orm import Session, make_transient_to_detached
from sqlalchemy.orm.attributes import instance_dict

from narration.database import Base


def insert_rows(session: Session, rows: Sequence[Base]) -> None:
    """Insert new objects' rows; the objects belong to the session then, as after a flush.

    Columns without a value are not named. A flush names all of them, and psycopg parses a statement
    anew for each execution if it has more than 50 parameters: that took as long as all other
    statements of a submission together. The values are parameters of the execution and no part of
    the statement, so that SQLAlchemy finds the compiled statement by its columns alone. Objects
    with values in the same columns are inserted together.
    """
    alike: defaultdict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        values = _values_of(row)
        alike[type(row), *values].append(values)
    for (kind, *_), values_of_rows in alike.items():
        table = inspect(kind).local_table
        assert isinstance(table, Table)
        # A single row as itself: a list of one is sent the longer way, as a list of many is.
        is_single = len(values_of_rows) == 1
        session.execute(insert(table), values_of_rows[0] if is_single else values_of_rows)
    for row in rows:
        make_transient_to_detached(row)
    session.add_all(rows)


def _values_of(row: Base) -> dict[str, Any]:
    """Return what is written for an object by column, and set the defaults it was made without."""
    values = {}
    present = instance_dict(row)  # its attributes would record each change, which is not needed
    for attribute, column, default in _columns_of(type(row)):
        value = present.get(attribute)
        if value is None:
            value = present[attribute] = default  # None, too: reading the attribute needs no query
        if value is not None:
            values[column] = value
    return values


@cache
def _columns_of(kind: type[Base]) -> tuple[tuple[str, str, Any], ...]:
    """Return the attribute, the column and the default of all columns of a table."""
    columns = [(attribute.key, attribute.columns[0]) for attribute in inspect(kind).column_attrs]
    return tuple((attribute, column.key, _default_of(column)) for attribute, column in columns)


def _default_of(column: ColumnElement[Any]) -> Any:
    default = column.default if isinstance(column, Column) else None
    if default is None:
        return None
    if not (isinstance(default, ColumnDefault) and default.is_scalar):
        raise TypeError(f"{column}: only a plain value can be a default here")
    return default.arg
