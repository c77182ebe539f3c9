"""How well the understanding understands, beside what is published for the same data and splits. One command:

    python benchmarks/nlu.py [--quick] [--json] [--only NAME]

Trains through the public door (a process of its own, nothing cached) and asks every test sentence. The corpora are not
part of the project: they are looked for in `$FRONTDESK_SHARED/data/nlu`, by default in `../shared`; without them the
command says so and measures nothing. Accuracies and F1 in per cent; *exact* entities have the right borders and kind,
*overlapping* ones touch one of the right kind. `ECE` is the expected calibration error of the intent's confidence.
Microseconds are the median of a second pass over the test sentences, the first being for the words to become known. The
published figures of HWU64 are means over ten folds; here it is the first one.
"""

import argparse
import asyncio
import gzip
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bot_runtime.assistants.nlu_data import EntitySpan, Example, TrainingData  # noqa: E402
from bot_runtime.assistants.understanding import Model, trained  # noqa: E402
from bot_runtime.assistants.understanding_port import Parse  # noqa: E402

CORPORA = Path(os.environ.get("FRONTDESK_SHARED", ROOT.parent / "shared")) / "data" / "nlu"


class Published(NamedTuple):
    """Figures of others for the same split, per cent; None where none was found."""

    t1: float | None = None
    rasa: float | None = None
    watson: float | None = None
    luis: float | None = None
    dialogflow: float | None = None
    best: float | None = None
    entities: float | None = None
    """Exact F1 of entities that the same design is known to reach."""


class Corpus(NamedTuple):
    """A training and a test set: files under `CORPORA`, several joined by `+`."""

    name: str
    train: str
    test: str
    published: Published
    quick: bool = True
    out_of_scope: str = ""


SETS = (
    Corpus("Braun Chatbot", "braun_Chatbot/train", "braun_Chatbot/test", Published(99.1, 98, 97, 98, 93, 100)),
    Corpus("Braun AskUbuntu", "braun_AskUbuntu/train", "braun_AskUbuntu/test", Published(90.8, 89.9, 92, 90, 85, 94)),
    Corpus(
        "Braun WebApplications",
        "braun_WebApplications/train",
        "braun_WebApplications/test",
        Published(76.3, 79.7, 83, 81, 80, 86),
    ),
    Corpus(
        "HWU64 10-shot",
        "dialoglue_HWU64/train_10",
        "dialoglue_HWU64/test",
        Published(72.6, 64.0, 77.6, 67.3, 64.0, 87.4),
    ),
    Corpus(
        "BANKING77 10-shot",
        "dialoglue_BANKING77/train_10",
        "dialoglue_BANKING77/test",
        Published(75.3, best=89.8),
    ),
    Corpus(
        "CLINC150 10-shot",
        "dialoglue_CLINC150/train_10",
        "dialoglue_CLINC150/test",
        Published(82.2, best=93.3),
        quick=False,
    ),
    Corpus(
        "BANKING77",
        "dialoglue_BANKING77/train+dialoglue_BANKING77/valid",
        "dialoglue_BANKING77/test",
        Published(91.2, 89.9, best=94.1),
        quick=False,
    ),
    Corpus(
        "CLINC150",
        "clinc_full/train",
        "clinc_full/test",
        Published(93.0, 91.5, dialogflow=91.7, best=96.9),
        quick=False,
        out_of_scope="clinc_full/oos_test",
    ),
    Corpus("SNIPS", "slotgated_snips/train", "slotgated_snips/test", Published(98.1, entities=94.4), quick=False),
    Corpus("HWU64 fold 1", "hwu10fold/train_1", "hwu10fold/test_1", Published(89.1, entities=79.2), quick=False),
)


def examples_in(files: str) -> Iterator[Example]:
    """The sentences of these files, with their intents and entities."""
    for name in files.split("+"):
        with gzip.open(CORPORA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            for line in lines:
                item = json.loads(line)
                yield Example(item["text"], item["intent"], tuple(_spans(item)))


def _spans(item: dict[str, Any]) -> Iterator[EntitySpan]:
    text = item["text"]
    for entity in item.get("entities", ()):
        start, end = entity["start"], entity["end"]
        yield EntitySpan(start, end, text[start:end], entity["entity"])
    position, start, kind = 0, 0, ""
    for token, tag in [*zip(item.get("tokens", ()), item.get("tags", ()), strict=True), ("", "O")]:
        begins = text.index(token, position)
        if kind and (tag[0] != "I" or tag[2:] != kind):
            yield EntitySpan(start, position, text[start:position], kind)
            kind = ""
        if tag != "O" and not kind:
            start, kind = begins, tag[2:]
        position = begins + len(token)


def data_of(examples: list[Example]) -> TrainingData:
    """As a project with these examples would be read."""
    kinds = sorted({span.entity for example in examples for span in example.entities})
    intents = tuple(dict.fromkeys(example.intent for example in examples))
    return TrainingData(examples=tuple(examples), intents=intents, entities=tuple(kinds))


async def measured(corpus: Corpus) -> dict[str, Any]:
    """All figures of one corpus."""
    data = data_of(list(examples_in(corpus.train)))
    tests = list(examples_in(corpus.test))
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        model = await trained(data, Path(folder))
        seconds = time.perf_counter() - began
        size = await asyncio.to_thread(lambda: sum(file.stat().st_size for file in Path(folder).iterdir()))
    parses = [model.parse(example.text) for example in tests]
    right = [parse.intent.name == example.intent for parse, example in zip(parses, tests, strict=True)]
    figures: dict[str, Any] = {
        "set": corpus.name,
        "examples": len(data.examples),
        "tests": len(tests),
        "intents": len(data.intents),
        "accuracy": 100 * statistics.mean(right),
        "ece": _calibration_error([parse.intent.confidence for parse in parses], right),
        "published": corpus.published._asdict(),
        "training_seconds": seconds,
        "parse_microseconds": _median_microseconds(model, [example.text for example in tests]),
        "model_kilobytes": size / 1024,
    }
    if data.entities:
        figures["entities_exact"], figures["entities_overlapping"] = _entity_scores(parses, tests)
    if corpus.out_of_scope:
        strangers = [model.parse(example.text) for example in examples_in(corpus.out_of_scope)]
        sure = [parse.intent.confidence >= 0.5 for parse in parses]
        figures["in_scope_at_half"] = 100 * statistics.mean(a and b for a, b in zip(sure, right, strict=True))
        figures["out_of_scope_recall_at_half"] = 100 * statistics.mean(p.intent.confidence < 0.5 for p in strangers)
    return figures


def _median_microseconds(model: Model, texts: list[str]) -> float:
    times = []
    for text in texts:
        began = time.perf_counter()
        model.parse(text)
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e6


def _calibration_error(confidences: list[float], right: list[bool], bins: int = 10) -> float:
    total = 0.0
    for number in range(bins):
        own = [
            (confidence, correct)
            for confidence, correct in zip(confidences, right, strict=True)
            if number == min(bins - 1, int(confidence * bins))
        ]
        if own:
            gap = abs(statistics.mean(c for c, _ in own) - statistics.mean(correct for _, correct in own))
            total += gap * len(own) / len(right)
    return total


def _entity_scores(parses: list[Parse], tests: list[Example]) -> tuple[float, float]:
    exact = [0, 0, 0]
    overlapping = [0, 0, 0]
    for parse, example in zip(parses, tests, strict=True):
        found = {(entity["start"], entity["end"], entity["entity"]) for entity in parse.entities}
        true = {(span.start, span.end, span.entity) for span in example.entities}
        for counts, same in ((exact, _equal), (overlapping, _touch)):
            hits = sum(any(same(one, other) for other in true) for one in found)
            counts[0] += hits
            counts[1] += len(found) - hits
            counts[2] += sum(not any(same(one, other) for other in found) for one in true)
    return _f1(*exact), _f1(*overlapping)


def _equal(one: tuple[int, int, str], other: tuple[int, int, str]) -> bool:
    return one == other


def _touch(one: tuple[int, int, str], other: tuple[int, int, str]) -> bool:
    return one[2] == other[2] and one[0] < other[1] and other[0] < one[1]


def _f1(hits: int, wrong: int, missed: int) -> float:
    return 200 * hits / max(1, 2 * hits + wrong + missed)


def _cell(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


COLUMNS = (
    ("set", 22),
    ("train/test/intents", 19),
    ("ours", 6),
    ("T1", 6),
    ("Rasa", 6),
    ("Watson", 7),
    ("LUIS", 6),
    ("D'flow", 7),
    ("best", 6),
    ("ECE", 6),
    ("entities exact (T1)", 20),
    ("overlap", 8),
    ("train s", 8),
    ("parse µs", 9),
    ("kB", 6),
)


def row_of(figures: dict[str, Any]) -> str:
    """One line of the table."""
    published = Published(**figures["published"])
    exact = figures.get("entities_exact")
    cells = [
        figures["set"],
        f"{figures['examples']}/{figures['tests']}/{figures['intents']}",
        _cell(figures["accuracy"]),
        *map(_cell, published[:6]),
        _cell(figures["ece"], 3),
        "–" if exact is None else f"{exact:.1f} ({_cell(published.entities)})",
        _cell(figures.get("entities_overlapping")),
        _cell(figures["training_seconds"], 2),
        _cell(figures["parse_microseconds"], 0),
        _cell(figures["model_kilobytes"], 0),
    ]
    return " ".join(cell.ljust(width) for cell, (_, width) in zip(cells, COLUMNS, strict=True)).rstrip()


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the small corpora only, some seconds")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    parser.add_argument("--only", metavar="NAME", default="", help="corpora whose name begins so")
    chosen = parser.parse_args()
    if not CORPORA.is_dir():
        reason = f"no corpora: {CORPORA} is not there (set FRONTDESK_SHARED)"
        print(json.dumps({"skipped": reason}) if chosen.json else f"skipped: {reason}")
        return
    corpora = [corpus for corpus in SETS if corpus.name.startswith(chosen.only) and (corpus.quick or not chosen.quick)]
    if not chosen.json:
        print(" ".join(title.ljust(width) for title, width in COLUMNS).rstrip())
    results = []
    for corpus in corpora:
        results.append(await measured(corpus))
        if not chosen.json:
            print(row_of(results[-1]), flush=True)
            if corpus.out_of_scope:
                print(
                    f"  out of scope, threshold 0.5: {results[-1]['in_scope_at_half']:.1f} in-scope accuracy (T1 91.0), "
                    f"{results[-1]['out_of_scope_recall_at_half']:.1f} recall (T1 72.0; Rasa 31.2; Dialogflow 26.7)"
                )
    if chosen.json:
        print(json.dumps({"corpora": results}, indent=2))


if __name__ == "__main__":
    asyncio.run(main())
