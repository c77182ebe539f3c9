"""Merkle trees against the vectors of RFC 6962's reference implementation (G-2), and canonical JSON (RFC 8785)."""

import pytest

from transcripts.escrow import merkle, verify
from transcripts.escrow.canonical import canonical

LEAVES = [
    bytes.fromhex(one)
    for one in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
"""From certificate-transparency's merkle tree tests."""


@pytest.mark.parametrize("size", ROOTS)
def test_G_2_roots(size: int) -> None:
    assert merkle.root(LEAVES[:size]).hex() == ROOTS[size]
    assert verify.merkle_root([merkle.leaf_hash(leaf) for leaf in LEAVES[:size]]).hex() == ROOTS[size]


def test_G_2_inclusion_proofs() -> None:
    assert [one.hex() for one in merkle.inclusion_proof(LEAVES, 0)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    for size in range(1, 9):
        for place in range(size):
            proof = merkle.inclusion_proof(LEAVES[:size], place)
            assert merkle.root_of_inclusion(LEAVES[place], place, size, proof).hex() == ROOTS[size]
            assert merkle.root_of_inclusion(b"another", place, size, proof).hex() != ROOTS[size]
            with pytest.raises(ValueError, match="too long"):
                merkle.root_of_inclusion(LEAVES[place], place, size, [*proof, bytes(32)])
            if proof:
                with pytest.raises(ValueError, match="too short"):
                    merkle.root_of_inclusion(LEAVES[place], place, size, proof[:-1])


def test_G_2_consistency_proofs() -> None:
    assert [one.hex() for one in merkle.consistency_proof(LEAVES, 1)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    assert [one.hex() for one in merkle.consistency_proof(LEAVES, 6)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
    assert merkle.consistency_proof(LEAVES, 8) == merkle.consistency_proof(LEAVES, 0) == []


def test_canonical_json_is_that_of_RFC_8785() -> None:
    value = {"€": 1, "\r": 2, "\ufb33": 3, "1": [True, None], "😀": "\u2028<", "\u0080": -5, "ö": {}}
    assert canonical(value) == '{"\\r":2,"1":[true,null],"\u0080":-5,"ö":{},"€":1,"😀":"\u2028<","\ufb33":3}'.encode()
    for bad in (1.5, 2**53, {1: 2}, b"x", {"a": {2}}):
        with pytest.raises(TypeError):
            canonical(bad)


RFC_8032 = [
    ("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     ("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
     "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b")),
    ("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     ("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
     "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")),
]  # fmt: skip


@pytest.mark.parametrize(("key", "message", "signature"), RFC_8032)
def test_the_verifier_checks_ed25519_as_RFC_8032_does(key: str, message: str, signature: str) -> None:
    said, sealed, public = bytes.fromhex(message), bytes.fromhex(signature), bytes.fromhex(key)
    assert verify.is_signed(said, sealed, public)
    assert not verify.is_signed(said + b"x", sealed, public)
    for place in (0, 31, 32, 63):
        changed = bytearray(sealed)
        changed[place] ^= 1
        assert not verify.is_signed(said, bytes(changed), public)
    larger = int.from_bytes(sealed[32:], "little") + verify.L
    assert not verify.is_signed(said, sealed[:32] + larger.to_bytes(32, "little"), public), "malleable"
    assert not verify.is_signed(said, sealed, b"\xff" * 32)
    assert not verify.is_signed(said, sealed[:-1], public)
