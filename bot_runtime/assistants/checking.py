"""Small questions that every reader asks of a piece of YAML, with the error said at the right line."""

from collections.abc import Collection, Iterator
from typing import Any

from bot_runtime.assistants.errors import Findings
from bot_runtime.assistants.yaml_reader import YamlList, YamlMap

_NAMES = {str: "text", bool: "true or false", list: "a list", dict: "a mapping"}


class Checker:
    """Asks, and reports what is wrong under the name of one file."""

    def __init__(self, file: str, findings: Findings) -> None:
        self.file = file
        self.findings = findings

    def error(self, line: int, message: str) -> None:
        self.findings.error(self.file, line, message)

    def warn(self, line: int, message: str) -> None:
        self.findings.warn(self.file, line, message)

    def has(self, holder: YamlMap, key: str, kind: type, what: str) -> bool:
        """Whether `holder[key]` is there and is a `kind`; what is there and is something else is an error."""
        value = holder.get(key)
        if value is None:
            return False
        if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
            return True
        hint = "; put it in quotes" if kind is str and not isinstance(value, dict | list) else ""
        self.error(holder.line_of(key), f"`{key}` of {what} must be {_NAMES[kind]}{hint}.")
        return False

    def number(self, holder: YamlMap, key: str, what: str) -> bool:
        """Whether `holder[key]` is there and is a number; anything else there is an error."""
        value = holder.get(key)
        if value is None:
            return False
        if isinstance(value, int | float) and not isinstance(value, bool):
            return True
        self.error(holder.line_of(key), f"`{key}` of {what} must be a number.")
        return False

    def only(self, holder: YamlMap, known: Collection[str], what: str) -> None:
        """Every key of `holder` that is not known is an error."""
        for key in holder:
            if key not in known:
                self.error(holder.line_of(key), f"`{key}` is not known in {what}.")

    def section(self, document: YamlMap, key: str, kind: type) -> Any:
        """A top-level section that is empty when it is missing or null; a wrong kind is an error and reads as empty."""
        empty: Any = YamlMap(document.line_of(key)) if kind is dict else YamlList(document.line_of(key))
        return document[key] if self.has(document, key, kind, "the file") else empty

    def words(self, holder: YamlMap, key: str, what: str) -> list[str]:
        """`holder[key]` as a list of texts; one text counts as a list of one."""
        value = holder.get(key)
        if value is None:
            return []
        items = value if isinstance(value, list) else [value]
        if not all(isinstance(item, str) for item in items):
            self.error(holder.line_of(key), f"`{key}` of {what} must be a list of names.")
            return []
        return list(items)


def lined(items: YamlList) -> Iterator[tuple[Any, int]]:
    """The items with their lines."""
    return zip(items, items.lines, strict=True)
