"""Work that runs at once as far as it can without waiting, and is finished later only if it must.

Most turns of a bot need nobody: they are a millisecond of computing. Run to its end on the spot, such a turn is stored
in one append with the message that caused it. A turn that needs a custom action says so with `await waiting()` before
it waits for anything; it is then taken up again by the task that calls `rest`, so that time-outs and cancellation in
it mean that task.
"""

from collections.abc import Awaitable, Coroutine, Generator
from types import coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@coroutine
def waiting() -> Generator[None, None, None]:
    """Say, inside work that was begun, that from here on it has to wait."""
    yield


class Begun(Generic[T]):
    """A coroutine after its first step. `ended` is True when that was all of it."""

    def __init__(self, work: Coroutine[Any, Any, T]) -> None:
        self._work = work
        self._outcome: T
        self._error: Exception | None = None
        self.ended = True
        try:
            self._waits_for = work.send(None)
        except StopIteration as end:
            self._outcome = end.value
        except Exception as error:  # noqa: BLE001 - raised again by `rest`, to the one who can handle it
            self._error = error
        else:
            self.ended = False

    async def rest(self) -> T:
        """Run the remainder and give the result; raises what the work raised. To be awaited once."""
        if self._error is not None:
            raise self._error
        if self.ended:
            return self._outcome
        self.ended = True
        return await _Rest(self._work, self._waits_for)

    def abandon(self) -> None:
        """Give up work that has not ended."""
        if not self.ended:
            self.ended = True
            self._work.close()


class _Rest(Awaitable[T]):
    def __init__(self, work: Coroutine[Any, Any, T], waits_for: Any) -> None:
        self._work = work
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, T]:
        step = self._waits_for
        while True:
            try:
                sent = yield step
            except BaseException as error:  # noqa: BLE001 - passed on to the work, as `await` itself does
                resume: Any = self._work.throw
                argument: Any = error
            else:
                resume = self._work.send
                argument = sent
            try:
                step = resume(argument)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
