"""What an author does with a project on the terminal: check it, run its test stories, talk to it, begin one (BR-6)."""

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from bot_runtime.assistants import Assistant, LoadFailed, Project, TurnResult, UserMessage, load
from bot_runtime.assistants import compile as compile_assistant
from bot_runtime.assistants.project import load_stories
from bot_runtime.assistants.story_tests import run_test_stories
from bot_runtime.assistants.understanding import TrainingFailed, trained
from bot_runtime.assistants.understanding_port import ExactUnderstanding
from bot_runtime.hands import acting
from config.stores import Refused
from config.wiring import DEMO_ASSISTANT


def check(path: Path, *, as_json: bool) -> int:
    """Load and compile a project; print every finding as `file:line: sentence`. 0 when it can be used, else 1."""
    errors: tuple[Any, ...] = ()
    warnings: tuple[Any, ...] = ()
    try:
        project = load(_folder(path))
        warnings = compile_assistant(project, ExactUnderstanding(project.nlu)).warnings
    except LoadFailed as failed:
        errors = failed.errors
    if as_json:
        found = [("error", finding) for finding in errors] + [("warning", finding) for finding in warnings]
        rows = [{"level": level, "file": f.file, "line": f.line, "message": f.message} for level, f in found]
        click.echo(json.dumps({"ok": not errors, "findings": rows}, ensure_ascii=False))
    else:
        for warning in warnings:
            click.echo(f"{warning} (warning)")
        for error in errors:
            click.echo(f"{error}", err=True)
        if not errors:
            click.echo(f"{path}: can be used.")
    return 1 if errors else 0


async def test(path: Path) -> int:
    """Run the test stories of a project against its trained understanding; 0 when all came out as written."""
    project = _load(path)
    bot = await _compiled(project)
    files = sorted((project.root / "tests").glob("test_*.yml"))
    try:
        stories = [story for file in files for story in load_stories(file, project.domain)]
        report = run_test_stories(bot, stories, understand=True)
    except LoadFailed as failed:
        raise Refused(str(failed)) from failed
    if not report.stories:
        raise Refused(f"{path} has no test stories (tests/test_*.yml).")
    for mistake in (*report.mistakes, *report.misunderstood):
        place = f"{mistake.file}:{mistake.line}: {mistake.story}"
        click.echo(f"{place}: wanted {mistake.wanted}, got {mistake.said}")
    click.echo(
        f"{report.stories} stories: {report.correct} of {report.actions} actions right, "
        f"{report.messages - len(report.misunderstood)} of {report.messages} messages understood"
    )
    return 1 if report.mistakes or report.misunderstood else 0


async def shell(path: Path) -> None:
    """Talk to a project until the end of input or `/stop`. Nothing is stored."""
    project = _load(path)
    bot = await _compiled(project)
    async with acting(project) as act:
        tracker = bot.tracker("shell")
        click.echo("Your bot is ready. Write to it; /stop ends.")
        while (line := _next_line()) is not None:
            result = await bot.turn(tracker, UserMessage(line, time.time()), act)
            tracker = result.tracker
            _print(result)


def new(path: Path) -> None:
    """Begin a project at `path` with a copy of the demo bot. Raises `Refused` when something is there."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise Refused(f"{path} exists and is not empty. Nothing was written.")
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(DEMO_ASSISTANT, path, dirs_exist_ok=True, ignore=ignored)


def _print(result: TurnResult) -> None:
    for reply in result.replies:
        if reply.text:
            click.echo(reply.text)
        if reply.image:
            click.echo(f"[image] {reply.image}")
        for button in reply.buttons:
            click.echo(f"  · {button['title']} ({button.get('payload', '')})")
    for name in result.failed:
        click.echo(f"[{name} failed; the log says why]", err=True)


def _next_line() -> str | None:
    sys.stdout.write("> " if sys.stdin.isatty() else "")
    sys.stdout.flush()
    line = sys.stdin.readline()
    return None if not line or line.strip() == "/stop" else line.strip()


def _load(path: Path) -> Project:
    try:
        return load(_folder(path))
    except LoadFailed as failed:
        raise Refused(f"{path} cannot be used:\n{failed}") from failed


async def _compiled(project: Project) -> Assistant:
    with tempfile.TemporaryDirectory() as folder:
        try:
            return compile_assistant(project, await trained(project.nlu, Path(folder)))
        except (LoadFailed, TrainingFailed) as failed:
            raise Refused(str(failed)) from failed


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise Refused(f"{path} is not a folder.")
    return path
