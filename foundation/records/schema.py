"""The SQL of the SQLite engine. This is the only module that composes statements, and it does so from two things:

templates written here, and names of kinds and fields that passed the pattern of `port.Kind` and are checked once more
as they are put in. Values never come near it: every one of them is a bound parameter (SECURITY N-9). Statements are
cut to their shape (which conditions, which order) and kept, so that a query costs no composing the second time.

A kind is a table `k_<kind>` with the columns id, version, account, key, body and `f_<field>`. Columns have no type:
SQLite then keeps text as text and numbers as numbers, and orders nothing before numbers before text.
"""

import functools
import hashlib
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from foundation.records.port import Kind, Row, Value, Where

_NAME = re.compile(r"[a-z][a-z0-9_]{0,80}\Z")

CREATE_BATCHES = """
CREATE TABLE IF NOT EXISTS batches (
    log TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (log, first)
)
"""
"""A table in the order of writing, with an index: what is added at one moment lies together, in few pages. (Stores of
the first version are `WITHOUT ROWID`; every statement here means the same there, and costs half as much again.)"""

LAST_NUMBER = "SELECT last FROM batches WHERE log = ? ORDER BY first DESC LIMIT 1"
READ_BATCHES = """
SELECT first, last, key, body FROM batches
WHERE log = ?1 AND last > ?2
  AND first >= coalesce((SELECT max(first) FROM batches WHERE log = ?1 AND first <= ?2), 0)
ORDER BY first LIMIT ?3
"""
_INSERT_BATCHES = "INSERT INTO batches (log, first, last, key, body) VALUES"
ALL_BATCHES = """
SELECT log, first, last, key, body FROM batches WHERE (log, first) > (?, ?) ORDER BY log, first LIMIT ?
"""
LOAD_BATCH = (
    "INSERT INTO batches (log, first, last, key, body) VALUES (?, ?, ?, ?, ?) ON CONFLICT (log, first) DO NOTHING"
)
RESEAL_BATCH = "UPDATE batches SET key = ?, body = ? WHERE log = ? AND first = ? AND last = ? AND key = ?"
DELETE_BATCHES = "DELETE FROM batches WHERE log = ?"
LIST_INDEXES = "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL"
LIST_COLUMNS = "SELECT name FROM pragma_table_info(?)"

_COMPARE = {"=": "{c} = ?", "<": "{c} < ?", "<=": "{c} <= ?", ">": "{c} > ?", ">=": "{c} >= ?"}
# Numbers stand before text in SQLite's order; a comparison finds values of its own sort only.
_ONLY_TEXT = "{c} >= ''"
_ONLY_NUMBERS = "{c} < ''"


class Segment(NamedTuple):
    """One statement of a paged query, and how many of the cursor's values (order value, id) it takes."""

    sql: str
    takes: str


class Shape(NamedTuple):
    """A condition without its value: all that decides what the statement looks like."""

    field: str
    is_: str
    sort: str  # "none", "text", "number", or for `in` how many values and whether nothing is among them
    values: int = 0


def shape_of(one: Where) -> Shape:
    """The shape of a condition."""
    if isinstance(one.value, tuple):
        values = sum(value is not None for value in one.value)
        return Shape(one.field, one.is_, "none" if values < len(one.value) else "some", values)
    if one.value is None:
        return Shape(one.field, one.is_, "none")
    return Shape(one.field, one.is_, "text" if isinstance(one.value, str) else "number", 1)


def parameters_of(where: Sequence[Where]) -> list[Value]:
    """The values of conditions in the order in which their statement takes them."""
    values: list[Value] = []
    for one in where:
        if isinstance(one.value, tuple):
            values += [value for value in one.value if value is not None]
        elif one.value is not None:
            values.append(one.value)
    return values


def row_of(kind: Kind, found: Sequence[Any]) -> Row:
    """The row from the columns of its table."""
    return Row(found[0], found[1], found[2], found[3], dict(zip(kind.fields, found[5:], strict=True)), found[4])


class Table:
    """The statements of one kind."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.name = f"k_{kind.name}"
        self._columns = ["id", "version", "account", "key", "body", *(f"f_{field}" for field in kind.fields)]
        self.get = self._fill("SELECT {columns} FROM {table} WHERE id = ?")
        self.insert = self._insert(1)
        self.delete = self._fill("DELETE FROM {table} WHERE id = ?")
        self.all = self._fill("SELECT {columns} FROM {table} WHERE id > ? ORDER BY id LIMIT ?")
        self.load = self._insert(1) + " ON CONFLICT (id) DO NOTHING"
        changed = ", ".join(_fill("{c} = ?", c=column) for column in self._columns[1:])
        self.replace = " ".join([self._fill("UPDATE {table} SET"), changed, "WHERE id = ? AND version = ?"])
        self.find = functools.lru_cache(maxsize=256)(self._find)
        self.count = functools.lru_cache(maxsize=256)(self._count)
        self.upsert = functools.lru_cache(maxsize=256)(self._upsert)
        self.update = functools.lru_cache(maxsize=256)(self._update)

    def create(self) -> str:
        """The statement that makes the table."""
        fields = "".join(_fill(", {c}", c=column) for column in self._columns[5:])
        start = "CREATE TABLE IF NOT EXISTS {table} (id TEXT PRIMARY KEY NOT NULL, version INTEGER NOT NULL, "
        return self._fill(start + "account TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL") + fields + ")"

    def missing_columns(self, present: set[str]) -> list[str]:
        """The statements that add the columns which the table does not have yet."""
        return [
            self._fill("ALTER TABLE {table} ADD COLUMN {c}", c=column)
            for column in self._columns
            if column not in present
        ]

    def indexes(self) -> dict[str, str]:
        """The statements that make the indexes, by the index's name; the name changes when the meaning does."""
        made = {}
        for group in self.kind.unique:
            columns = [self._column(field) for field in group]
            given = " AND ".join(_fill("{c} IS NOT NULL", c=column) for column in columns)
            name = self._index_name("u", columns)
            start = "CREATE UNIQUE INDEX IF NOT EXISTS {name} ON {table} ({columns}) WHERE "
            made[name] = self._fill(start, name=name, columns=columns) + given
        for group in self.kind.indexes:
            columns = [*(self._column(field) for field in group), "id"]
            name = self._index_name("i", columns)
            start = "CREATE INDEX IF NOT EXISTS {name} ON {table} ({columns})"
            made[name] = self._fill(start, name=name, columns=columns)
        return made

    def drop_index(self, name: str) -> str:
        """The statement that removes an index that is not declared any more."""
        return _fill("DROP INDEX {name}", name=name)

    def _insert(self, rows: int) -> str:
        marks = "(" + ", ".join("?" * len(self._columns)) + ")"
        return self._fill("INSERT INTO {table} ({columns}) VALUES ") + ", ".join([marks] * rows)

    def _upsert(self, rows: int) -> str:
        """Write heads: what is there gives way to a higher version of the same account's row."""
        changed = ", ".join(_fill("{c} = excluded.{c}", c=column) for column in self._columns[1:])
        guard = " WHERE {table}.version < excluded.version AND {table}.account = excluded.account"
        return self._insert(rows) + " ON CONFLICT (id) DO UPDATE SET " + changed + self._fill(guard)

    def _update(self, changed: tuple[int, ...], rows: int) -> str:
        """Write the named columns of heads that are still at a known version; the indexes of others stay untouched.

        A row of values is id, known version, account, and one value for each column, by its place among the columns.
        """
        given = "(" + ", ".join("?" * (len(changed) + 3)) + ")"
        puts = [_fill("{c} = ", c=self._columns[at]) + f"new.column{place}" for place, at in enumerate(changed, 4)]
        rest = ") AS new WHERE {table}.id = new.column1 AND {table}.version = new.column2"
        rest += " AND {table}.account = new.column3"
        parts = [self._fill("UPDATE {table} SET"), ", ".join(puts), "FROM (VALUES", ", ".join([given] * rows)]
        return " ".join([*parts, self._fill(rest)])

    def _count(self, shapes: tuple[Shape, ...]) -> str:
        return self._fill("SELECT count(*) FROM {table}") + self._conditions(shapes, [])

    def _find(self, shapes: tuple[Shape, ...], field: str, descending: bool, start: str) -> list[Segment]:
        """The statements of a page. `start`: `top` (no cursor), `none` or `some` (the cursor's order value)."""
        column = self._column(field)
        direction, than = ("DESC", "<") if descending else ("ASC", ">")
        order = [column] if column == "id" else [column, "id"]
        tail = " ORDER BY " + ", ".join(_fill("{c} ", c=one) + direction for one in order) + " LIMIT ?"
        base = self._fill("SELECT {columns} FROM {table}")
        beyond_id = f"id {than} ?"
        missing = _fill("{c} IS NULL", c=column)
        present = _fill("{c} IS NOT NULL", c=column)
        if start == "top":
            parts: list[tuple[list[str], str]] = [([], "")]
        elif column == "id":
            parts = [([beyond_id], "i")]
        elif start == "some":
            parts = [([_fill("({c}, id) ", c=column) + than + " (?, ?)"], "vi")]
            parts += [([missing], "")] if descending else []
        else:
            parts = [([missing, beyond_id], "i")]
            parts += [] if descending else [([present], "")]
        return [Segment(base + self._conditions(shapes, extra) + tail, takes) for extra, takes in parts]

    def _conditions(self, shapes: tuple[Shape, ...], extra: list[str]) -> str:
        tests = [self._condition(shape) for shape in shapes] + extra
        return " WHERE " + " AND ".join(tests) if tests else ""

    def _condition(self, shape: Shape) -> str:
        column = self._column(shape.field)
        if shape.is_ == "in":
            listed = _fill("{c} IN (", c=column) + ", ".join("?" * shape.values) + ")"
            return "(" + listed + _fill(" OR {c} IS NULL)", c=column) if shape.sort == "none" else listed
        if shape.sort == "none":
            return _fill("{c} IS NULL", c=column) if shape.is_ == "=" else "0"
        test = _COMPARE[shape.is_]
        if shape.sort == "text" and shape.is_ in {"<", "<="}:
            test += " AND " + _ONLY_TEXT
        if shape.sort == "number" and shape.is_ in {">", ">="}:
            test += " AND " + _ONLY_NUMBERS
        return _fill(test, c=column)

    def _column(self, field: str) -> str:
        return field if field in {"id", "account"} else f"f_{field}"

    def _index_name(self, sort: str, columns: Sequence[str]) -> str:
        digest = hashlib.sha256(" ".join([self.name, *columns]).encode()).hexdigest()[:16]
        return f"{sort}_{digest}"

    def _fill(self, template: str, **names: str | Sequence[str]) -> str:
        return _fill(template, **{"table": self.name, "columns": self._columns, **names})


@functools.lru_cache(maxsize=128)
def insert_batches(batches: int) -> str:
    """The statement that adds so many batches in one step."""
    return " ".join([_INSERT_BATCHES, ", ".join(["(?, ?, ?, ?, ?)"] * batches)])


def pragma(name: str, number: int) -> str:
    """The statement that sets one of SQLite's own numbers; these cannot be bound as parameters."""
    return _fill("PRAGMA {name} = ", name=name) + format(number, "d")


def _fill(template: str, **names: str | Sequence[str]) -> str:
    """Put names, and nothing else, into a statement."""
    for place, given in names.items():
        parts = [given] if isinstance(given, str) else given
        if not all(_NAME.match(part) for part in parts):
            raise ValueError(f"{given!r} is not a name")
        template = template.replace("{" + place + "}", ", ".join(parts))
    return template
