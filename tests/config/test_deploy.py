"""What docs/deploy.md tells people to write down is understood by whoever must read it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from config.settings import load

DEPLOY = Path(__file__).resolve().parents[2] / "docs" / "deploy.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", DEPLOY.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze (apt-get install systemd)")
@pytest.mark.parametrize("misspelt", [False, True], ids=["as it stands", "misspelt"])
def test_the_unit_is_one_that_systemd_understands(tmp_path: Path, misspelt: bool) -> None:
    (unit,) = blocks("ini")
    program = str(Path(sys.executable).with_name("frontdesk"))
    unit = unit.replace("/opt/frontdesk/.venv/bin/frontdesk", program)
    assert f"ExecStart={program} serve --data " in unit
    file = tmp_path / "frontdesk.service"
    file.write_text(unit.replace("NoNewPrivileges", "NoNewPriviliges") if misspelt else unit)
    command = ["systemd-analyze", "verify", "--man=no", str(file)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stderr
    assert ("Unknown key" in said) is misspelt, said
    assert misspelt or not [line for line in said.splitlines() if "frontdesk" in line], said


@pytest.mark.parametrize("number", [0, 1], ids=["one machine", "several nodes"])
def test_the_settings_are_taken_as_they_stand(tmp_path: Path, number: int) -> None:
    written = blocks("toml")
    assert len(written) == 2
    (tmp_path / "frontdesk.toml").write_text(written[number])
    settings = load(tmp_path)
    assert settings.web.base_url == "https://chat.example.com"
    assert settings.web.trusted_proxies
    assert bool(settings.storage.url) == bool(settings.signals.redis_url) == (number == 1)
