"""BR-6: what an author does with a project on the terminal; findings name file and line, exit codes mean something."""

import json
import subprocess
from pathlib import Path

import pytest

from config.wiring import DEMO_ASSISTANT
from tests.serving import COMMAND, ROOT


def frontdesk(*arguments: str | Path, said: str = "") -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, input=said, capture_output=True, text=True, timeout=60)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of one's own, begun with `assistant new`."""
    assert frontdesk("assistant", "new", tmp_path / "bot").returncode == 0
    return tmp_path / "bot"


def test_a_new_project_is_whole_and_passes_its_own_stories(project: Path) -> None:
    checked = frontdesk("assistant", "check", project, "--json")
    assert (checked.returncode, json.loads(checked.stdout)) == (0, {"ok": True, "findings": []})
    tested = frontdesk("assistant", "test", project)
    assert tested.returncode == 0, tested.stdout
    assert "3 stories" in tested.stdout


def test_a_new_project_never_overwrites_anything(project: Path) -> None:
    before = (project / "domain.yml").read_bytes()
    refused = frontdesk("assistant", "new", project)
    assert (refused.returncode, "Nothing was written" in refused.stderr) == (1, True)
    assert (project / "domain.yml").read_bytes() == before


def test_errors_name_file_and_line(project: Path) -> None:
    rules = project / "data/rules.yml"
    rules.write_text(rules.read_text().replace("action: utter_goodbye", "action: utter_gone"))
    place = next(n for n, line in enumerate(rules.read_text().splitlines(), 1) if "utter_gone" in line)
    checked = frontdesk("assistant", "check", project)
    assert checked.returncode == 1
    assert f"data/rules.yml:{place}: " in checked.stderr
    found = json.loads(frontdesk("assistant", "check", project, "--json").stdout)["findings"]
    assert [(f["level"], f["file"], f["line"]) for f in found] == [("error", "data/rules.yml", place)]


def test_a_story_that_does_not_come_out_fails_the_run(project: Path) -> None:
    stories = project / "tests/test_stories.yml"
    stories.write_text(stories.read_text().replace("action: action_handoff", "action: utter_place"))
    tested = frontdesk("assistant", "test", project)
    assert tested.returncode == 1
    assert "wanted utter_place, got action_handoff" in tested.stdout


def test_the_shell_talks_and_ends(project: Path) -> None:
    talked = frontdesk("assistant", "shell", project, said="hello\nhow much is an e-bike?\n/stop\n")
    assert talked.returncode == 0, talked.stderr
    assert "Ahoy!" in talked.stdout
    assert "29 € a day" in talked.stdout, "a custom action answered"


def test_what_is_no_project_is_refused_in_one_sentence(tmp_path: Path) -> None:
    refused = frontdesk("assistant", "check", tmp_path / "nothing")
    assert refused.returncode == 1
    assert refused.stderr.startswith("frontdesk: ")
    assert len(refused.stderr.splitlines()) == 1


def test_the_demo_bot_has_what_a_rasa_project_has() -> None:
    """The demo shows each part of the format once: rules, a story, a form, buttons, custom actions."""
    files = {path.relative_to(DEMO_ASSISTANT).as_posix() for path in DEMO_ASSISTANT.rglob("*.*")}
    assert {
        "domain.yml",
        "config.yml",
        "data/nlu.yml",
        "data/rules.yml",
        "data/stories.yml",
        "actions/booking.py",
    } <= files
