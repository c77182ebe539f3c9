"""Whether everything that a store holds can be read and is what was written: every row, every log, every key.

Nothing is decoded: a body that opens under its key, bound to its place, is what was sealed there.
"""

from collections.abc import AsyncIterable, Mapping, Sequence
from dataclasses import dataclass, field

from foundation.records.port import Batch, Kind, Row, Stored
from foundation.records.sealing import Damaged, KeyDestroyed, Keys, cipher_of, row_bounds

_MOST_NAMED = 50


@dataclass
class Report:
    """What was looked at and what is wrong with it. Names are ids: nothing of a content is told."""

    rows: int = 0
    batches: int = 0
    logs: int = 0
    damaged: list[str] = field(default_factory=list)
    """`kind id`, or `log name, number n: what is wrong` (at most 50 are named)."""
    keyless: list[str] = field(default_factory=list)
    """Rows and logs whose key is gone: remains of an erasure that was interrupted, or a key store of another day."""
    wrong: int = 0
    """All of them, named or not."""

    @property
    def whole(self) -> bool:
        return self.wrong == 0

    def add(self, to: list[str], what: str) -> None:
        self.wrong += 1
        if len(to) < _MOST_NAMED:
            to.append(what)


async def check(
    dump: AsyncIterable[Sequence[Stored]], keys: Keys, kinds: Sequence[Kind], heads: Mapping[str, str]
) -> Report:
    """Open everything. `heads`: for each kind of log its head's kind, where a log may not end before its head."""
    known = {kind.name: kind for kind in kinds}
    report = Report()
    versions: dict[tuple[str, str, str], int] = {}
    last: dict[str, int] = {}
    async for part in dump:
        for one in part:
            if one.row is not None:
                report.rows += 1
                kind = known.get(one.kind)
                if kind is None:
                    continue
                if kind.name in heads.values():
                    versions[kind.name, one.row.account, one.row.id] = one.row.version
                await _row(report, keys, kind, one.row)
            elif one.batch is not None:
                report.batches += 1
                await _batch(report, keys, one.log, one.batch, last)
    report.logs = len(last)
    for name, head in heads.items():
        for (kind_name, account, log), version in versions.items():
            stored = last.get(f"{name}/{len(account)}/{account}/{log}", 0)
            if kind_name == head and stored < version:
                report.add(report.damaged, f"log {name} {log}, number {stored + 1}: its end is missing")
    return report


async def _row(report: Report, keys: Keys, kind: Kind, row: Row) -> None:
    fields = {name: row.fields.get(name) for name in kind.fields}
    try:
        cipher = await cipher_of(keys, row.account, row.key)
        cipher.open(row.body, *row_bounds(kind.name, row.account, row.id, row.version, fields))
    except KeyDestroyed:
        report.add(report.keyless, f"{kind.name} {row.id}")
    except Damaged:
        report.add(report.damaged, f"{kind.name} {row.id}")


async def _batch(report: Report, keys: Keys, log: str, batch: Batch, last: dict[str, int]) -> None:
    name, _, rest = log.partition("/")
    size, _, rest = rest.partition("/")
    expected = last.get(log, 0) + 1
    last[log] = max(batch.last, expected - 1)
    if not size.isdigit() or batch.first != expected:
        report.add(report.damaged, f"log {name} {rest[-22:]}, number {expected}: a gap, or a batch too many")
        return
    account, place = rest[: int(size)], rest[int(size) + 1 :]
    try:
        cipher = await cipher_of(keys, account, batch.key)
        cipher.open(batch.body, "batch", name, account, place, batch.first, batch.count)
    except KeyDestroyed:
        report.add(report.keyless, f"log {name} {place}")
    except Damaged:
        report.add(report.damaged, f"log {name} {place}, number {batch.first}: its seal")
