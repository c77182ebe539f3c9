"""Messages a second and latency through the widget's socket: durable, encrypted, with a real bot, beside the limit.

The server is the `frontdesk` command in a process of its own; the visitors are another process. The limit is measured
in the same run by `limit.py`: the same aiohttp socket that only echoes, and that echoes after one and two group-committed AES-GCM
appends. A visitor sends its next message when the reply to the last one is there.

    .venv/bin/python benchmarks/turns.py [--assistant PATH] [--seconds 5] [--workers 1,2] [--store URL] [--json]

With `--workers` the server is measured once for each number of worker processes (`frontdesk serve --workers N`); with
`--store mongodb://host/name` it keeps its records in new databases on that server in place of the SQLite files: `name`
with a number, and another one for the keys; they stay there. `--unseen` has visitors ask in words that
stand in no training example, so that nothing is remembered from the last time.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

ROOT = Path(__file__).resolve().parent.parent
MOODBOT = ROOT.parent / "shared/data/assistants/moodbot"
VISITORS = (1, 8, 32)
STORY = ("/greet", "/mood_great")
ANY_TIME = ("bye", "are you a bot?", "/goodbye", "see you later", "/bot_challenge", "am I talking to a human?")
"""What moodbot's story and its rules answer: half of it is understood from text, half comes from buttons."""
UNSEEN = (
    "bye now then",
    "are you maybe a bot?",
    "goodbye for today",
    "see you all later",
    "a bot or what are you?",
    "human?",
)
"""As `ANY_TIME`, understood by the model and not by heart."""
PATIENCE_S = 60
"""What visitors may take longer than they were told to, before the run is given up."""
STORE_SETTINGS = {"FRONTDESK_STORAGE__URL": "", "FRONTDESK_KEYS__URL": "_keys"}
"""What names the databases; the keys may not be in the records' one."""
RASA = {1: (41, 24), 8: (58, 124), 32: (56, 557)}
"""Rasa Open Source 3.6.21, 2 cores, moodbot over its REST channel, nothing stored: messages/s and p50 in ms."""
NO_LIMITS = {
    "FRONTDESK_WEB__FRAMES_PER_SECOND": "100000",
    "FRONTDESK_WEB__FRAMES_BURST": "100000",
    "FRONTDESK_WEB__SOCKETS_PER_ADDRESS": "1000",
}


@dataclass
class Figures:
    """One row of the table."""

    visitors: int
    messages: int = 0
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return self.messages / self.seconds

    def row(self) -> dict[str, Any]:
        cut = statistics.quantiles(self.latencies, n=100)
        return {
            "visitors": self.visitors,
            "messages": self.messages,
            "per_second": round(self.rate),
            "p50_ms": round(cut[49] * 1000, 2),
            "p95_ms": round(cut[94] * 1000, 2),
        }


async def visitor(
    session: aiohttp.ClientSession, where: tuple[str, str], until: float, figures: Figures, asked: Sequence[str]
) -> None:
    """One browser: greets, consents, and talks until the time is up."""
    base, bot = where
    async with session.ws_connect(f"{base}/ws/visitor", headers={"Origin": base}, max_msg_size=0) as socket:
        device = None
        await socket.send_json({"type": "hello", "bot": bot, "device": device, "since": 0, "locale": "en"})
        welcome = await socket.receive_json()
        device = (uuid.uuid4().hex + uuid.uuid4().hex)[:43]
        await socket.send_json({"type": "consent", "notice": welcome["notice"]["version"], "device": device})
        while (answer := await socket.receive_json())["type"] != "welcome":
            if answer["type"] == "error":  # one address may open a hundred chats an hour
                raise RuntimeError(answer)
        number = 0
        while time.perf_counter() < until:
            text = STORY[number] if number < len(STORY) else asked[number % len(asked)]
            number += 1
            frame = {"type": "message", "client_id": str(uuid.uuid4()), "text": text}
            if text.startswith("/"):
                frame["payload"] = text
            started = time.perf_counter()
            await socket.send_str(json.dumps(frame))
            await replied(socket)
            figures.latencies.append(time.perf_counter() - started)
            figures.messages += 1


async def replied(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Wait for a bot's message; anything that says no is an error of the benchmark."""
    while True:
        text = await socket.receive_str()
        if '"by":"bot"' in text and '"kind":"message"' in text:
            return
        if '"type":"error"' in text or '"kind":"control"' in text:
            raise RuntimeError(text)


async def load(base: str, bot: str, visitors: int, seconds: float, unseen: bool = False) -> dict[str, Any]:
    figures = Figures(visitors)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        started = time.perf_counter()
        until = started + seconds
        asked = UNSEEN if unseen else ANY_TIME
        await asyncio.gather(*(visitor(session, (base, bot), until, figures, asked) for _ in range(visitors)))
        figures.seconds = time.perf_counter() - started
    return figures.row()


def memory_mb(pid: int) -> float:
    """Resident memory of a process and its children, in MB."""
    total = sum(int(_status(one).get("VmRSS", "0 kB").split()[0]) for one in (pid, *children_of(pid)))
    return round(total / 1024, 1)


def children_of(pid: int) -> list[int]:
    """The processes that a process began."""
    others = [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]
    return [one for one in others if _status(one).get("PPid", "").strip() == str(pid)]


def _status(pid: int) -> dict[str, str]:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}  # it has ended
    return dict(line.split(":", 1) for line in lines if ":" in line)


def serve(
    folder: Path, assistant: Path | None, settings: dict[str, str] | None = None, *arguments: str
) -> tuple[subprocess.Popen[str], dict[str, Any], dict[str, float]]:
    """Start the product; the process, what it printed when ready, and how long that took."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FRONTDESK_")} | NO_LIMITS
    environment |= settings or {}
    command = [sys.executable, "-m", "config.cli"]
    init = [*command, "init", "--demo", "--json", "--data", str(folder)]
    subprocess.run(init, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, env=environment)
    serving = [*command, "serve", "--json", "--port", "0", "--data", str(folder), *arguments]
    if assistant:
        serving += ["--assistant", str(assistant)]
    times = {}
    for name in ("first_start_s", "next_start_s"):
        started = time.perf_counter()
        process = subprocess.Popen(
            serving,
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=(folder / "benchmark.log").open("w"),
            text=True,
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError((folder / "benchmark.log").read_text() or "the server said nothing")
        ready = json.loads(line)
        wait_ready(ready["base_url"])
        times[name] = round(time.perf_counter() - started, 2)
        if name == "first_start_s":
            process.terminate()
            process.wait()
    return process, ready, times


def wait_ready(base: str) -> None:
    """Until /readyz says 200: storage, keys and the trained bot."""
    import http.client

    parts = urlsplit(base)
    deadline = time.perf_counter() + 60
    while time.perf_counter() < deadline:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
        connection.request("GET", "/readyz")
        status = connection.getresponse().status
        connection.close()
        if status == 200:
            return
        time.sleep(0.02)
    raise TimeoutError("the server did not become ready")


def in_child(base: str, bot: str, visitors: int, seconds: float, *, unseen: bool = False) -> dict[str, Any]:
    """Run this file again as the visitors' process and read its figures."""
    what = "--load=" + json.dumps([base, bot, visitors, seconds, unseen])  # one word: an id may begin with a dash
    result = subprocess.run(
        [sys.executable, __file__, what],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=seconds + PATIENCE_S,
    )
    figures: dict[str, Any] = json.loads(result.stdout)
    return figures


def measure(
    assistant: Path | None, seconds: float, workers: Sequence[int], store: str, *, unseen: bool
) -> dict[str, Any]:
    from benchmarks.limit import measure_limits

    servers = [measure_server(assistant, seconds, count, store, unseen=unseen) for count in workers]
    limits = measure_limits(VISITORS, seconds)
    for row in (row for server in servers for row in server["turns"]):
        row["limit_two_appends"] = limits[row["visitors"]]["two_appends"]
        row["of_limit"] = round(row["per_second"] / row["limit_two_appends"], 2)
        row["times_rasa"] = round(row["per_second"] / RASA[row["visitors"]][0], 1)
    return {"servers": servers, "limits": limits}


def measure_server(assistant: Path | None, seconds: float, workers: int, store: str, *, unseen: bool) -> dict[str, Any]:
    """One server with so many workers, under the load of each number of visitors in turn."""
    settings = store_settings(store) if store else {}
    arguments = ["--workers", str(workers)] if workers > 1 else []
    with tempfile.TemporaryDirectory() as folder:
        process, ready, times = serve(Path(folder) / "data", assistant, settings, *arguments)
        where = (ready["base_url"], ready["bot"])
        try:
            idle = memory_mb(process.pid)
            in_child(*where, 8, 1, unseen=unseen)
            rows = [measure_load(process.pid, where, count, seconds, unseen=unseen) for count in VISITORS]
            loaded = memory_mb(process.pid)
        finally:
            process.terminate()
            process.wait()
    return {"workers": workers, "turns": rows, "memory_mb": {"idle": idle, "loaded": loaded}, **times}


def store_settings(url: str) -> dict[str, str]:
    """Databases of this run's own on the server that the URL names."""
    parts = urlsplit(url)
    name = f"{parts.path.strip('/') or 'frontdesk'}_{uuid.uuid4().hex[:8]}"
    return {setting: parts._replace(path=f"/{name}{end}").geturl() for setting, end in STORE_SETTINGS.items()}


def measure_load(pid: int, where: tuple[str, str], visitors: int, seconds: float, *, unseen: bool) -> dict[str, Any]:
    """One row, with the processor time of the server and its children for a message: it wanders less than the rate."""
    before = processor_seconds(pid)
    row = in_child(*where, visitors, seconds, unseen=unseen)
    row["cpu_us"] = round((processor_seconds(pid) - before) / row["messages"] * 1e6)
    return row


def processor_seconds(pid: int) -> float:
    """Processor time of all threads of a process and its children so far."""
    spent = 0
    for one in (pid, *children_of(pid)):
        spent += sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{one}/task").iterdir())
    return spent / 1e9


def table(figures: dict[str, Any]) -> str:
    lines = []
    for server in figures["servers"]:
        memory = server["memory_mb"]
        lines.append(f"workers: {server['workers']}")
        lines.append(
            f"{'visitors':>8} {'messages/s':>11} {'p50 ms':>8} {'p95 ms':>8} {'CPU µs':>7} "
            f"{'limit/s':>9} {'of limit':>9} {'× Rasa':>7}"
        )
        lines += [
            f"{row['visitors']:>8} {row['per_second']:>11,} {row['p50_ms']:>8} {row['p95_ms']:>8} {row['cpu_us']:>7} "
            f"{row['limit_two_appends']:>9,} {row['of_limit']:>9} {row['times_rasa']:>7}"
            for row in server["turns"]
        ]
        lines.append(
            f"memory: {memory['idle']} MB idle, {memory['loaded']} MB after the load (server and its children)"
        )
        lines.append(f"ready after {server['first_start_s']} s with training, {server['next_start_s']} s without")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--assistant", type=Path, default=MOODBOT if MOODBOT.is_dir() else None)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument(
        "--workers", type=lambda text: [int(one) for one in text.split(",")], default=[1], metavar="1,2"
    )
    parser.add_argument("--store", default="", help="keep the records there; without it in an SQLite file")
    parser.add_argument("--unseen", action="store_true", help="ask in words that stand in no training example")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--load", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.load:
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            print(json.dumps(runner.run(load(*options.load))))
        return
    figures = measure(options.assistant, options.seconds, options.workers, options.store, unseen=options.unseen)
    print(json.dumps(figures, indent=2) if options.json else table(figures))


if __name__ == "__main__":
    main()
