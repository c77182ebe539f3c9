"""YA-18: visitors have pseudonyms in analytics views."""

from foundation.keys import Keyring
from transcripts import Pseudonyms


async def test_YA_18_a_pseudonym_stays_within_an_account_and_tells_nothing_outside(keyring: Keyring) -> None:
    names = Pseudonyms(keyring)
    jane = await names.of("blue", "hash-of-jane")
    assert jane == await names.of("blue", "hash-of-jane")
    assert len({jane, await names.of("blue", "hash-of-max"), await names.of("red", "hash-of-jane")}) == 3
    assert jane.startswith("Visitor ")
    assert len(jane) == 16
    assert "jane" not in jane
