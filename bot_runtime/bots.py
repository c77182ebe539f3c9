"""The bots that run: each account's bots with their assistants, loaded in the background and swapped between turns.

- Loading, training and compiling never hold up the server; until a bot's first assistant is there it is *loading*.
- A project whose files change is loaded anew; the new assistant takes the place of the old one between two turns, with
  fresh custom actions.
- A broken project changes nothing: the assistant that ran before goes on, and `errors` names file and line. A bot that
  never had an assistant is *broken* then.
"""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal, Protocol

from admin import Accounts, Bots
from bot_runtime.actions import Actions, ActionWorker
from bot_runtime.assistants import Assistant, LoadFailed, load
from bot_runtime.assistants import compile as compile_assistant
from bot_runtime.assistants.understanding import TrainingFailed, trained
from bot_runtime.hands import actions_for
from foundation.clock import SECOND, Clock
from foundation.tasks import ended

log = logging.getLogger(__name__)

LOOK_EVERY = 2 * SECOND
"""How soon a changed file is noticed."""

RETIRE_AFTER = 60 * SECOND
"""How long the custom actions of a replaced assistant may finish what they do."""

Status = Literal["loading", "ready", "broken"]
FolderOf = Callable[[str], Path]
"""The folder of the assistant that a bot names. Raises `ValueError` for a name that cannot be one."""
WhenReady = Callable[[str, str], Awaitable[object]]
"""Is given account and bot."""


class Answering(Protocol):
    """What answers for the bots (`turns.Turns`)."""

    async def recover(self, account: str, bot: str | None = None) -> int:
        """Answer what waits for this bot."""

    async def close(self) -> None:
        """Cut off what is under way."""


class RunningBot:
    """One bot as it runs now. `errors` are those of the newest attempt, `path:line: sentence` each."""

    def __init__(self, account: str, id: str) -> None:
        self.account = account
        self.id = id
        self.status: Status = "loading"
        self.assistant: Assistant | None = None
        self.actions: Actions | None = None
        self.errors: tuple[str, ...] = ()
        self.warnings: tuple[str, ...] = ()
        self.content = ""
        self.seen: object = None

    @property
    def is_loading(self) -> bool:
        return self.status == "loading"


class RunningBots:
    """All of them. `models` is the folder where trained models are kept. `action_seconds` is what one custom action may
    take; its code cannot reach the `private` folders."""

    def __init__(
        self,
        accounts: Accounts,
        bots: Bots,
        clock: Clock,
        *,
        folder_of: FolderOf,
        models: Path,
        action_seconds: float = 10.0,
        private: tuple[Path, ...] = (),
    ) -> None:
        self._accounts = accounts
        self._bots = bots
        self._clock = clock
        self._folder_of = folder_of
        self._models = models
        self._action_seconds = action_seconds
        self._private = private
        self._running: dict[str, RunningBot] = {}
        self._loading: dict[str, asyncio.Task[None]] = {}
        self._retired: dict[Actions, asyncio.Task[None]] = {}
        self._when_ready: list[WhenReady] = []

    def of(self, account: str, bot: str) -> RunningBot | None:
        """The bot as it runs now; loading begins when it is asked for the first time. `None` for another account's."""
        running = self._running.get(bot)
        if running is None:
            running = self._begin(account, bot)
        return running if running.account == account else None

    @asynccontextmanager
    async def serving(self, turns: Answering) -> AsyncIterator[None]:
        """Load and watch the bots while the block runs. Whenever an assistant takes its place, `turns` answers what
        waits for it: after a crash, or while the bot was loading. At the end both are closed, the turns first."""
        self.when_ready(turns.recover)
        await self.start()
        watching = asyncio.create_task(self.run(), name="bots")
        try:
            yield
        finally:
            await ended(watching)
            await turns.close()
            await self.close()

    def when_ready(self, tell: WhenReady) -> None:
        """Be told account and bot whenever an assistant takes its place."""
        self._when_ready.append(tell)

    async def start(self) -> None:
        """Begin to load the bots of all accounts; returns at once."""
        async for account in self._accounts.all():
            for bot in await self._bots.list(account.id):
                self.of(account.id, bot.id)

    async def loaded(self) -> None:
        """Wait until nothing is being loaded."""
        while self._loading:
            await asyncio.gather(*self._loading.values(), return_exceptions=True)

    async def readiness(self) -> str | None:
        """For `/readyz`: `None`, or which bot is not ready and why."""
        for bot in self._running.values():
            if bot.status != "ready":
                return f"bot {bot.id} is {bot.status}" + (f": {bot.errors[0]}" if bot.errors else "")
        return None

    def status(self) -> list[RunningBot]:
        """Every bot that runs, as it is."""
        return list(self._running.values())

    async def reload(self, account: str, bot: str) -> RunningBot | None:
        """Look at the project now; the bot afterwards."""
        if self.of(account, bot) is None:
            return None
        await self.loaded()
        self._load_later(self._running[bot])
        await self.loaded()
        return self._running[bot]

    async def look(self) -> None:
        """Load what is new or has changed."""
        await self.start()
        for bot in list(self._running.values()):
            if bot.id not in self._loading and await self._has_changed(bot):
                self._load_later(bot)

    async def run(self) -> None:
        """Look every two seconds, until cancelled."""
        while True:
            await self._clock.sleep(LOOK_EVERY)
            try:
                await self.look()
            except Exception:
                log.exception("the bots could not be looked at and will be again")

    async def close(self) -> None:
        """End what is being loaded, and all custom actions."""
        await ended(*self._loading.values(), *self._retired.values())
        for bot in self._running.values():
            if bot.actions is not None:
                await bot.actions.close()
                bot.actions = None

    # Loading

    def _begin(self, account: str, bot: str) -> RunningBot:
        running = self._running[bot] = RunningBot(account, bot)
        self._load_later(running)
        return running

    def _load_later(self, bot: RunningBot) -> None:
        if bot.id not in self._loading:
            task = asyncio.create_task(self._load(bot), name=f"bot {bot.id} loads")
            self._loading[bot.id] = task
            task.add_done_callback(lambda _: self._loading.pop(bot.id, None))

    async def _load(self, bot: RunningBot) -> None:
        record = await self._bots.get(bot.account, bot.id)
        if record is None:
            self._running.pop(bot.id, None)
            return
        try:
            folder = self._folder_of(record.body.assistant)
            bot.seen, content = await asyncio.to_thread(lambda: (_glance(folder), _content(folder)))
            if content == bot.content and not bot.errors:
                return
            project = await asyncio.to_thread(load, folder)
            model = await trained(project.nlu, self._models)
            assistant = await asyncio.to_thread(compile_assistant, project, model)
            actions = await asyncio.to_thread(actions_for, project, seconds=self._action_seconds, private=self._private)
        except LoadFailed as failed:
            self._fail(bot, tuple(str(error) for error in failed.errors))
        except TrainingFailed as failed:
            self._fail(bot, (str(failed),))
        except Exception as error:
            log.exception("bot %s could not be loaded", bot.id)
            self._fail(bot, (f"{type(error).__name__}: {error}",))
        else:
            self._swap(bot, assistant, actions, content)
            for tell in self._when_ready:
                await tell(bot.account, bot.id)

    def _fail(self, bot: RunningBot, errors: tuple[str, ...]) -> None:
        bot.errors = errors
        bot.status = "broken" if bot.assistant is None else "ready"
        for error in errors:
            log.error("bot %s: %s", bot.id, error)

    def _swap(self, bot: RunningBot, assistant: Assistant, actions: Actions | None, content: str) -> None:
        if bot.actions is not None:
            self._retired[bot.actions] = asyncio.create_task(self._retire(bot.actions), name=f"bot {bot.id} retires")
        if isinstance(actions, ActionWorker):
            actions.start()
        bot.assistant, bot.actions, bot.content = assistant, actions, content
        bot.status, bot.errors = "ready", ()
        bot.warnings = tuple(str(warning) for warning in assistant.warnings)
        log.info("bot %s runs %s", bot.id, assistant.name)

    async def _retire(self, actions: Actions) -> None:
        try:
            await self._clock.sleep(RETIRE_AFTER)
        finally:
            await actions.close()
            self._retired.pop(actions, None)

    async def _has_changed(self, bot: RunningBot) -> bool:
        record = await self._bots.get(bot.account, bot.id)
        if record is None:
            return True
        folder = self._folder_of(record.body.assistant)
        return await asyncio.to_thread(_glance, folder) != bot.seen


def _files(folder: Path) -> Iterator[Path]:
    """What belongs to a project: no hidden files, no caches, no models."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if not any(part.startswith(".") or part in {"__pycache__", "models"} for part in parts) and path.is_file():
            yield path


def _glance(folder: Path) -> object:
    """Changes when a file is written; costs a look at the folder."""
    return folder, tuple((str(path), (stat := path.stat()).st_mtime_ns, stat.st_size) for path in _files(folder))


def _content(folder: Path) -> str:
    """Changes when what stands in the files does; reads them all."""
    digest = hashlib.sha256(str(folder).encode())
    for path in _files(folder):
        data = path.read_bytes()
        digest.update(f"\0{path.relative_to(folder)}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()
