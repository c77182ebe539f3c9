"""Checks an unpacked case: every item is there, unchanged, and what the installation signed. Standard library only.

    age --decrypt -i key.txt case.tar.age | tar x -C case
    python3 -I case/verify.py case --key PUBLIC_KEY

PUBLIC_KEY is the hex key that the operator told you by another way (it stands on the page Escrow). Without it the check
still says whether the items are those of the manifest, but not who made them. This copy came with the case: to be sure
of it too, use one from the program's own source. Exit code 0: whole. 1: something was changed, is missing or was added.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Point = tuple[int, int, int, int]

OURS = ("manifest.jsonl", "seal.json", "seal.sig", "verify.py")

# Ed25519 (RFC 8032, 5.1) over the integers.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def recover_x(y: int, sign: int) -> int | None:
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    return P - x if x % 2 != sign else x


def add(one: Point, two: Point) -> Point:
    a = (one[1] - one[0]) * (two[1] - two[0]) % P
    b = (one[1] + one[0]) * (two[1] + two[0]) % P
    c = 2 * one[3] * two[3] * D % P
    d = 2 * one[2] * two[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(number: int, point: Point) -> Point:
    result = (0, 1, 1, 0)
    while number:
        if number & 1:
            result = add(result, point)
        point = add(point, point)
        number >>= 1
    return result


def point_of(raw: bytes) -> Point | None:
    y = int.from_bytes(raw, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    x = recover_x(y, sign) if y < P else None
    return None if x is None else (x, y, 1, x * y % P)


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = recover_x(BASE_Y, 0) or 0
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def is_signed(message: bytes, signature: bytes, public: bytes) -> bool:
    """Whether the signature is the key's (cofactorless, as RFC 8032 allows)."""
    if len(signature) != 64 or len(public) != 32:
        return False
    key, r = point_of(public), point_of(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if key is None or r is None or s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    left, right = times(s, BASE), add(r, times(h, key))
    return not ((left[0] * right[2] - right[0] * left[2]) % P or (left[1] * right[2] - right[1] * left[2]) % P)


def merkle_root(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + merkle_root(leaves[:half]) + merkle_root(leaves[half:])).digest()


def files_in(folder: Path) -> dict[str, Path]:
    """Every name in the folder; a link counts as a name of its own and is never followed."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_dir():
            found[path.relative_to(folder).as_posix()] = path
    return found


def check_seal(folder: Path, key: str) -> tuple[dict[str, Any], list[str]]:
    """The seal, or what is wrong with it."""
    raw = (folder / "seal.json").read_bytes()
    seal = json.loads(raw)
    if not isinstance(seal, dict):
        raise TypeError("the seal is no object")
    public = bytes.fromhex(key or seal["public_key"])
    faults = []
    if key and seal["public_key"] != key.lower():
        faults.append("seal.json: it names another key than yours")
    signature = bytes.fromhex((folder / "seal.sig").read_text("ascii").strip())
    if not is_signed(b"frontdesk escrow\n" + raw, signature, public):
        faults.append("seal.json: the signature is not that of the key")
    return seal, faults


def check_items(folder: Path, seal: dict[str, Any]) -> list[str]:
    """What is wrong with the manifest and with each item."""
    manifest = (folder / "manifest.jsonl").read_bytes()
    lines = manifest.splitlines()
    faults = []
    if hashlib.sha256(manifest).hexdigest() != seal["manifest_sha256"]:
        faults.append("manifest.jsonl: changed")
    elif merkle_root([hashlib.sha256(b"\x00" + line).digest() for line in lines]).hex() != seal["root"]:
        faults.append("manifest.jsonl: it does not lead to the signed root")
    items = [json.loads(line) for line in lines]
    there = files_in(folder)
    for item in items:
        path = there.pop(item["name"], None)
        if path is None or path.is_symlink():
            faults.append(item["name"] + ": missing")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != item["sha256"]:
            faults.append(item["name"] + ": changed")
    faults += [name + ": added" for name in there if name not in OURS]
    if len(items) != seal["items"]:
        faults.append("manifest.jsonl: it has another number of items than was signed")
    return faults


def check(folder: Path, key: str = "") -> tuple[list[str], dict[str, Any]]:
    """(what is wrong, the seal)"""
    try:
        seal, faults = check_seal(folder, key)
        return faults + check_items(folder, seal), seal
    except (OSError, ValueError, KeyError, TypeError) as error:
        return [f"the case cannot be read: {type(error).__name__}: {error}"], {}


def main() -> int:
    parser = argparse.ArgumentParser(description="Check an unpacked case.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent)
    parser.add_argument("--key", default="", help="the public key of the installation, 64 hex digits")
    asked = parser.parse_args()
    faults, seal = check(asked.folder, asked.key)
    for fault in faults:
        print(fault)
    if faults:
        return 1
    print(f"Whole: {seal['items']} items of case {seal['case']}, root {seal['root']}.")
    if not asked.key:
        print(f"Signed by {seal['public_key']}. Compare this key with the operator's.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
