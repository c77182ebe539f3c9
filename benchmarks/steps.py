"""Where the time of a turn goes: processor time a message, step by step, of the server's main thread, and of the others.

The product runs unchanged in a child process, under a clock that interrupts it every half millisecond of processor
time. Each time the main thread's processor time since the last look is put down to the step whose code it is in: the
innermost frame that the table `STEPS` knows. Passes of the garbage collector are timed by themselves. The threads'
totals come from the kernel and hold with or without the clock, which costs a few per cent.

    .venv/bin/python benchmarks/steps.py [--assistant PATH] [--visitors 8] [--seconds 5] [--json]
"""

import argparse
import asyncio
import gc
import inspect
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import turns

EVERY_S = 0.0005
STEPS: dict[str, tuple[str, ...]] = {
    "socket: bytes in, WebSocket frames": ("aiohttp/", "foundation/web/wire.py", "foundation/web/connection.py"),
    "frame: rate, strict decoding": ("foundation/web/strict.py", "foundation/web/throttle.py", "sockets.py:__anext__"),
    "frame: received": ("sockets.py:_receive",),
    "sending: queue, encode, write": ("foundation/web/sockets.py",),
    "turn: room, draft, thought": (
        "bot_runtime/turns.py",
        "bot_runtime/answers.py",
        "bot_runtime/beginning.py",
        "bot_runtime/minds.py",
        "bot_runtime/thinking.py",
        "bot_runtime/trackerlog.py",
        "bot_runtime/hands.py",
    ),
    "understanding": ("assistants/understanding/", "assistants/parsing.py"),
    "dialogue: prediction": (
        "assistants/ensemble.py",
        "assistants/rule_policy.py",
        "assistants/memoization.py",
        "assistants/states.py",
    ),
    "dialogue: tracker and actions": ("bot_runtime/assistants/",),
    "log: conversation and state": (
        "transcripts/conversations.py",
        "transcripts/heads.py",
        "transcripts/state.py",
        "transcripts/cache.py",
        "transcripts/messages.py",
        "transcripts/control.py",
    ),
    "log: encode and seal": (
        "records/eventlog.py",
        "records/collection.py",
        "records/sealing.py",
        "records/rules.py",
        "foundation/keys/",
    ),
    "log: to the writer and back": ("records/sqlite.py", "records/workers.py", "records/writes.py"),
    "signals": ("foundation/live.py",),
    "delivery: events since, views": ("widget/visit.py", "transcripts/views.py", "widget/frames.py"),
}
"""Parts of `path:function`; the first step that fits a frame has it."""
LOOP = "event loop, tasks, kernel"
COLLECTOR = "garbage collector"


class Sampler:
    """Puts the main thread's processor time down to steps while it is on."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        self._last = 0.0
        self._known: dict[Any, str | None] = {}

    def start(self) -> None:
        self.spent.clear()
        self._last = time.thread_time()
        gc.callbacks.append(self._collected)
        signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)

    def stop(self) -> dict[str, float]:
        signal.setitimer(signal.ITIMER_PROF, 0)
        gc.callbacks.remove(self._collected)
        return dict(self.spent)

    def _look(self, _signal: int, frame: FrameType | None) -> None:
        now = time.thread_time()
        self.spent[self._step(frame)] += now - self._last
        self._last = time.thread_time()

    def _collected(self, phase: str, _info: dict[str, int]) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # its processor time is counted elsewhere, by another clock
        now = time.thread_time()
        self.spent[COLLECTOR if phase == "stop" else self._step(inspect.currentframe())] += now - self._last
        self._last = now

    def _step(self, frame: FrameType | None) -> str:
        while frame is not None:
            code = frame.f_code
            if code not in self._known:
                self._known[code] = _step_of(f"{code.co_filename}:{code.co_name}")
            step = self._known[code]
            if step is not None:
                return step
            frame = frame.f_back
        return LOOP


def _step_of(place: str) -> str | None:
    return next((step for step, parts in STEPS.items() if any(part in place for part in parts)), None)


def serve(data: Path, assistant: Path | None) -> None:
    """The product under the sampler; the first SIGUSR1 begins a measurement, the second writes it beside the data."""
    import uvloop

    from config import server

    sampler = Sampler()
    running = False

    def toggle() -> None:
        nonlocal running
        running = not running
        if running:
            sampler.start()
        else:
            (data / "steps.json.new").write_text(json.dumps(sampler.stop()))
            (data / "steps.json.new").rename(data / "steps.json")

    async def run() -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, toggle)
        overrides: dict[str, Any] = {"web.port": 0} | ({"bots.assistant": assistant} if assistant else {})
        await server.serve(data, overrides, as_json=True)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


def thread_seconds(pid: int) -> Counter[str]:
    """Processor time of a process's threads so far, by the thread's kind."""
    found: Counter[str] = Counter()
    for task in Path(f"/proc/{pid}/task").iterdir():
        nanoseconds = int((task / "schedstat").read_text().split()[0])
        found["main thread" if task.name == str(pid) else "writer and other threads"] += nanoseconds
    return Counter({name: spent / 1e9 for name, spent in found.items()})


def measure(assistant: Path | None, visitors: int, seconds: float) -> dict[str, Any]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FRONTDESK_")} | turns.NO_LIMITS
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        init = [sys.executable, "-m", "config.cli", "init", "--demo", "--json", "--data", str(data)]
        subprocess.run(init, cwd=turns.ROOT, check=True, stdout=subprocess.DEVNULL)
        command = [sys.executable, __file__, "--serve", str(data)]
        command += ["--assistant", str(assistant)] if assistant else []
        process = subprocess.Popen(
            command, cwd=turns.ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            turns.wait_ready(ready["base_url"])
            where = (ready["base_url"], ready["bot"])
            turns.in_child(*where, 8, 1)
            plain = _threads(process.pid, where, visitors, seconds)
            process.send_signal(signal.SIGUSR1)
            sampled = turns.in_child(*where, visitors, seconds)
            process.send_signal(signal.SIGUSR1)
            spent = _wait_for(data / "steps.json")
        finally:
            process.terminate()
            process.wait()
    steps = {name: round(one / sampled["messages"] * 1e6, 1) for name, one in spent.items()}
    return {"visitors": visitors, **plain, "steps_us": dict(sorted(steps.items(), key=lambda one: -one[1]))}


def _threads(pid: int, where: tuple[str, str], visitors: int, seconds: float) -> dict[str, Any]:
    before = thread_seconds(pid)
    row = turns.in_child(*where, visitors, seconds)
    after = thread_seconds(pid)
    used = {name: round((after[name] - before[name]) / row["messages"] * 1e6, 1) for name in after}
    return {"per_second": row["per_second"], "threads_us": used}


def _wait_for(file: Path) -> dict[str, float]:
    deadline = time.perf_counter() + 10
    while not file.exists():
        if time.perf_counter() > deadline:
            raise TimeoutError("the server did not write its measurement")
        time.sleep(0.05)
    found: dict[str, float] = json.loads(file.read_text())
    return found


def table(figures: dict[str, Any]) -> str:
    total = sum(figures["steps_us"].values())
    lines = [f"{figures['visitors']} visitors, {figures['per_second']:,} messages/s; processor time a message:"]
    lines += [f"{name:<40}{spent:>8} µs" for name, spent in figures["threads_us"].items()]
    lines += ["", f"{'the main thread, step by step':<40}{'µs':>8}{'share':>8}"]
    lines += [f"{name:<40}{spent:>8}{spent / total:>8.0%}" for name, spent in figures["steps_us"].items()]
    return "\n".join([*lines, f"{'all steps, measured with the clock on':<40}{total:>8.1f}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--assistant", type=Path, default=turns.MOODBOT if turns.MOODBOT.is_dir() else None)
    parser.add_argument("--visitors", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.assistant)
        return
    figures = measure(options.assistant, options.visitors, options.seconds)
    print(json.dumps(figures, indent=2) if options.json else table(figures))


if __name__ == "__main__":
    main()
