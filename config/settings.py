"""Every setting, with its default, its unit and the reason for it.

Settings come from, strongest first: options of the command line, the environment (`FRONTDESK_WEB__PORT=8800`), the file
`frontdesk.toml` in the data folder, the defaults below. Unknown keys are errors, and an error names the dotted key.
`docs/settings.md` lists them all; a test compares.
"""

import ipaddress
import json
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from email.errors import MessageError
from email.headerregistry import Address
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as EnvironmentError_

from foundation.records.mongo import check_url
from foundation.relay import check_url as check_redis
from foundation.web import WebSettings

FILE_NAME = "frontdesk.toml"


class SettingsError(Exception):
    """The settings cannot be used; the message names each dotted key and what is wrong with it."""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _database(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2], parts.path.strip("/")


def _require(name: str, check: Callable[[Any], object], value: Any) -> None:
    """Run a check that raises `ValueError`, and have the error begin with the setting's name."""
    try:
        check(value)
    except (ValueError, MessageError) as error:
        raise ValueError(f"{name}: {str(error).removeprefix(name).lstrip(': ')}") from error


class Group(BaseModel):
    """A table of settings; unknown keys are refused so that a misspelt one is not silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Web(Group):
    """Where the server listens and how it is reached."""

    host: str = Field(
        "127.0.0.1", description="Address to listen on. Anything but loopback needs TLS or a trusted proxy."
    )
    port: int = Field(8800, ge=0, le=65535, description="Port to listen on; 0 picks a free one and prints it.")
    base_url: str = Field(
        "", description="How browsers reach us, e.g. https://chat.example.com; links in mails start with it."
    )
    hosts: tuple[str, ...] = Field((), description="Further values of the Host header that are served.")
    trusted_proxies: tuple[str, ...] = Field(
        (), description="Addresses or CIDR blocks of proxies whose header is believed."
    )
    forwarded_header: Literal["X-Forwarded-For"] = Field(
        "X-Forwarded-For", description="The header in which they say so."
    )
    tls_certificate: Path | None = Field(None, description="PEM file; with tls_key, TLS 1.2+ is served directly.")
    tls_key: Path | None = Field(None, description="PEM file of the certificate's private key.")
    header_timeout: int = Field(
        10, ge=1, le=120, description="Seconds for a request's header block; slower peers are cut."
    )
    body_timeout: int = Field(30, ge=1, le=600, description="Seconds for a request's body.")
    sockets_per_address: int = Field(
        20, ge=1, description="Open sockets of one client address in one process; a flood ends here."
    )
    sockets_in_all: int = Field(20_000, ge=1, description="Open sockets of one process.")
    frames_per_second: int = Field(10, ge=1, description="Frames a visitor's socket may send in a second, sustained.")
    frames_burst: int = Field(30, ge=1, description="Frames it may send at once.")

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_key: tls_certificate and tls_key go together")
        for proxy in self.trusted_proxies:
            _require("trusted_proxies", ipaddress.ip_network, proxy)
        if not _is_loopback(self.host) and self.tls_certificate is None and not self.trusted_proxies:
            raise ValueError(
                f"host: {self.host} is not loopback, so chats would travel in clear: set tls_certificate and tls_key, "
                "or name the proxy that ends TLS in trusted_proxies"
            )
        if self.base_url.startswith("http://") and not _is_loopback(self.host):
            raise ValueError("base_url: it must be https:// unless the server listens on loopback")
        base_url = self.base_url or "http://127.0.0.1"
        _require("base_url", lambda url: WebSettings(base_url=url), base_url)
        _require("hosts", lambda hosts: WebSettings(base_url=base_url, hosts=hosts), self.hosts)
        return self


class Metrics(Group):
    """The Prometheus door."""

    enabled: bool = Field(True, description="Serve /metrics on a port of its own.")
    host: str = Field("127.0.0.1", description="Loopback address to listen on.")
    port: int = Field(
        0, ge=0, le=65535, description="Port; 0 picks a free one and prints it; further workers take the next ones."
    )

    @model_validator(mode="after")
    def _loopback(self) -> Self:
        if not _is_loopback(self.host):
            raise ValueError("host: metrics are served on loopback only")
        return self


class Storage(Group):
    """The database: an embedded SQLite file in the data folder, or one of a MongoDB server."""

    url: str = Field(
        "",
        repr=False,
        description="A MongoDB database, e.g. mongodb://host/frontdesk?replicaSet=rs0&tls=true; empty: SQLite.",
    )
    max_megabytes: int = Field(
        0, ge=0, description="Largest size of the data file in MB; 0 is no limit but the disk's."
    )
    location: str = Field("", max_length=120, description="Where the database lies, in words: a city, a data centre.")


class Keys(Group):
    """The master key. It can also be given in the environment as FRONTDESK_MASTER_KEY (base64url, 32 bytes)."""

    url: str = Field("", repr=False, description="The key store's own MongoDB database; goes with storage.url.")
    file: Path = Field(Path("master.key"), description="File with mode 0600; relative to the data folder.")
    epoch_days: int = Field(
        30, ge=1, le=365, description="Days after which an account's wrapping key is replaced and destroyed."
    )
    backup_days: int = Field(
        7, ge=0, le=365, description="Days that you keep backups of the key store; certificates rely on it."
    )
    ledger_copy: Path | None = Field(
        None,
        description="A second erasures.jsonl on another disk; each erasure is written there before it begins.",
    )
    location: str = Field("", max_length=120, description="Where the key store and the master key lie, in words.")


class Mail(Group):
    """The SMTP server that mails leave by."""

    host: str = Field(
        "", description="Host name; empty: mails wait in the outbox (in a demo they go to the mailbox page)."
    )
    port: int = Field(587, ge=1, le=65535, description="Port.")
    tls: Literal["require", "implicit", "opportunistic", "none"] = Field(
        "require",
        description="require: STARTTLS or no mail; implicit: TLS from the start; none: loopback servers only.",
    )
    username: str = Field("", description="Log in with this name; empty: no login.")
    password: str = Field("", description="The password that goes with it.", repr=False)
    sender: str = Field("frontdesk@localhost", description="Address in From; its domain is that of our Message-IDs.")
    sender_name: str = Field("Frontdesk", description="Name in From.")
    timeout: int = Field(30, ge=1, le=600, description="Seconds for one delivery.")
    bounce_secret: str = Field(
        "",
        description="Secret that signs reports at /hooks/mail, 32 characters or more; empty: no such door.",
        repr=False,
    )
    ca_file: Path | None = Field(None, description="PEM file with the authority of a private mail server.")
    location: str = Field("", max_length=120, description="Where the mail server stands, in words.")

    @model_validator(mode="after")
    def _sendable(self) -> Self:
        _require("sender", lambda address: Address(addr_spec=address), self.sender)
        if self.bounce_secret and len(self.bounce_secret) < 32:
            raise ValueError("bounce_secret: at least 32 characters")
        if self.tls == "none" and self.host and not _is_loopback(self.host):
            raise ValueError('tls: "none" is for mail servers on loopback only')
        return self


class Sessions(Group):
    """Logins of staff."""

    idle_minutes: int = Field(30, ge=1, description="Minutes without a request after which a session ends.")
    absolute_hours: int = Field(12, ge=1, description="Hours after which a session ends in any case.")


class Links(Group):
    """Shared transcript links (YA-11)."""

    days: int = Field(180, ge=1, le=3650, description="Days that a link lives.")


class Bots(Group):
    """How bots are run."""

    assistant: Path | None = Field(None, description="A Rasa project that replaces the one of the first bot.")
    action_seconds: float = Field(10, gt=0, le=300, description="Seconds that a custom action may take.")


class Files(Group):
    """Files that visitors and agents send; which kinds a bot takes stands on its page (PS-8)."""

    max_megabytes: int = Field(10, ge=1, le=100, description="Largest file in MB; it is in memory while it is sealed.")
    chat_megabytes: int = Field(50, ge=1, le=10_000, description="MB of all files of one chat.")
    an_hour: int = Field(20, ge=1, description="Files that one browser or person may send in an hour.")
    copy_megabytes: int = Field(
        100, ge=0, le=2_000, description="MB of files in the copy that a visitor takes home; the others are listed."
    )


class Queue(Group):
    """The queue and its ends (YA-26)."""

    wait_minutes: int = Field(15, ge=1, description="Minutes after which an unanswered chat goes back to the bot.")
    accept_seconds: int = Field(
        30, ge=1, le=600, description="Seconds in which an offered chat is to be taken before the next person is asked."
    )
    silent_minutes: int = Field(
        10, ge=1, description="Minutes a visitor waits for the agent before the chat is queued again."
    )


class Audit(Group):
    """The anchor of the audit books outside of the installation (docs/audit.md)."""

    head_to: str = Field("", description="Address that gets the signed heads every day; empty: only the file has them.")

    @model_validator(mode="after")
    def _mailable(self) -> Self:
        if self.head_to:
            _require("head_to", lambda address: Address(addr_spec=address), self.head_to)
        return self


class Jobs(Group):
    """What is done later, by one process at a time: mails, retention, the daily heads."""

    lease_seconds: int = Field(
        60, ge=2, le=3600, description="Seconds after which another process takes over what a dead one was doing."
    )


class Escrow(Group):
    """Sealed exports of single cases (docs/audit.md). Off until a super admin names recipients."""

    days: int = Field(7, ge=1, le=90, description="Days that a sealed case can be downloaded; then it is destroyed.")


class Logs(Group):
    """The log on standard error: no word, address or secret of anybody stands in it, at any level (G-4)."""

    level: Literal["debug", "info", "warning"] = Field("info", description="The least that is logged.")


class SignalsBetween(Group):
    """Signals between nodes; without it a node is alone with its database."""

    redis_url: str = Field(
        "", repr=False, description="Redis of all nodes, e.g. rediss://user:password@host:6379/0; empty: one node."
    )

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.redis_url:
            _require("redis_url", check_redis, self.redis_url)
        return self


class Settings(BaseSettings):
    """All of it. `data` is the folder with the database, the keys and `frontdesk.toml`."""

    model_config = SettingsConfigDict(env_prefix="FRONTDESK_", env_nested_delimiter="__", extra="forbid", frozen=True)

    data: Path = Field(Path("data"), description="Folder of the database, the key file and frontdesk.toml.")
    demo: bool = Field(False, description="Serve the demo page and the mailbox page. Loopback only.")
    web: Web = Web()
    metrics: Metrics = Metrics()
    storage: Storage = Storage()
    keys: Keys = Keys()
    mail: Mail = Mail()
    sessions: Sessions = Sessions()
    links: Links = Links()
    bots: Bots = Bots()
    queue: Queue = Queue()
    audit: Audit = Audit()
    jobs: Jobs = Jobs()
    escrow: Escrow = Escrow()
    signals: SignalsBetween = SignalsBetween()
    logs: Logs = Logs()
    files: Files = Files()

    @model_validator(mode="after")
    def _stores_apart(self) -> Self:
        for name, url in (("storage.url", self.storage.url), ("keys.url", self.keys.url)):
            if url:
                _require(name, check_url, url)
        if bool(self.storage.url) != bool(self.keys.url):
            raise ValueError("keys.url: storage.url and keys.url go together, each with a database of its own")
        if self.storage.url and _database(self.storage.url) == _database(self.keys.url):
            raise ValueError(
                "keys.url: it names the database of storage.url; keys beside what they open protect nothing"
            )
        return self

    @model_validator(mode="after")
    def _demo_stays_home(self) -> Self:
        if self.demo and not _is_loopback(self.web.host):
            raise ValueError("demo mode shows every mail to everybody, so it listens on loopback only")
        return self

    @property
    def residency(self) -> dict[str, str]:
        """Where each store lies (MS-10); empty where nobody said it."""
        return {
            "database": self.storage.location,
            "key store": self.keys.location,
            "mail server": self.mail.location,
        }

    @property
    def ledger_copy_file(self) -> Path | None:
        copy = self.keys.ledger_copy
        return copy if copy is None or copy.is_absolute() else self.data / copy

    @property
    def master_key_file(self) -> Path:
        return self.keys.file if self.keys.file.is_absolute() else self.data / self.keys.file


def load(data: Path, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read the settings of the installation in `data`.

    `overrides` are dotted keys from the command line (`{"web.port": 8801}`); they win over the environment, which wins
    over the file. Raises `SettingsError` with one line for each wrong key.
    """
    file = _read_file(data / FILE_NAME)
    _refuse_unknown_environment()
    try:
        environment = _environment()
        merged = _merge(_merge(file, environment), _nested(overrides or {}))
        merged["data"] = data
        return Settings.model_validate(merged)
    except ValidationError as error:
        raise SettingsError(_lines(error)) from error
    except EnvironmentError_ as error:
        names = ", ".join(name for name in os.environ if _should_be_json(name)) or str(error)
        raise SettingsError(f'{names}: lists in the environment are JSON, such as ["10.0.0.2"]') from error


def _should_be_json(name: str) -> bool:
    group, _, field = name.partition("__")
    if not name.startswith("FRONTDESK_") or field.lower() not in _fields_of(group):
        return False
    try:
        json.loads(os.environ[name])
    except ValueError:
        return "tuple" in str(_annotation_of(group).model_fields[field.lower()].annotation)
    return False


def _environment() -> dict[str, Any]:
    values = EnvSettingsSource(Settings)()
    values.pop("data", None)
    return values


def _refuse_unknown_environment() -> None:
    known = {f"FRONTDESK_{name.upper()}" for name in Settings.model_fields}
    for name in os.environ:
        if not name.startswith("FRONTDESK_") or name in {"FRONTDESK_MASTER_KEY", "FRONTDESK_SHARED"}:
            continue
        if name.startswith("FRONTDESK_TEST_"):
            continue
        group, _, field = name.partition("__")
        if group not in known or (field and field.lower() not in _fields_of(group)):
            raise SettingsError(f"{name}: no such setting")


def _fields_of(group: str) -> set[str]:
    annotation = _annotation_of(group)
    return set(annotation.model_fields) if isinstance(annotation, type) and issubclass(annotation, BaseModel) else set()


def _annotation_of(group: str) -> Any:
    field = Settings.model_fields.get(group.removeprefix("FRONTDESK_").lower())
    return field.annotation if field is not None else None


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error


def _nested(dotted: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in dotted.items():
        *groups, name = key.split(".")
        table = tree
        for group in groups:
            table = table.setdefault(group, {})
        table[name] = value
    return tree


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = _merge(merged[key], value)
        else:
            merged[key] = value
    return merged


def _lines(error: ValidationError) -> str:
    """One line for each wrong key. A group's own check names the key itself (`host: …`), which joins the group's name."""
    lines = []
    for entry in error.errors():
        key = ".".join(str(part) for part in entry["loc"])
        message = entry["msg"].removeprefix("Value error, ")
        joint = "." if key and re.match(r"[a-z_]+: ", message) else ": "
        lines.append(f"{key}{joint}{message}" if key else message)
    return "\n".join(lines)
