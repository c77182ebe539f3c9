"""`frontdesk serve`: from the settings to a process that answers, and to its orderly end."""

import asyncio
import gc
import importlib.util
import json
import logging
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from config.installation import settings_of
from config.settings import Settings
from config.stores import Refused, Stores, open_stores
from config.wiring import KINDS, House, build
from foundation.clock import SystemClock
from foundation.relay import RedisSignals
from foundation.web import metrics_app
from foundation.web import serve as serve_app
from foundation.web.logs import LineFormatter

log = logging.getLogger("frontdesk")


async def serve(data: Path, overrides: Mapping[str, Any], *, as_json: bool) -> None:
    """Serve until SIGINT or SIGTERM. `overrides["demo"]` makes the demo account and new passwords for its people.

    Raises `Refused` for what the operator can mend: a setting, the key, the port, a second process on the same data.
    """
    log_to_stderr()
    settings = settings_of(data, overrides)
    logging.getLogger().setLevel(settings.logs.level.upper())
    log.debug("everything that there is to log is logged")
    listening = listen(settings)
    try:
        async with open_stores(settings, KINDS, SystemClock()) as stores:
            port = listening.getsockname()[1]
            signals = await signals_between(settings, stores)
            house = build(settings, stores, clock=SystemClock(), port=port, signals=signals)
            said = await introduce(house, fresh_passwords=bool(overrides.get("demo")))

            def announce(metrics_url: str | None) -> None:
                say(said | ({"metrics_url": metrics_url} if metrics_url else {}), settings, as_json=as_json)

            await run(house, settings, listening, announce=announce)
    finally:
        listening.close()


async def signals_between(settings: Settings, stores: Stores) -> RedisSignals | None:
    """The signals that all nodes hear, if there are others. Raises `Refused` when the driver is not installed."""
    if not settings.signals.redis_url:
        return None
    if importlib.util.find_spec("redis") is None:
        raise Refused("signals.redis_url needs a package that is not here: pip install frontdesk[redis]")
    secret = await stores.keyring.secret("", "signals")
    return RedisSignals(settings.signals.redis_url, secret, SystemClock())


def _spare_the_collector() -> None:
    """What was built for good is not looked through again, and what a turn leaves is looked for less often: looking
    took a fifth of a turn's time. Whatever is freed by reference count, which is nearly all, is freed as before."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


def log_to_stderr() -> None:
    """One line an entry, without what exceptions quote: words and secrets have no place in a log (G-3, G-4)."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def listen(settings: Settings) -> socket.socket:
    """The listening socket, taken before anything else is opened. Raises `Refused` when the port is taken."""
    host, port = settings.web.host, settings.web.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise Refused(
            f"Port {port} of {host} cannot be listened on: {error.strerror}. Choose another: --port N"
        ) from error


def tls_of(settings: Settings) -> ssl.SSLContext | None:
    """TLS 1.2 or newer with forward secrecy (TI-2), when a certificate is set. Raises `Refused`."""
    if settings.web.tls_certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    try:
        context.load_cert_chain(settings.web.tls_certificate, settings.web.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise Refused(f"The certificate or its key cannot be used: {error}.") from error
    return context


async def introduce(house: House, *, fresh_passwords: bool) -> dict[str, Any]:
    """What is said at the start: links, and who can log in where that can be said."""
    first = await house.first_bot()
    said: dict[str, Any] = {"base_url": house.base_url, "bot": first.id if first else None}
    if fresh_passwords:
        said |= await house.demo.make()
    elif (secret := await house.admin.setup.offer()) is not None:
        said["setup_url"] = f"{house.base_url}/setup/{secret}"
    return said


async def run(
    house: House,
    settings: Settings,
    listening: socket.socket,
    *,
    announce: Callable[[str | None], None],
    stopping: asyncio.Event | None = None,
    worker: int = 0,
) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP (the terminal is gone), or until `stopping` is set. `announce` is given the
    URL of the metrics when connections are accepted. `worker` is this one's number, from 0."""
    stopping = stopping or asyncio.Event()
    loop = asyncio.get_running_loop()
    for how in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(how, stopping.set)
    runner = await serve_app(house.app, sock=listening, ssl_context=tls_of(settings))
    _spare_the_collector()
    measuring: web.AppRunner | None = None
    try:
        measuring = await _serve_metrics(house, settings, worker)
        announce(None if measuring is None else f"http://{settings.metrics.host}:{measuring.addresses[0][1]}/metrics")
        await stopping.wait()
        log.info("stopping: sockets are told to come back, work under way ends")
    finally:
        if measuring is not None:
            await measuring.cleanup()
        await runner.cleanup()


async def _serve_metrics(house: House, settings: Settings, worker: int) -> web.AppRunner | None:
    if not settings.metrics.enabled:
        return None
    port = settings.metrics.port and settings.metrics.port + worker
    if port > 65_535:
        raise Refused(f"metrics.port {settings.metrics.port} leaves no port for worker {worker}. Choose a lower one.")
    runner = web.AppRunner(metrics_app(house.metrics), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.metrics.host, port).start()
    except OSError as error:
        await runner.cleanup()
        raise Refused(f"metrics.port {port} cannot be listened on: {error.strerror}.") from error
    return runner


def say(said: Mapping[str, Any], settings: Settings, *, as_json: bool) -> None:
    """Print where to click, for people or for programs."""
    text = json.dumps(said, ensure_ascii=False) if as_json else welcome(said, demo=settings.demo)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def welcome(said: Mapping[str, Any], *, demo: bool) -> str:
    """Where to click, for people."""
    base = said["base_url"]
    lines = ["", "  Frontdesk is ready.", ""]
    if demo:
        lines += [f"  Demo page      {base}/demo", f"  Mailbox        {base}/mailbox"]
    lines += [f"  Agent console  {base}/console", f"  Admin          {base}/admin"]
    if "setup_url" in said:
        lines += ["", "  Make the first super admin here (once, within an hour):", f"  {said['setup_url']}"]
    if "people" in said:
        lines += ["", "  Log in as (passwords are new at every start):"]
        lines += [
            f"    {who.replace('_', ' '):<12} {person['email']:<30} {person['password']}"
            for who, person in said["people"].items()
        ]
    return "\n".join([*lines, "", "  Ctrl+C stops it.", ""])
