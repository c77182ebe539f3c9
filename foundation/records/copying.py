"""The whole of one store into another, and whether the two hold the same.

A copy that was interrupted is begun again: what is there already stays. Afterwards both are counted and summed up, so
that a copy is either the same or said not to be.
"""

import hashlib
from collections.abc import AsyncIterable, Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from foundation.records.port import Engine, Stored

_encode = msgspec.msgpack.Encoder(order="deterministic").encode
_WHOLE = 1 << 256


class Sum(NamedTuple):
    """How many there are of a kind, and a sum over them that does not depend on their order."""

    number: int
    digest: str


class Different(Exception):  # noqa: N818 - it is the answer
    """The two stores do not hold the same; the message names the kinds and both counts."""


Progress = Callable[[int], None]
"""Told how many rows and batches were handled so far."""


async def summed(dump: AsyncIterable[Sequence[Stored]], progress: Progress = lambda _: None) -> dict[str, Sum]:
    """Count and sum by kind (batches: the empty name)."""
    counts: dict[str, int] = {}
    sums: dict[str, int] = {}
    done = 0
    async for part in dump:
        for one in part:
            digest = int.from_bytes(hashlib.sha256(_encode(one)).digest(), "big")
            counts[one.kind] = counts.get(one.kind, 0) + 1
            sums[one.kind] = (sums.get(one.kind, 0) + digest) % _WHOLE
        done += len(part)
        progress(done)
    return {kind: Sum(counts[kind], f"{sums[kind]:064x}") for kind in sorted(counts)}


async def copy(source: Engine, target: Engine, progress: Progress = lambda _: None) -> int:
    """Load everything of `source` into the open `target`; how much that was. Nobody may write to either meanwhile."""
    done = 0
    async for part in source.dump():
        await target.load(part)
        done += len(part)
        progress(done)
    return done


def require_same(source: Mapping[str, Sum], target: Mapping[str, Sum]) -> None:
    """Raises `Different`."""
    names = [kind for kind in sorted({*source, *target}) if source.get(kind) != target.get(kind)]
    if names:
        nothing = Sum(0, "")
        said = [
            f"{kind or 'log batches'}: {source.get(kind, nothing).number} here, {target.get(kind, nothing).number} there"
            for kind in names
        ]
        raise Different("The two stores do not hold the same: " + "; ".join(said) + ".")
