"""What the `frontdesk` command refuses, and what it makes: keys, settings, ports, passwords, the first super admin.

A refusal is one sentence on standard error and exit code 1; the files are afterwards what they were before.
"""

import base64
import contextlib
import hashlib
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp
import pytest

from foundation.keys.master import EXAMPLE
from tests.flows.reading import whole
from tests.serving import COMMAND, PATIENCE, ROOT, Frontdesk, serving
from tests.talking import Staff, Visitor, logged_in

SERVE = ("serve", "--json", "--port", "0")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Frontdesk:
    """A demo installation that nobody serves; tests work on copies."""
    house = Frontdesk(tmp_path_factory.mktemp("start") / "data")
    house.init()
    return house


@pytest.fixture
def copy(made: Frontdesk, tmp_path: Path) -> Frontdesk:
    shutil.copytree(made.data, tmp_path / "data")
    return Frontdesk(tmp_path / "data", demo=made.demo)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Frontdesk]:
    """A demo installation that is being served."""
    with serving(tmp_path_factory.mktemp("served")) as running:
        yield running


def fingerprints(data: Path) -> dict[str, str]:
    """Name and content of every file, but for the locks: they name the process that had them last."""
    return {
        str(path.relative_to(data)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(data.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }


def refusal(house: Frontdesk, *command: str, changes: bool = False) -> str:
    """Run a command that must be refused; its sentence. Nothing is printed, and no file changes."""
    before = fingerprints(house.data)
    refused = house.run(*command)
    assert refused.returncode == 1, f"{refused.returncode}: {refused.stdout} {refused.stderr}"
    assert "Traceback" not in refused.stderr
    assert refused.stdout == ""
    assert refused.stderr.startswith("frontdesk: ") or refused.stderr.count("\nfrontdesk: ") == 1
    assert changes or fingerprints(house.data) == before
    return refused.stderr


# The master key


def _missing(key: Path) -> None:
    key.unlink()


def _readable(key: Path) -> None:
    key.chmod(0o644)


def _readable_by_the_group(key: Path) -> None:
    key.chmod(0o640)


def _of(secret: bytes) -> Callable[[Path], None]:
    def write(key: Path) -> None:
        key.write_bytes(base64.urlsafe_b64encode(secret).rstrip(b"=") + b"\n")

    return write


def _example(key: Path) -> None:
    key.write_text(EXAMPLE + "\n")


def _empty(key: Path) -> None:
    key.write_text("")


def _folder(key: Path) -> None:
    key.unlink()
    key.mkdir(mode=0o600)


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (_missing, "There is no master key"),
        (_readable, "mode 0644"),
        (_readable_by_the_group, "mode 0640"),
        (_of(os.urandom(31)), "32 bytes; this one has 31"),
        (_of(os.urandom(33)), "32 bytes; this one has 33"),
        (_of(bytes(32)), "not random"),
        (_example, "example of the documentation"),
        (_empty, "is empty"),
        (_folder, "is not a file"),
        (_of(os.urandom(32)), "master key"),
    ],
    ids=["missing", "0644", "0640", "31 bytes", "33 bytes", "all zero", "the example", "empty", "a folder", "another"],
)
def test_K_11_an_installation_is_not_served_without_its_key(
    copy: Frontdesk, harm: Callable[[Path], None], says: str
) -> None:
    """K-11, K-6: a sentence that does not contain the key, and nothing is made in its place."""
    key = copy.data / "master.key"
    right = key.read_text()
    harm(key)
    left = key.read_text() if key.is_file() else ""
    said = refusal(copy, *SERVE)
    assert says in said
    for text in (left, right):
        assert not text or text.strip() not in said


def test_K_11_no_command_opens_it_and_with_its_key_it_goes_on(copy: Frontdesk) -> None:
    key = copy.data / "master.key"
    right = key.read_bytes()
    key.unlink()
    for command in (("init", "--demo", "--json"), ("keys", "status"), ("keys", "rotate"), ("audit", "verify")):
        assert "There is no master key" in refusal(copy, *command)
    key.touch(mode=0o600)
    key.write_bytes(right)
    assert copy.run("keys", "status").returncode == 0


def test_K_11_a_key_in_the_environment_is_looked_at_like_one_in_a_file(copy: Frontdesk) -> None:
    right = (copy.data / "master.key").read_text().strip()
    for value in ("", EXAMPLE):
        copy.environment["FRONTDESK_MASTER_KEY"] = value
        said = refusal(copy, *SERVE)
        assert "FRONTDESK_MASTER_KEY" in said
        assert not value or value not in said
    copy.environment["FRONTDESK_MASTER_KEY"] = right
    (copy.data / "master.key").unlink()
    assert copy.run("keys", "status").returncode == 0


def test_a_new_key_never_replaces_one(copy: Frontdesk, tmp_path: Path) -> None:
    """`keys new` takes no --data, so it is run on its own."""
    key, new = copy.data / "master.key", tmp_path / "new.key"
    right = key.read_bytes()
    assert _command("keys", "new", str(new)).returncode == 0
    assert new.stat().st_mode & 0o777 == 0o600
    refused = _command("keys", "new", str(key))
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert key.name in refused.stderr
    assert key.read_bytes() == right
    for text in (right, new.read_bytes()):
        assert text.decode().strip() not in refused.stdout + refused.stderr


def test_the_status_of_the_keys_is_not_the_keys(copy: Frontdesk) -> None:
    key = (copy.data / "master.key").read_text().strip()
    secret = base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))
    spellings = [key, secret.hex(), base64.b64encode(secret).decode().rstrip("=")]
    for arguments in (("keys", "status"), ("keys", "status", "--json")):
        status = copy.run(*arguments)
        assert status.returncode == 0, status.stderr
        assert json.loads(status.stdout)["accounts"] >= 1
        for spelling in spellings:
            assert spelling not in status.stdout + status.stderr


# One process, one port, known settings


async def test_a_second_process_on_the_same_files_is_refused_and_the_first_goes_on(house: Frontdesk) -> None:
    key = (house.data / "master.key").read_bytes()
    for command in (SERVE, ("init", "--demo", "--json"), ("keys", "rotate")):
        assert "in use" in refusal(house, *command, changes=True)
    assert (house.data / "master.key").read_bytes() == key
    async with Visitor.at(house.base_url, house.demo["bot"]) as visitor:
        assert (await visitor.say("hello", payload="/greet"))["type"] == "ack"
        await visitor.says("bot", "Ahoy")


def test_a_port_that_is_taken_is_refused(copy: Frontdesk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"Port {port}" in refusal(copy, "serve", "--json", "--port", port)
        copy.environment["FRONTDESK_METRICS__PORT"] = port
        assert f"metrics.port {port}" in refusal(copy, *SERVE, changes=True)


@pytest.mark.parametrize(
    ("file", "names"),
    [
        ("[web]\nprot = 8800\n", "web.prot"),
        ("[mial]\nhost = 'x'\n", "mial"),
        ("[web]\nheader_timeout = 'soon'\n", "web.header_timeout"),
        ("[metrics]\nport = 70000\n", "metrics.port"),
        ("[storage]\nmax_megabytes = -1\n", "storage.max_megabytes"),
        ("[web]\nhost = '0.0.0.0'\n", "web.host"),
        ("[web\n", "frontdesk.toml"),
        ("[mail]\nhost = 'mail.example'\ntls = 'none'\n", "mail.tls"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_named_by_its_dotted_key(copy: Frontdesk, file: str, names: str) -> None:
    (copy.data / "frontdesk.toml").write_text(file, "utf-8")
    assert re.search(rf"(^|[ /]){re.escape(names)}:", refusal(copy, *SERVE), re.MULTILINE)


@pytest.mark.parametrize("name", ["FRONTDESK_WEB__PROT", "FRONTDESK_WEBB__PORT"])
def test_a_misspelt_variable_is_named(copy: Frontdesk, name: str) -> None:
    copy.environment[name] = "1"
    assert name in refusal(copy, *SERVE)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("FRONTDESK_WEB__TRUSTED_PROXIES", "127.0.0.1", "trusted_proxies"),
        ("FRONTDESK_WEB__BASE_URL", "https://house.example/chat?x", "base_url"),
        ("FRONTDESK_WEB__HOSTS", '["http://house.example/"]', "hosts"),
        ("FRONTDESK_MAIL__SENDER", "not an address", "sender"),
    ],
)
def test_a_variable_that_cannot_be_meant_is_named(copy: Frontdesk, name: str, value: str, says: str) -> None:
    copy.environment[name] = value
    assert says in refusal(copy, *SERVE).lower()


def _file_of_noise(data: Path) -> None:
    (data / "frontdesk.db").write_bytes(os.urandom(8_192))


def _cut_off(data: Path) -> None:
    os.truncate(data / "frontdesk.db", 20_000)


def _keys_of_noise(data: Path) -> None:
    (data / "keys.db").write_bytes(os.urandom(8_192))


def _no_keys(data: Path) -> None:
    (data / "keys.db").unlink()


def _settings_that_are_a_folder(data: Path) -> None:
    (data / "frontdesk.toml").unlink(missing_ok=True)
    (data / "frontdesk.toml").mkdir()


@pytest.mark.parametrize(
    ("harm", "names"),
    [
        (_file_of_noise, "frontdesk.db"),
        (_cut_off, "frontdesk.db"),
        (_keys_of_noise, "keys.db"),
        (_no_keys, "keys.db"),
        (_settings_that_are_a_folder, "frontdesk.toml"),
    ],
)
def test_an_installation_that_is_damaged_is_refused_by_its_file(
    copy: Frontdesk, harm: Callable[[Path], None], names: str
) -> None:
    """Nothing is made anew in place of what is missing: that would hide that it can never be read again."""
    harm(copy.data)
    assert names in refusal(copy, *SERVE)


def test_commands_on_a_folder_without_an_installation_make_none(tmp_path: Path) -> None:
    nothing = Frontdesk(tmp_path / "data")
    for command in (("keys", "status"), ("keys", "rotate"), ("audit", "verify")):
        assert "frontdesk init" in refusal(nothing, *command)
    assert not nothing.data.exists()


# Broken assistants


async def test_a_broken_assistant_is_named_by_file_and_line_and_nobody_is_left_alone(
    copy: Frontdesk, tmp_path: Path
) -> None:
    """Issue 2, BR-5, BR-6: the server says what is wrong and is not ready; a visitor is heard and can call a person."""
    bot = tmp_path / "bot"
    assert _command("assistant", "new", str(bot)).returncode == 0
    domain = (bot / "domain.yml").read_text("utf-8").rstrip()
    line = len(domain.splitlines()) + 1
    (bot / "domain.yml").write_text(f"{domain}\n@nothing\n", "utf-8")
    checked = _command("assistant", "check", str(bot))
    assert checked.returncode == 1
    assert f"domain.yml:{line}" in checked.stderr

    with _speaking(copy, "--assistant", str(bot)) as (base, words):
        assert any(f"domain.yml:{line}" in said for said in words), "standard error names file and line"
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{base}/readyz") as answer:
                problem = await answer.json(content_type=None)
                assert (answer.status, problem["part"]) == (503, "bots")
                assert f"domain.yml:{line}" in problem["detail"]
            async with session.get(f"{base}/healthz") as answer:
                assert answer.status == 200, "people of the house can still work"
        async with Visitor.at(base, copy.demo["bot"]) as visitor:
            assert (await visitor.say("hello", payload="/greet"))["type"] == "ack"
            honest = await visitor.says("bot", "")
            assert [button["payload"] for button in honest["buttons"]] == ["/frontdesk_call_person"]
            await visitor.say(honest["buttons"][0]["title"], payload=honest["buttons"][0]["payload"])
            await visitor.event(lambda event: event["kind"] == "control" and event["now"] == "queue")


async def test_an_assistant_that_is_not_there_is_named(copy: Frontdesk, tmp_path: Path) -> None:
    missing = str(tmp_path / "nothing here")
    with _speaking(copy, "--assistant", missing) as (base, words):
        assert any(missing in said for said in words)
        async with aiohttp.ClientSession() as session, session.get(f"{base}/readyz") as answer:
            assert answer.status == 503
            assert missing in await answer.text()


@contextlib.contextmanager
def _speaking(house: Frontdesk, *arguments: str) -> Iterator[tuple[str, Iterator[str]]]:
    """Serve with standard error at hand: the base URL, and line by line what is said there, as it comes."""
    command = [*COMMAND, *SERVE, "--data", str(house.data), *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            yield json.loads(process.stdout.readline())["base_url"], iter(process.stderr.readline, "")
        finally:
            process.terminate()


def test_a_new_assistant_replaces_nothing(tmp_path: Path) -> None:
    (tmp_path / "domain.yml").write_text("mine", "utf-8")
    refused = _command("assistant", "new", str(tmp_path))
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert "Nothing was written" in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["domain.yml"]


# Passwords and the first super admin


async def test_init_twice_gives_new_passwords_and_the_old_ones_end(copy: Frontdesk) -> None:
    old = copy.demo
    new = copy.init()
    assert (new["account"], new["bot"]) == (old["account"], old["bot"]), "what is there stays"
    assert set(new["people"]) == {"super_admin", "admin", "agent", "staff"}
    passwords = [made["people"][who]["password"] for made in (old, new) for who in made["people"]]
    assert len(set(passwords)) == 8
    copy.start()
    try:
        for who, person in new["people"].items():
            before = old["people"][who]["password"]
            assert await _log_in(copy.base_url, person["email"], before) == 401
            assert await _log_in(copy.base_url, person["email"], person["password"]) == 303
    finally:
        assert copy.stop() == 0


async def test_A_16_the_first_start_prints_a_setup_link_that_works_once(tmp_path: Path) -> None:
    """A-16: no default password; the link makes the first super admin, who then logs in, and is a link no more."""
    house = Frontdesk(tmp_path / "data")
    ready = house.start()
    try:
        link, base = ready["setup_url"], house.base_url
        assert re.fullmatch(rf"{re.escape(base)}/setup/[A-Za-z0-9_-]{{43}}", link)
        first = {
            "account": "Kanarienhof",
            "name": "Olga Owner",
            "email": "olga@house.example",
            "password": "a long walk to the pier",
        }
        async with aiohttp.ClientSession() as session:
            for wrong, status in (({**first, "password": "short"}, 422), ({**first, "role": "super_admin"}, 422)):
                assert await _post(session, link, wrong) == status
            assert await _post(session, f"{base}/setup/{'A' * 43}", first) == 404
            assert await _post(session, link, first, origin="https://evil.example") == 403
            for _ in range(2):
                async with session.get(link) as page:
                    assert page.status == 200, "opening it uses nothing up"
            assert await _post(session, link, first) == 303
            assert await _post(session, link, {**first, "email": "eve@house.example"}) == 404
            async with session.get(link) as page:
                assert page.status == 404
        assert await _log_in(base, "eve@house.example", first["password"]) == 401
        async with logged_in(base, first["email"], first["password"]) as owner:
            async with owner.get(f"{base}/api/admin/ranges") as answer:
                assert answer.status == 200, "a super admin"
        assert house.stop() == 0
        again = house.start()
        assert "setup_url" not in again, "nobody is asked twice"
        assert await _log_in(house.base_url, first["email"], first["password"]) == 303
    finally:
        house.stop()


async def test_A_16_an_earlier_setup_link_ends_with_the_next_start(tmp_path: Path) -> None:
    house = Frontdesk(tmp_path / "data")
    old = house.start()["setup_url"].rpartition("/")[2]
    assert house.stop() == 0
    new = house.start()["setup_url"].rpartition("/")[2]
    try:
        async with aiohttp.ClientSession() as session:
            for token, status in ((old, 404), (new, 200)):
                async with session.get(f"{house.base_url}/setup/{token}") as page:
                    assert page.status == status
    finally:
        assert house.stop() == 0


# Rotation and the audit books


async def test_K_7_everything_can_be_read_after_the_keys_were_rotated(copy: Frontdesk) -> None:
    """K-7, G-1: sessions of people, chats, devices and audit books live on under the new keys."""
    agent, owner = copy.person("agent"), copy.person("super_admin")
    copy.start()
    async with Visitor.at(copy.base_url, copy.demo["bot"]) as visitor:
        await visitor.say("Canarygull", payload="/greet")
        await visitor.says("bot", "Ahoy")
        await visitor.ask(type="handoff")
        device, conversation = visitor.device, visitor.welcome["conversation"]
    async with Staff.logged_in(copy.base_url, owner["email"], owner["password"]) as boss:
        before = await whole(boss, conversation)
    assert copy.stop() == 0

    old = json.loads(copy.run("keys", "status").stdout)
    rotated = copy.run("keys", "rotate")
    assert rotated.returncode == 0, rotated.stderr
    assert int(rotated.stdout.split()[0]) > 0
    new = json.loads(copy.run("keys", "status").stdout)
    assert (new["data_keys"], new["draining"]) == (old["data_keys"], 0), "only the wraps are new"
    assert new["oldest"] > old["oldest"]
    verified = copy.run("audit", "verify")
    assert (verified.returncode, verified.stderr) == (0, "")

    copy.start()
    try:
        async with Visitor.at(copy.base_url, copy.demo["bot"], device=device) as visitor:
            assert visitor.welcome["conversation"] == conversation
            await visitor.says("visitor", "Canarygull")
            assert (await visitor.say("and after it"))["type"] == "ack"
        async with Staff.logged_in(copy.base_url, owner["email"], owner["password"]) as boss:
            assert (await whole(boss, conversation))[: len(before)] == before
        async with Staff.logged_in(copy.base_url, agent["email"], agent["password"]) as person:
            assert (await person.row(lambda row: row["id"] == conversation))["control"] == "queue"
    finally:
        assert copy.stop() == 0


def test_G_1_an_audit_book_that_nobody_touched_is_whole(copy: Frontdesk) -> None:
    checked = copy.run("audit", "verify")
    assert (checked.returncode, checked.stderr) == (0, "")


def _flip_a_bit(db: sqlite3.Connection, log: str, first: int) -> None:
    (body,) = db.execute("SELECT body FROM batches WHERE log = ? AND first = ?", (log, first)).fetchone()
    harmed = body[:-1] + bytes([body[-1] ^ 1])
    db.execute("UPDATE batches SET body = ? WHERE log = ? AND first = ?", (harmed, log, first))


def _delete(db: sqlite3.Connection, log: str, first: int) -> None:
    db.execute("DELETE FROM batches WHERE log = ? AND first = ?", (log, first))


def _exchange(db: sqlite3.Connection, log: str, first: int) -> None:
    """With the batch before it."""
    rows = db.execute(
        "SELECT first, body FROM batches WHERE log = ? AND first <= ? ORDER BY first DESC LIMIT 2", (log, first)
    ).fetchall()
    (one, its), (other, others) = rows
    for place, body in ((one, others), (other, its)):
        db.execute("UPDATE batches SET body = ? WHERE log = ? AND first = ?", (body, log, place))


@pytest.mark.parametrize("harm", [_flip_a_bit, _delete, _exchange])
def test_G_1_a_changed_audit_book_is_not_whole(
    copy: Frontdesk, harm: Callable[[sqlite3.Connection, str, int], None]
) -> None:
    """G-1: somebody has the file and no key; the first bad entry is named, with exit code 1."""
    with contextlib.closing(sqlite3.connect(copy.data / "frontdesk.db")) as db, db:
        batches = db.execute("SELECT log, first FROM batches WHERE log LIKE 'audit/_%' ORDER BY first").fetchall()
        log, first = batches[len(batches) // 2]
        harm(db, log, first)
    checked = copy.run("audit", "verify")
    assert checked.returncode == 1
    assert "Traceback" not in checked.stderr
    assert re.search(rf"entry {first - (harm is _exchange)}\b", checked.stderr), checked.stderr


async def _log_in(base: str, email: str, password: str) -> int:
    async with aiohttp.ClientSession() as session:
        return await _post(session, f"{base}/login", {"email": email, "password": password})


async def _post(session: aiohttp.ClientSession, url: str, form: dict[str, str], origin: str = "") -> int:
    headers = {"Origin": origin or "/".join(url.split("/", 3)[:3])}
    async with session.post(url, data=form, headers=headers, allow_redirects=False) as answer:
        return answer.status


def _command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A command that belongs to no installation."""
    return subprocess.run([*COMMAND, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)
