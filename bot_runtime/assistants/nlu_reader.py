"""Reads the `nlu:` sections: intents with annotated examples, synonyms, regexes, look-up tables.

What Rasa warns of and skips is skipped here with a warning (`rasa_yaml.py`): a line without a dash, an item without a
name or without examples. What Rasa refuses is an error: an annotation that is not JSON, examples of a wrong type.
"""

from collections.abc import Iterator
from typing import Any

from bot_runtime.assistants.checking import Checker, lined
from bot_runtime.assistants.entity_annotations import BadAnnotationError, read_annotations
from bot_runtime.assistants.nlu_data import Example
from bot_runtime.assistants.yaml_reader import YamlList, YamlMap, plain

_KINDS = ("intent", "synonym", "regex", "lookup")


class NluReader:
    """Collects the NLU data of any number of files."""

    def __init__(self) -> None:
        self.examples: list[Example] = []
        self.synonyms: dict[str, str] = {}
        self.regexes: list[tuple[str, str]] = []
        self.lookups: dict[str, list[str]] = {}
        self.responses: dict[str, tuple[dict[str, Any], ...]] = {}

    def read(self, document: YamlMap, checker: Checker) -> None:
        """Add the `nlu:` and `responses:` sections of one file, whose responses have been checked."""
        for item, line in lined(checker.section(document, "nlu", list)):
            kind = next((kind for kind in _KINDS if isinstance(item, YamlMap) and kind in item), None)
            if kind is None:
                checker.warn(line, f"An item under `nlu` needs one of {', '.join(_KINDS)}; this one is skipped.")
            elif checker.has(item, kind, str, "an item under `nlu`") and item[kind]:
                checker.only(item, (kind, "examples", "metadata"), f"the {kind} `{item[kind]}`")
                self._read_item(kind, item, checker)
            elif item[kind] in (None, ""):
                checker.warn(line, f"The {kind} has no name; it is skipped.")
        for name, variations in (document.get("responses") or {}).items():
            self.responses.setdefault(name, tuple(plain(variations)))

    def _read_item(self, kind: str, item: YamlMap, checker: Checker) -> None:
        name: str = item[kind]
        found = False
        for text, line in _examples(kind, item, checker):
            found = True
            if kind == "intent":
                self._add_example(name, text, line, checker)
            elif kind == "synonym":
                self.synonyms[text] = name
            elif kind == "regex":
                self.regexes.append((name, text))
            else:
                self.lookups.setdefault(name, []).append(text)
        if not found:
            checker.warn(item.line, f"The {kind} `{name}` has no examples.")

    def _add_example(self, intent: str, text: str, line: int, checker: Checker) -> None:
        try:
            sentence, spans = read_annotations(text)
        except BadAnnotationError as problem:
            checker.error(line, str(problem))
            return
        self.examples.append(Example(sentence, intent, spans))
        for span in spans:
            words = sentence[span.start : span.end]
            if words != span.value:
                self.synonyms[words] = span.value


def _examples(kind: str, item: YamlMap, checker: Checker) -> Iterator[tuple[str, int]]:
    examples = item.get("examples")
    if isinstance(examples, str):
        yield from _lines(f"the {kind} `{item[kind]}`", item, examples, checker)
    elif isinstance(examples, YamlList) and kind == "intent":
        yield from _listed(item, examples, checker)
    elif examples is not None:
        message = f"`examples` of the {kind} `{item[kind]}` must be a text (`examples: |`)."
        checker.error(item.line_of("examples"), message)


def _lines(what: str, item: YamlMap, examples: str, checker: Checker) -> Iterator[tuple[str, int]]:
    first = item.line_of("examples")
    step = 1 if "examples" in item.blocks else 0  # only the lines of a `|` text are those of the file
    for number, text in enumerate(examples.splitlines(), start=1):
        line = first + number * step
        if text.startswith("-"):
            yield text[1:].strip("\n\r "), line
        elif text.strip():
            checker.warn(line, f"An example of {what} does not start with a dash; it is skipped.")


def _listed(item: YamlMap, examples: YamlList, checker: Checker) -> Iterator[tuple[str, int]]:
    for example, line in lined(examples):
        if not isinstance(example, YamlMap) or not isinstance(example.get("text"), str):
            checker.error(line, f"An example of the intent `{item['intent']}` needs a `text`.")
            continue
        checker.only(example, ("text", "metadata"), f"an example of the intent `{item['intent']}`")
        yield example["text"].strip("\n\r "), line
