"""Merkle trees as in RFC 6962, section 2.1: the root over a list, and proofs that something is in it or that it only grew.

A leaf is hashed after a zero byte and a node after a one, so that no node can be passed off as a leaf.
"""

import hashlib
from collections.abc import Sequence


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def root(entries: Sequence[bytes]) -> bytes:
    """MTH of the list; of the empty list the hash of nothing."""
    return _root([leaf_hash(entry) for entry in entries])


def inclusion_proof(entries: Sequence[bytes], place: int) -> list[bytes]:
    """PATH(place, entries): with the leaf it gives the root."""
    return _path([leaf_hash(entry) for entry in entries], place)


def root_of_inclusion(entry: bytes, place: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root that the proof leads to (RFC 9162, 2.1.3.2). Raises `ValueError` when it has the wrong length."""
    node, last, found = place, size - 1, leaf_hash(entry)
    for one in proof:
        if last == 0 or not 0 <= place < size:
            raise ValueError("the proof is too long")
        if node % 2 or node == last:
            found = _node(one, found)
            while not node % 2 and node:
                node, last = node // 2, last // 2
        else:
            found = _node(found, one)
        node, last = node // 2, last // 2
    if last or not 0 <= place < size:
        raise ValueError("the proof is too short")
    return found


def consistency_proof(entries: Sequence[bytes], first: int) -> list[bytes]:
    """PROOF(first, entries): that the tree of the first ones is the beginning of this one."""
    leaves = [leaf_hash(entry) for entry in entries]
    return _subproof(leaves, first, whole=True) if 0 < first < len(leaves) else []


def _root(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    half = _half(len(leaves))
    return _node(_root(leaves[:half]), _root(leaves[half:]))


def _path(leaves: Sequence[bytes], place: int) -> list[bytes]:
    if len(leaves) == 1:
        return []
    half = _half(len(leaves))
    if place < half:
        return [*_path(leaves[:half], place), _root(leaves[half:])]
    return [*_path(leaves[half:], place - half), _root(leaves[:half])]


def _subproof(leaves: Sequence[bytes], first: int, *, whole: bool) -> list[bytes]:
    if first == len(leaves):
        return [] if whole else [_root(leaves)]
    half = _half(len(leaves))
    if first <= half:
        return [*_subproof(leaves[:half], first, whole=whole), _root(leaves[half:])]
    return [*_subproof(leaves[half:], first - half, whole=False), _root(leaves[:half])]


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _half(count: int) -> int:
    """The largest power of two below it."""
    return 1 << (count - 1).bit_length() - 1
