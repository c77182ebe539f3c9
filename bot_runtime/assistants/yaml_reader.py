"""Reads a YAML 1.2 file into dicts and lists that remember their lines.

YAML 1.2 as Rasa reads it: `yes`, `no`, `on`, `off` are strings, `012` is twelve, a repeated key is an error. Only
plain data is made: a tag that asks for an object is an error, a date stays the text that was written, and aliases may
not blow a small file up. `${NAME}` in an unquoted scalar is replaced where the caller gives an environment
(endpoints.yml, credentials.yml, config.yml); in any other file it is an error, because it would be sent to a visitor
as it stands.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from bot_runtime.assistants.errors import Findings

_TAG = "tag:yaml.org,2002:"
_VARIABLE = re.compile(r"\$\{([^{}]+)\}")
_MOST_NODES = 2_000_000  # far above any project; an alias bomb is far above this
_DEEPEST = 100


class YamlMap(dict[str, Any]):
    """A mapping with the line of each value (`lines`) and of itself (`line`); `blocks` names its `|` scalars."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}
        self.blocks: set[str] = set()

    def line_of(self, key: str) -> int:
        """The line on which `key` stands, or the mapping's own."""
        return self.lines.get(key, self.line)


class YamlList(list[Any]):
    """A sequence with the line of each item (`lines`) and of itself (`line`)."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: list[int] = []


def plain(value: Any) -> Any:
    """The same data as ordinary dicts and lists, sharing nothing with `value`."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def read_yaml(
    path: Path, shown: str, findings: Findings, environment: Mapping[str, str] | None = None
) -> YamlMap | None:
    """The mapping that the file at `path` holds, or None after an error was added under the name `shown`.

    An empty file is an empty mapping.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        findings.error(shown, 1, "The file is not UTF-8.")
        return None
    return parse_yaml(text, shown, findings, environment)


def parse_yaml(
    text: str, shown: str, findings: Findings, environment: Mapping[str, str] | None = None
) -> YamlMap | None:
    """`read_yaml` for a text that is already here."""
    yaml = YAML(typ="safe", pure=True)
    yaml.version = (1, 2)
    try:
        node = yaml.compose(text)
        document = YamlMap(1) if node is None else _Construction(shown, findings, environment).of(node, 0)
    except MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        findings.error(shown, mark.line + 1 if mark else 1, f"This is not valid YAML: {problem.problem}.")
        return None
    except (YAMLError, RecursionError, _RefusedError) as problem:
        line = problem.line if isinstance(problem, _RefusedError) else 1
        findings.error(shown, line, f"This is not valid YAML: {_first_line(problem)}.")
        return None
    if not isinstance(document, YamlMap):
        findings.error(shown, 1, "The file must hold a mapping (`key: value`) at its top.")
        return None
    return document


def _first_line(problem: Exception) -> str:
    return next(iter(str(problem).splitlines()), "nested too deeply")


class _RefusedError(Exception):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class _Construction:
    """Turns the nodes of one document into data."""

    def __init__(self, shown: str, findings: Findings, environment: Mapping[str, str] | None) -> None:
        self._shown = shown
        self._findings = findings
        self._environment = environment
        self._made = 0

    def of(self, node: Node, depth: int) -> Any:
        self._made += 1
        if self._made > _MOST_NODES or depth > _DEEPEST:
            line = node.start_mark.line + 1
            raise _RefusedError(line, "it is too large or too deep once its aliases are written out")
        if isinstance(node, MappingNode):
            return self._mapping(node, depth)
        if isinstance(node, SequenceNode):
            return self._sequence(node, depth)
        assert isinstance(node, ScalarNode)
        return self._scalar(node)

    def _sequence(self, node: SequenceNode, depth: int) -> YamlList:
        items = YamlList(node.start_mark.line + 1)
        for child in node.value:
            items.append(self.of(child, depth + 1))
            items.lines.append(child.start_mark.line + 1)
        return items

    def _mapping(self, node: MappingNode, depth: int) -> YamlMap:
        made = YamlMap(node.start_mark.line + 1)
        merged: list[YamlMap] = []
        for key_node, child in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag == f"{_TAG}merge":
                merged.extend(self._merged(child, line, depth))
                continue
            if not isinstance(key_node, ScalarNode):
                raise _RefusedError(line, "a key must be a word, not a list or a mapping")
            key = str(key_node.value)
            if key in made:
                self._findings.error(self._shown, line, f"The key `{key}` stands here a second time.")
            made[key] = self.of(child, depth + 1)
            made.lines[key] = line
            if isinstance(child, ScalarNode) and child.style == "|":
                made.blocks.add(key)
        for source in merged:
            for key, value in source.items():
                if key not in made:
                    made[key] = value
                    made.lines[key] = source.line_of(key)
        return made

    def _merged(self, node: Node, line: int, depth: int) -> list[YamlMap]:
        value = self.of(node, depth + 1)
        sources = value if isinstance(value, YamlList) else [value]
        if not all(isinstance(source, YamlMap) for source in sources):
            raise _RefusedError(line, "`<<` needs a mapping")
        return list(sources)

    def _scalar(self, node: ScalarNode) -> Any:
        line = node.start_mark.line + 1
        kind = str(node.tag).removeprefix(_TAG)
        text: str = node.value
        try:
            if kind == "str":
                return self._expanded(text, line) if node.style is None and "${" in text else text
            return _CONSTRUCTORS[kind](text)
        except KeyError:
            raise _RefusedError(line, f"the tag `{node.tag}` is not accepted") from None
        except ValueError:
            raise _RefusedError(line, f"`{text[:40]}` is not a number") from None

    def _expanded(self, text: str, line: int) -> str:
        if self._environment is None:
            if _VARIABLE.search(text):
                message = "Environment variables are not replaced in this file; put the text in quotes if it is meant."
                self._findings.error(self._shown, line, message)
            return text
        missing = [name for name in _VARIABLE.findall(text) if name not in self._environment]
        if missing:
            self._findings.error(self._shown, line, f"The environment variable {', '.join(missing)} is not set.")
            return text
        environment = self._environment
        return _VARIABLE.sub(lambda match: environment[match.group(1)], text)


def _integer(text: str) -> int:
    digits = text.replace("_", "").lower()
    sign = -1 if digits.startswith("-") else 1
    digits = digits.lstrip("+-")
    for prefix, base in (("0b", 2), ("0o", 8), ("0x", 16)):
        if digits.startswith(prefix):
            return sign * int(digits[2:], base)
    return sign * int(digits)


def _floating(text: str) -> float:
    return float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))


_CONSTRUCTORS: Mapping[str, Any] = {
    "int": _integer,
    "float": _floating,
    "bool": lambda text: text.lower() == "true",
    "null": lambda _: None,
    "timestamp": str,
}
