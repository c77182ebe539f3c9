"""What a worker process takes from itself before it loads a bot author's code. Standard library only.

Everywhere: no core dumps (they would hold visitors' words), a limit on memory if one is set, and death with the server.
On Linux with Landlock (5.13 and later): no way to the files under the *private* folders (database, keys, settings),
none to the memory and environment of processes outside, no signals to them (6.12 and later), no new privileges, and of
root's capabilities only the right to open files. Landlock has no list of what is forbidden, so everything beside the
private folders is allowed, level by level; a file that is made later in a folder on the way to them stays closed.
"""

import ctypes
import os
import resource
import signal
import struct
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG = 1
_PATH_BENEATH = 1
_SCOPE_SIGNAL = 1 << 1
_SCOPE_SIGNAL_SINCE = 6

_WRITE, _READ, _TRUNCATE = 1 << 1, 1 << 2, 1 << 14
_FOLDER_RIGHTS = sum(1 << bit for bit in range(4, 13))
"""Removing and making files of every kind."""
_TRUNCATE_SINCE = 3

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_CAPABILITY_VERSION = 0x20080522
_CAP_DAC_OVERRIDE = 1 << 1


def die_with_parent(parent: int) -> None:
    """End when the server ends, however it ends. Code that never yields would not read that the pipe is closed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def limit_resources(memory_mb: int | None) -> None:
    """No core dumps; address space up to `memory_mb` if given."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory_mb:
        resource.setrlimit(resource.RLIMIT_AS, (memory_mb << 20, memory_mb << 20))


def confine(private: Iterable[Path], needed: Iterable[Path]) -> bool:
    """Close the private folders and the processes outside; `needed` stay open. False: not possible on this machine."""
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    abi = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG))
    if abi < 1:
        return False
    files = _READ | _WRITE | (_TRUNCATE if abi >= _TRUNCATE_SINCE else 0)
    scope = _SCOPE_SIGNAL if abi >= _SCOPE_SIGNAL_SINCE else 0
    attributes = struct.pack("=QQQ", files | _FOLDER_RIGHTS, 0, scope)
    ruleset = libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
    if ruleset < 0:
        return False
    try:
        for path in (*_beside([folder.resolve() for folder in private]), *(folder.resolve() for folder in needed)):
            _allow(libc, ruleset, path, files)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        confined: bool = libc.syscall(_RESTRICT_SELF, ruleset, ctypes.c_uint32(0)) == 0
    finally:
        os.close(ruleset)
    _drop_capabilities(libc)
    return confined


def _beside(private: list[Path]) -> Iterator[Path]:
    """The fewest paths that cover everything but the private ones."""
    open_folders = {parent for folder in private for parent in folder.parents} - set(private)
    if not private:
        yield Path("/")
    for folder in sorted(open_folders):
        if any(folder.is_relative_to(closed) for closed in private):
            continue
        try:
            children = list(folder.iterdir())
        except OSError:
            continue
        yield from (child for child in children if child not in open_folders and child not in private)


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, files: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return  # gone, or not ours to open: then it is closed anyway
    try:
        if path.is_symlink():
            return  # where it leads is allowed by its own place, or it is not
        rights = files | (_FOLDER_RIGHTS if path.is_dir() else 0)
        rule = struct.pack("=Qi", rights, opened)
        libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, ctypes.c_uint32(0))
    finally:
        os.close(opened)


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    """Only root has any. Opening files is kept: a bot's folder may belong to somebody else."""
    if os.geteuid() != 0:
        return
    header = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITY_VERSION, 0))
    libc.capset(header, struct.pack("=6I", _CAP_DAC_OVERRIDE, _CAP_DAC_OVERRIDE, 0, 0, 0, 0))
