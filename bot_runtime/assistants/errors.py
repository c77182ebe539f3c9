"""What can be wrong with a project, said so that its author finds the place: file, line, sentence.

A load looks at every file before it gives up, so `LoadFailed` carries all errors at once. Warnings never stop a load:
they name what is accepted but not honoured.
"""

import msgspec


class Finding(msgspec.Struct, frozen=True, order=True):
    """Something found in a project's file. `file` is relative to the project, `line` counts from 1."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class AssistantError(Finding, frozen=True, order=True):
    """The project cannot be used until this is put right."""


class AssistantWarning(Finding, frozen=True, order=True):
    """The project can be used; this part of it will not do what its author may expect."""


class LoadFailed(Exception):  # noqa: N818 - what happened, in the words of the caller
    """A project was refused. `errors` has every reason, its text one line each: `path:line: sentence`."""

    def __init__(self, errors: tuple[AssistantError, ...]) -> None:
        super().__init__("\n".join(str(error) for error in errors))
        self.errors = errors


class Findings:
    """Collects errors and warnings while a project is read."""

    def __init__(self) -> None:
        self.errors: list[AssistantError] = []
        self.warnings: list[AssistantWarning] = []

    def error(self, file: str, line: int, message: str) -> None:
        self.errors.append(AssistantError(file, line, message))

    def warn(self, file: str, line: int, message: str) -> None:
        self.warnings.append(AssistantWarning(file, line, message))

    def raise_if_any(self) -> None:
        """Raise `LoadFailed` with all errors in the order of files and lines, if there are any."""
        if self.errors:
            raise LoadFailed(tuple(sorted(set(self.errors))))
