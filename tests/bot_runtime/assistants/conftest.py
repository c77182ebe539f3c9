"""Small assistants written into temporary folders."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from bot_runtime import assistants
from bot_runtime.assistants.errors import LoadFailed
from bot_runtime.assistants.project import Project, load
from bot_runtime.assistants.understanding_port import ExactUnderstanding
from tests.bot_runtime.assistants.talking import CONFIG, Action, Actions, Chat, first

Files = Mapping[str, str]
Writer = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Writer:
    """Writes a project folder: `write({"domain.yml": …, "data/rules.yml": …})`; config.yml unless it is given."""

    def writer(files: Files, *, config: str = CONFIG) -> Path:
        for name, text in {"config.yml": config, **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text), encoding="utf-8")
        return tmp_path

    return writer


@pytest.fixture
def project(write: Writer) -> Callable[..., Project]:
    """Writes and loads a project."""
    return lambda files, **options: load(write(files, **options), {})


@pytest.fixture
def talk(project: Callable[..., Project]) -> Callable[..., Awaitable[Chat]]:
    """Writes, loads and compiles a project, and begins a conversation: `await talk(files, actions={…})`."""

    async def begin(
        files: Files,
        *,
        actions: Mapping[str, Action] | None = None,
        channel: str | None = None,
        choose: Callable[[Sequence[Any]], Any] = first,
        **options: Any,
    ) -> Chat:
        made = await asyncio.to_thread(project, files, **options)
        return Chat(assistants.compile(made, ExactUnderstanding(made.nlu), choose=choose), Actions(actions), channel)

    return begin


@pytest.fixture
def refused(write: Writer) -> Callable[..., list[str]]:
    """Writes a project that must be refused, and gives the lines of the refusal."""

    def attempt(files: Files, **options: Any) -> list[str]:
        root = write(files, **options)
        with pytest.raises(LoadFailed) as refusal:
            assistants.compile(made := load(root, {}), ExactUnderstanding(made.nlu))
        return str(refusal.value).splitlines()

    return attempt
