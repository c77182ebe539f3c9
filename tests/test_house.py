"""The house itself: imports go down only, every module stands alone, and the papers say what is there."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("foundation", "admin", "transcripts", "bot_runtime", "handoff", "config")
OTHERS = (
    "aiohttp.web aiosmtplib argon2 click cryptography.hazmat.primitives.ciphers.aead email_validator jinja2 msgspec numpy"
    " prometheus_client pycrfsuite pydantic_settings pymongo ruamel.yaml scipy.sparse sklearn.linear_model"
).split()
"""What takes long to load and is not ours."""


def sources() -> list[Path]:
    """Our Python files; the demo bot's actions belong to a bot author and run elsewhere."""
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return [path for path in files if "assistant/actions" not in path.as_posix()]


def test_imports_go_down_only() -> None:
    result = subprocess.run([Path(sys.executable).with_name("lint-imports")], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


@pytest.mark.timeout(300)
def test_every_module_can_be_imported_alone() -> None:
    """A cycle shows when a module is the first one to be imported: each is, in a process of its own. What others wrote is
    loaded once, before; the processes part from there."""
    modules = [str(path.relative_to(ROOT).with_suffix("")).replace("/", ".") for path in sources()]
    modules = [m.removesuffix(".__init__") for m in modules if not m.endswith(("__main__", "actions.worker"))]
    program = (
        "import importlib, os, subprocess, sys\n"
        "for name in sys.argv[2].split():\n"
        "    importlib.import_module(name)\n"
        "for name in sys.argv[1].split():\n"
        "    if os.fork() == 0:\n"
        "        importlib.import_module(name)\n"
        "        os._exit(0)\n"
        "    if os.wait()[1]:\n"
        "        sys.exit(f'{name} cannot be imported alone')\n"
        "    print(name)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, " ".join(modules), " ".join(OTHERS)], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr[-2000:]
    assert result.stdout.split() == modules


def test_K_12_secrets_come_from_the_operating_system_only() -> None:
    """`random` is for games; the one user of it here picks among the variations of a reply."""
    allowed = {"bot_runtime/assistants"}
    users = [
        path.relative_to(ROOT).as_posix()
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if (isinstance(node, ast.Import) and any(name.name == "random" for name in node.names))
        or (isinstance(node, ast.ImportFrom) and node.module == "random")
    ]
    assert not [user for user in users if not any(user.startswith(place) for place in allowed)]


def test_no_script_or_style_is_inline_and_no_html_is_made_by_string() -> None:
    """X: a person's text enters a page by textContent or an autoescaped template."""
    bad = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\bon(click|load|error)=|\|\s*safe\b|eval\("
    )
    inline = re.compile(r"<script(?![^>]*\bsrc=)|<style\b|\sstyle=\"")
    for path in [*ROOT.rglob("*.html"), *ROOT.rglob("*.js")]:
        if path.relative_to(ROOT).parts[0] not in PACKAGES:
            continue
        text = path.read_text("utf-8")
        assert not bad.search(text), f"{path.relative_to(ROOT)}: {bad.search(text)}"
        # What leaves the house as a file is no page of ours: mails, and what is packed into archives.
        if path.suffix == ".html" and "mail" not in path.name and path.name not in {"copy.html", "proof.html"}:
            assert not inline.search(text), f"{path.relative_to(ROOT)}: {inline.search(text)}"


def test_locked_requirements_carry_hashes_and_no_host_names() -> None:
    for file in (ROOT / "config/requirements").glob("*.txt"):
        text = file.read_text("utf-8")
        pins = re.findall(r"^[a-z0-9][\w.-]*==", text, re.MULTILINE)
        assert len(pins) > (1 if file.name == "bench.txt" else 40)
        assert not re.search(r"://|--index-url|--extra-index|--find-links", text)
        assert all(re.search(rf"^{re.escape(pin)}[^\n]*\\\n\s+--hash=sha256:", text, re.MULTILINE) for pin in pins)


@pytest.mark.parametrize("name", ["run", "test"])
def test_every_declared_dependency_is_locked(name: str) -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    declared = project["project"]["dependencies"] + (project["dependency-groups"]["test"] if name == "test" else [])
    locked = (ROOT / f"config/requirements/{name}.txt").read_text("utf-8")
    names = [re.split(r"[<>=; ]", entry)[0].lower().replace(".", "-") for entry in declared]
    assert [entry for entry in names if f"\n{entry}==" not in "\n" + locked.replace("ruamel.yaml", "ruamel-yaml")] == []
