"""MS-1, MS-2, MS-3: the notice, and the evidence that it was accepted or taken back."""

import hashlib

import pytest

from foundation.clock import ManualClock
from foundation.errors import Conflict, NotFound
from foundation.ids import new_id
from foundation.keys import Keyring
from foundation.records import MemoryEngine
from tests.transcripts.house import House
from transcripts import Consents
from transcripts.notices import LANGUAGES, compose

VISITOR = "hash-of-a-device-secret"


@pytest.fixture
def consents(house: House, engine: MemoryEngine, keyring: Keyring, clock: ManualClock) -> Consents:
    return Consents(engine, keyring, clock, house.admin.accounts, house.admin.bots)


@pytest.fixture
def blue(house: House) -> str:
    return house.accounts["blue"]


@pytest.fixture
def shop(house: House) -> str:
    return house.bots["shop"].id


@pytest.mark.parametrize("locale", LANGUAGES)
def test_MS_1_the_notice_names_who_what_and_what_for(locale: str) -> None:
    text = compose(controller="Blue Ltd", bot="Shop bot", locale=locale).text
    wanted = {
        "en": ("Blue Ltd", "Shop bot", "computer program", "name or alias", "e-mail address", "network address",
               "What for", "How long", "correct", "delete", "take this consent back", "authority", "other ways"),
        "de": ("Blue Ltd", "Shop bot", "Computerprogramm", "Namen oder ein Pseudonym", "E-Mail-Adresse", "Netzadresse",
               "Wozu", "Wie lange", "Berichtigung", "Löschung", "widerrufen", "behörde", "anderen Wegen"),
    }  # fmt: skip
    for part in wanted[locale]:
        assert part in text, part


def test_MS_5_a_notice_is_named_by_its_exact_text() -> None:
    one = compose(controller="Blue Ltd", bot="Shop bot", locale="en")
    assert one.hash == hashlib.sha256(one.text.encode()).hexdigest()
    assert one == compose(controller="Blue Ltd", bot="Shop bot", locale="en")
    others = [
        compose(controller="Blue Ltd.", bot="Shop bot", locale="en"),
        compose(controller="Blue Ltd", bot="Shop bot", locale="de"),
        compose(controller="Blue Ltd", bot="Shop bot", locale="en", days=180),
    ]
    assert len({one.version, *(other.version for other in others)}) == 4
    assert "180 days" in others[2].text


@pytest.mark.parametrize(
    ("locale", "language"),
    [("de-AT", "de"), ("DE_de", "de"), ("en-GB", "en"), ("fr", "en"), ("", "en"), ("x" * 50, "en")],
)
def test_the_notice_is_in_a_language_that_we_speak(locale: str, language: str) -> None:
    assert compose(controller="B", bot="b", locale=locale).locale == language


def test_X_13_a_name_is_only_a_name() -> None:
    text = compose(controller="{bot}{0.__class__}%s", bot="{controller}", locale="en").text
    assert "{bot}{0.__class__}%s" in text
    assert "{controller}" in text


async def test_MS_3_a_consent_is_kept_with_the_exact_text(
    consents: Consents, blue: str, shop: str, clock: ManualClock
) -> None:
    notice = await consents.notice(blue, shop, "de-DE")
    given = await consents.give(
        blue, shop, visitor=VISITOR, conversation="c", version=notice.version, page="https://shop.example/"
    )
    assert (given.version, given.hash, given.text, given.locale) == (notice.version, notice.hash, notice.text, "de")
    assert (given.at, given.page, given.method, given.bot) == (clock.now(), "https://shop.example/", "button", shop)
    assert given.purposes == notice.purposes
    assert list(await consents.of(blue, "c")) == [given]
    assert list(await consents.of_visitor(blue, VISITOR)) == [given]


@pytest.mark.parametrize("version", ["", "en-0000000000000000", "{'$ne': null}"])
async def test_MS_3_what_was_not_shown_is_not_consented_to(
    consents: Consents, blue: str, shop: str, version: str
) -> None:
    with pytest.raises(Conflict, match="read it again"):
        await consents.give(blue, shop, visitor=VISITOR, conversation="c", version=version)
    assert list(await consents.of(blue, "c")) == []


async def test_D_19_a_notice_that_changed_after_it_was_shown_is_not_accepted(
    consents: Consents, house: House, blue: str, shop: str
) -> None:
    shown = await consents.notice(blue, shop, "en")
    await house.admin.bots.change(blue, shop, name="Another name")
    with pytest.raises(Conflict):
        await consents.give(blue, shop, visitor=VISITOR, conversation="c", version=shown.version)


async def test_MS_3_a_withdrawal_is_a_record_of_its_own(
    consents: Consents, blue: str, shop: str, clock: ManualClock
) -> None:
    notice = await consents.notice(blue, shop, "en")
    given = await consents.give(blue, shop, visitor=VISITOR, conversation="c", version=notice.version)
    await clock.advance(1_000)
    withdrawn = await consents.withdraw(blue, given.id, visitor=VISITOR)
    assert (withdrawn.withdraws, withdrawn.hash, withdrawn.at) == (given.id, given.hash, clock.now())
    assert list(await consents.of(blue, "c")) == [given, withdrawn]


async def test_M_2_nobody_withdraws_for_another(consents: Consents, house: House, blue: str, shop: str) -> None:
    notice = await consents.notice(blue, shop, "en")
    given = await consents.give(blue, shop, visitor=VISITOR, conversation="c", version=notice.version)
    for account, record, visitor in (
        (blue, given.id, "somebody else"),
        (blue, new_id(), VISITOR),
        (house.accounts["red"], given.id, VISITOR),
    ):
        with pytest.raises(NotFound):
            await consents.withdraw(account, record, visitor=visitor)
    assert len(await consents.of(blue, "c")) == 1


async def test_M_1_another_accounts_bot_has_no_notice(consents: Consents, house: House, shop: str) -> None:
    with pytest.raises(NotFound):
        await consents.notice(house.accounts["red"], shop, "en")


async def test_MS_3_evidence_outlives_the_conversation_and_tells_nothing_to_a_thief(
    consents: Consents, house: House, engine: MemoryEngine, blue: str, shop: str
) -> None:
    notice = await consents.notice(blue, shop, "en")
    given = await consents.give(blue, shop, visitor=VISITOR, conversation=house.chat, version=notice.version)
    await house.conversations.erase(blue, house.chat)
    assert list(await consents.of(blue, house.chat)) == [given]
    stored = repr(engine._rows["consent_record"])
    assert VISITOR not in stored
    assert notice.text[:40] not in stored


def test_MS_3_there_is_no_way_to_change_or_remove_evidence() -> None:
    public = {name for name in vars(Consents) if not name.startswith("_")}
    assert public == {
        "notice", "as_read", "current", "give", "refuse", "withdraw", "of", "of_visitor", "last_word", "standing", "log",
        "pseudonymise",  # an erasure takes the page only
    }  # fmt: skip
