"""D-15, D-16: an address is one plain mailbox or it is refused."""

import pytest

from foundation.errors import Invalid
from transcripts.addresses import MAX_ADDRESS, normal_address, same_mailbox


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("jane@example.org", "jane@example.org"),
        ("  jane@example.org ", "jane@example.org"),
        ("Jane.Doe+chat@EXAMPLE.org", "Jane.Doe+chat@example.org"),
        ("jane@bücher.example.org", "jane@xn--bcher-kva.example.org"),
        ("o'neil@example.org", "o'neil@example.org"),
    ],
)
def test_a_plain_mailbox_is_kept_as_typed_with_its_domain_in_lower_case(typed: str, kept: str) -> None:
    assert normal_address(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "jane",
        "@example.org",
        "jane@",
        "jane@localhost",
        "jane@example",
        "jane@@example.org",
        "jane@exam ple.org",
        "alice@example.org]<bob@evil.org>",
        "Jane <jane@example.org>",
        '"jane"@example.org',
        "jane@[127.0.0.1]",
        "jane(comment)@example.org",
        "jane@example.org,bob@evil.org",
        "jane@example.org;bob@evil.org",
        "jane@example.org\r\nBcc: bob@evil.org",
        "jane@example.org\n",
        "\tjane@example.org",
        "ja\0ne@example.org",
        "jäne@example.org",
        "j\u202eane@example.org",
        ".jane@example.org",
        "jane..doe@example.org",
        "jane@-example.org",
        "jane@example..org",
        f"{'j' * 65}@example.org",
        f"jane@{'e' * 250}.org",
        "{{7*7}}@{{7*7}}",
    ],
)
def test_D_16_anything_else_is_refused_with_one_sentence(typed: str) -> None:
    with pytest.raises(Invalid) as refusal:
        normal_address(typed)
    assert refusal.value.data["field"] == "address"
    assert refusal.value.detail.endswith(".")


def test_an_address_has_254_characters_at_most() -> None:
    domain = ".".join(["e" * 62] * 3) + ".org"
    longest = f"{'j' * (MAX_ADDRESS - len(domain) - 1)}@{domain}"
    assert normal_address(longest[-MAX_ADDRESS:]) == longest
    with pytest.raises(Invalid):
        normal_address(f"j{longest}")


def test_letter_case_does_not_make_another_mailbox() -> None:
    assert same_mailbox("Jane@example.org") == same_mailbox("jane@example.org")
