"""Threads that do an engine's work and report back to the event loop: waiting work as one group, answers as one.

A thread takes everything that waits in its queue at that moment, does it, and wakes the loop once for all of it. Under
load this is what makes durable writes cheap (one commit for many callers) and keeps the two threads from fighting over
the interpreter; without load a group is one piece of work and nothing waits for company.
"""

import asyncio
import queue
import threading
from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

W = TypeVar("W")
W_contra = TypeVar("W_contra", contravariant=True)
Outcome = Any  # a result, or the exception instance to raise at the caller


class Worker(Protocol[W_contra]):
    """What one thread does. All three run in that thread."""

    def start(self) -> None:
        """Open what is needed. An exception is raised at the caller of `Thread.start`."""

    def run(self, group: Sequence[W_contra]) -> Sequence[Outcome]:
        """One outcome for each piece of work; an exception instance is raised at its caller."""

    def stop(self) -> None:
        """Let go of everything."""


class Threads(Generic[W]):
    """One or several workers on one queue."""

    def __init__(self, name: str, workers: Sequence[Worker[W]], *, group: int) -> None:
        self._name = name
        self._workers = workers
        self._piece = max(1, group // 2)  # a thread takes pieces until it has this many, so never more than `group`
        self._queue: queue.SimpleQueue[list[tuple[asyncio.Future[Any], W]] | None] = queue.SimpleQueue()
        self._gathered: list[tuple[asyncio.Future[Any], W]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ends: list[asyncio.Future[Any]] = []

    async def start(self) -> None:
        """Start the threads; raises what a worker's `start` raised (then none is left running)."""
        self._loop = asyncio.get_running_loop()
        self._queue = queue.SimpleQueue()
        started: list[asyncio.Future[Any]] = []
        for worker in self._workers:
            begun, end = self._loop.create_future(), self._loop.create_future()
            started.append(begun)
            threading.Thread(target=self._work, args=(worker, begun, end), name=self._name, daemon=True).start()
            self._ends.append(end)
        outcomes = await asyncio.gather(*started, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                await self.stop()
                raise outcome

    def submit(self, work: W) -> asyncio.Future[Any]:
        """Queue a piece of work; the future ends with its outcome."""
        assert self._loop is not None
        future: asyncio.Future[Any] = self._loop.create_future()
        if not self._gathered:
            self._loop.call_soon(self._hand_over)
        self._gathered.append((future, work))
        return future

    def _hand_over(self) -> None:
        """Give the threads what was submitted in one turn of the loop, in one piece: fewer groups, fewer wakings."""
        gathered, self._gathered = self._gathered, []
        for start in range(0, len(gathered), self._piece):
            self._queue.put(gathered[start : start + self._piece])

    async def stop(self) -> None:
        """Finish what is queued and end the threads."""
        self._hand_over()
        for _ in self._ends:
            self._queue.put(None)
        ends, self._ends = self._ends, []
        outcomes = await asyncio.gather(*ends, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    def _work(self, worker: Worker[W], begun: asyncio.Future[Any], end: asyncio.Future[Any]) -> None:
        try:
            worker.start()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised at the caller
            self._report([(begun, error), (end, None)])
            return
        self._report([(begun, None)])
        outcome: BaseException | None = None
        try:
            while group := self._take():
                self._do(worker, group)
        finally:
            try:
                worker.stop()
            except Exception as error:  # noqa: BLE001 - raised at the caller of `stop`
                outcome = error
            self._report([(end, outcome)])

    def _take(self) -> list[tuple[asyncio.Future[Any], W]]:
        """Wait for work and take what is there; nothing means the end."""
        group: list[tuple[asyncio.Future[Any], W]] = []
        item = self._queue.get()
        while item is not None:
            group += item
            if len(group) >= self._piece:
                return group
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return group
        if group:
            self._queue.put(None)  # the end comes after this group
        return group

    def _do(self, worker: Worker[W], group: list[tuple[asyncio.Future[Any], W]]) -> None:
        try:
            outcomes = worker.run([work for _, work in group])
        except Exception as error:  # noqa: BLE001 - nobody may wait for ever
            outcomes = [error] * len(group)
        self._report([(future, outcome) for (future, _), outcome in zip(group, outcomes, strict=True)])

    def _report(self, outcomes: list[tuple[asyncio.Future[Any], Outcome]]) -> None:
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(_settle, outcomes)
        except RuntimeError:
            return  # the loop was closed without closing the store: nobody is left to tell


def _settle(outcomes: list[tuple[asyncio.Future[Any], Outcome]]) -> None:
    for future, outcome in outcomes:
        if future.done():
            continue  # its caller was cancelled
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
