"""A capability that an engine may have: leaving no trace of what was deleted."""

from typing import Protocol, runtime_checkable

from foundation.records.port import Engine


@runtime_checkable
class Scrubbing(Protocol):
    """An engine whose files keep deleted bytes until it is told to remove them."""

    async def scrub(self) -> None:
        """Make sure that no file of the store holds what was deleted before this call."""


async def scrub(engine: Engine) -> None:
    """Do it where the engine can; another one's deletes are its server's business and stand in the documentation."""
    if isinstance(engine, Scrubbing):
        await engine.scrub()
