"""Which files a bot takes from visitors and agents (PS-8): none, pictures, all known kinds but some classes, or a list.

The answer is given on the server, from content, extension and declared type together; see `foundation.files.kinds`.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Literal, cast, get_args

import msgspec

from foundation.errors import Forbidden, Invalid, UnsupportedMedia
from foundation.files.images import NotClean, cleaned
from foundation.files.kinds import CLASSES, INLINE, KINDS, Class, Kind, agreed, clean_name, extension_of, unlisted

Mode = Literal["off", "images", "block", "list"]

MODES: Mapping[Mode, str] = {
    "off": "No files",
    "images": "Pictures only",
    "block": "Files of known kinds, except",
    "list": "These extensions only",
}
BLOCKABLE: Sequence[Class] = ("archives", "executables", "scripts", "documents")
USUALLY_BLOCKED: tuple[str, ...] = ("archives", "executables", "scripts")

_EXTENSION = re.compile(r"[a-z0-9]{1,12}\Z")
_MOST = 100
_DISAGREE = "This is not the kind of file that its name says, or not one that is taken here. Nothing was kept."


class Admitted(msgspec.Struct, frozen=True):
    """A file that may be kept: its name, what it is served as, and its content, a picture's without hidden parts."""

    name: str
    media: str
    content: bytes


class FilePolicy(msgspec.Struct, frozen=True):
    """What a bot takes. `blocked` counts in the mode `block`, `listed` (extensions) in the mode `list`."""

    mode: Mode = "off"
    blocked: tuple[str, ...] = USUALLY_BLOCKED
    listed: tuple[str, ...] = ()

    @property
    def accepts(self) -> str:
        """For the file chooser of a browser (`accept`); only a help, the server decides. Empty when it cannot be said."""
        if self.mode == "images":
            return ",".join(sorted(INLINE))
        return ",".join(f".{one}" for one in self.listed) if self.mode == "list" else ""

    def require_any(self) -> None:
        """Raise `Forbidden` when no files are taken at all."""
        if self.mode == "off":
            raise Forbidden("This chat does not take files.")

    def admit(self, name: str, declared: str, content: bytes) -> Admitted:
        """The file as it may be kept. Blocks for some milliseconds a megabyte. Raises `Forbidden` when no files are
        taken, `UnsupportedMedia` for one that is not, `Invalid` for a picture that cannot be opened safely."""
        self.require_any()
        kept = clean_name(name)
        if not kept or not content:
            raise UnsupportedMedia("A file needs a name and something in it. Nothing was kept.")
        kind = agreed(kept, declared, content) or self._unlisted(kept, content)
        if kind is None or not self._takes(kept, kind):
            raise UnsupportedMedia(_DISAGREE)
        if kind.group != "images":
            return Admitted(kept, kind.media, content)
        try:
            return Admitted(kept, kind.media, cleaned(kind.media, content))
        except NotClean as refusal:
            raise Invalid(f"{refusal} Nothing was kept.", field="file") from None

    def _unlisted(self, name: str, content: bytes) -> Kind | None:
        return unlisted(name, content) if self.mode == "list" else None

    def _takes(self, name: str, kind: Kind) -> bool:
        if self.mode == "images":
            return kind.group == "images"
        if self.mode == "list":
            return extension_of(name) in self.listed
        return self.mode == "block" and kind.group not in self.blocked


def read_mode(value: str) -> Mode:
    """Raises `Invalid`."""
    if value not in get_args(Mode):
        raise Invalid("Choose which files are taken.", field="files")
    return cast("Mode", value)


def read_blocked(value: Sequence[str]) -> tuple[str, ...]:
    """Classes in their order, each once. Raises `Invalid`."""
    if not set(value) <= set(BLOCKABLE):
        raise Invalid("There is no such class of files.", field="files_blocked")
    return tuple(one for one in BLOCKABLE if one in value)


def read_listed(value: Sequence[str]) -> tuple[str, ...]:
    """Extensions, with or without their dot. Raises `Invalid`."""
    found = tuple(dict.fromkeys(one.strip().lower().removeprefix(".") for one in value if one.strip()))
    if len(found) > _MOST or not all(_EXTENSION.match(one) for one in found):
        raise Invalid(f"Extensions look like pdf or .docx; at most {_MOST} of them.", field="files_listed")
    return found


__all__ = [
    "BLOCKABLE",
    "CLASSES",
    "KINDS",
    "MODES",
    "Admitted",
    "FilePolicy",
    "read_blocked",
    "read_listed",
    "read_mode",
]
