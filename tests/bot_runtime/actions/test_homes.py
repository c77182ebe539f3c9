"""The folders of worker processes: gone with them, and swept up after servers that were killed."""

import os
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from bot_runtime.actions.homes import PREFIX, YOUNG, Home


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def aged(path: Path) -> Path:
    then = time.time() - YOUNG - 1
    os.utime(path, (then, then))
    return path


def test_a_home_is_private_and_goes_with_all_that_is_in_it() -> None:
    home = Home()
    home.make()
    (home.path / "deep" / "er").mkdir(parents=True)

    assert stat.S_IMODE(home.path.stat().st_mode) == 0o700
    home.remove()
    home.remove()
    assert not home.path.exists()


def test_what_a_dead_server_left_is_swept_up_and_a_living_ones_stays(tmp_path: Path) -> None:
    left, young, foreign = (tmp_path / name for name in (f"{PREFIX}left", f"{PREFIX}young", "other"))
    for folder in (left, young, foreign):
        folder.mkdir()
        (folder / "note").write_text("about a visitor")
    living = Home()
    living.make()
    link = tmp_path / f"{PREFIX}link"
    link.symlink_to(foreign)
    for folder in (left, foreign, living.path):
        aged(folder)

    program = (
        "import sys, tempfile; tempfile.tempdir = sys.argv[1]\n"
        "from bot_runtime.actions.homes import Home\nhome = Home(); home.make(); home.remove()"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)

    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [young.name, foreign.name, living.path.name, link.name]
    )
    living.remove()
