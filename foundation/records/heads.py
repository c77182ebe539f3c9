"""The heads of logs as the writing thread writes them: of a head that it wrote before, only what changed.

A head's row stands in an index for each way in which conversations are listed, and SQLite writes every index of which a
column is named in an `UPDATE`, changed or not. Most appends change the version, the time and the body. So the writer
remembers the columns that it wrote last and names only the others. A row that is not at the version it remembers is
written whole.
"""

import sqlite3
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from foundation.records.schema import Table

PER_STATEMENT = 32
_REMEMBERED = 10_000
_ID, _VERSION, _ACCOUNT, _BODY = 0, 1, 2, 4

Values = tuple[Any, ...]
"""A head's columns in the order of its table: id, version, account, key, body, fields."""


class Heads:
    """What the writer remembers of heads, by table."""

    def __init__(self) -> None:
        self._known: defaultdict[str, OrderedDict[str, Values]] = defaultdict(OrderedDict)

    def forget(self, table: Table | None = None) -> None:
        """Rows of a table were written by other statements; without a table: a transaction was taken back."""
        if table is None:
            self._known.clear()
        else:
            self._known.pop(table.name, None)

    def write(self, db: sqlite3.Connection, heads: Iterable[tuple[Table, Values]]) -> None:
        """Write heads of logs, each over whatever lower version is stored."""
        newest: dict[tuple[str, str], tuple[Table, Values]] = {}
        for table, values in heads:
            place = (table.name, values[_ID])
            known = newest.get(place)
            if known is None or known[1][_VERSION] < values[_VERSION]:
                newest[place] = (table, values)
        alike: defaultdict[tuple[Table, tuple[int, ...]], list[Values]] = defaultdict(list)
        for table, values in newest.values():
            alike[table, self._changed(table, values)].append(values)
        for (table, changed), rows in alike.items():
            for start in range(0, len(rows), PER_STATEMENT):
                self._write(db, table, changed, rows[start : start + PER_STATEMENT])

    def _changed(self, table: Table, values: Values) -> tuple[int, ...]:
        """The places of the columns that are to be written; nothing means all of them."""
        known = self._known[table.name].get(values[_ID])
        if known is None or known[_VERSION] >= values[_VERSION] or known[_ACCOUNT] != values[_ACCOUNT]:
            return ()
        return (_VERSION, _BODY, *(at for at in range(3, len(values)) if at != _BODY and known[at] != values[at]))

    def _write(self, db: sqlite3.Connection, table: Table, changed: tuple[int, ...], rows: Sequence[Values]) -> None:
        known = self._known[table.name]
        written = 0
        if changed:
            given: list[Any] = []
            for values in rows:
                before = known[values[_ID]]
                given += (before[_ID], before[_VERSION], before[_ACCOUNT], *(values[at] for at in changed))
            written = db.execute(table.update(changed, len(rows)), given).rowcount
        if written < len(rows):
            written += db.execute(table.upsert(len(rows)), [value for values in rows for value in values]).rowcount
        for values in rows:
            if written == len(rows):
                known[values[_ID]] = (*values[:_BODY], None, *values[_BODY + 1 :])
                known.move_to_end(values[_ID])
            else:  # a higher version stands there, or another account's row
                known.pop(values[_ID], None)
        while len(known) > _REMEMBERED:
            known.popitem(last=False)
