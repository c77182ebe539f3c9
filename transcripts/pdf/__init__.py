"""A transcript as a PDF, made by typst in a process of its own (YA-12).

What people wrote reaches typst as data, in the one string that the template parses as JSON, and is never read as
markup. The process has bounded time and memory, one or two run at once, and nothing is written to disk: the transcript
goes in by a pipe and the PDF comes out by one. Ten thousand messages take some seconds and come out complete; when a
bound is met, the answer is an error and never a shorter PDF.

Letters come from the fonts that typst brings along, so Latin, Greek and Cyrillic look the same on every machine; for
scripts that these lack, the fonts of the machine are asked.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import msgspec

from foundation.errors import Unavailable
from foundation.ids import new_id
from foundation.web.logs import log_failure
from transcripts import render
from transcripts.render import Transcript

SECONDS = 60
"""For one PDF. Ten thousand messages take about five on a slow machine."""

MEGABYTES = 2_048
"""Of address space for the process; ten thousand messages take about 500."""

AT_ONCE = 2
"""Processes at a time; who comes later waits."""

_WORKER = Path(__file__).with_name("worker.py")
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH")
_slots: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = {}


async def as_pdf(transcript: Transcript) -> bytes:
    """The PDF. Raises `Unavailable` when it could not be made within the bounds."""
    data = await asyncio.to_thread(_document, transcript)
    async with _slot():
        try:
            async with asyncio.timeout(SECONDS):
                return await _made(data)
        except TimeoutError:
            raise _too_much("it took too long") from None


async def _made(data: bytes) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-X", "utf8", str(_WORKER), str(MEGABYTES), str(SECONDS)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        cwd=_WORKER.parent,
        start_new_session=True,
    )
    try:
        pdf, said = await process.communicate(data)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0 or not pdf.startswith(b"%PDF-"):
        # The last line names the kind of failure; what stands before it may quote the transcript.
        raise _too_much(f"the process ended with {process.returncode}: {said.decode(errors='replace')[:200]}")
    return pdf


def _document(transcript: Transcript) -> bytes:
    """What the template shows, as plain strings."""
    external = transcript.reader == "external"
    document: dict[str, Any] = {
        "bot": render.plain(transcript.bot),
        "visitor": render.plain(transcript.visitor),
        "from": render.full_time(transcript.opened_at),
        "to": render.full_time(transcript.last_at),
        "messages": str(transcript.messages),
        "remark": "Read only. Names, addresses and numbers are masked; internal notes are left out."
        if external
        else "",
        "days": [{"date": day.date, "lines": [_line(line) for line in day.lines]} for day in render.days(transcript)],
    }
    return msgspec.json.encode(document)


def _line(line: render.Line) -> dict[str, Any]:
    return {
        "side": line.side,
        "who": render.plain(line.who),
        "tag": line.tag,
        "at": render.clock_time(line.at),
        "text": [render.plain(part) for part in line.text.splitlines()],
        "buttons": [render.plain(button) for button in line.buttons],
        "image": render.plain(line.image),
    }


def _slot() -> asyncio.Semaphore:
    """One for each event loop; tests have many, a server has one."""
    loop = asyncio.get_running_loop()
    for known in [known for known in _slots if known.is_closed()]:
        del _slots[known]
    return _slots.setdefault(loop, asyncio.Semaphore(AT_ONCE))


def _too_much(why: str) -> Unavailable:
    log_failure(new_id()[:10], "making a PDF", RuntimeError(why))
    return Unavailable("The PDF could not be made. The text file holds the same; please try that, or try again.")
