"""Search over sealed transcripts: what is found, what is not, for whom (SECURITY 3.2; mission: full text over sealed)."""

import asyncio
import re
import unicodedata
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from admin import Principal
from foundation.clock import DAY, ManualClock
from foundation.errors import Invalid, Malformed
from foundation.keys import Keyring
from foundation.records import Batch, MemoryEngine
from handoff.sight import may_see
from transcripts import Access, Contacts, Conversations
from transcripts.control import change
from transcripts.events import EmailSupplied, EmailVerified, MessageSent, NameGiven, NoteWritten, Tagged
from transcripts.search import Found, Search, parse
from transcripts.search.folding import fold, fold_with_places
from transcripts.search.matching import Matcher
from transcripts.search.scan import PAGE, End

ACCOUNT = "blue"


def person(role: str = "super_admin", *bots: str, name: str = "olga", account: str = ACCOUNT) -> Principal:
    return Principal(
        account=account,
        person=name,
        name=name.title(),
        email=f"{name}@house.example",
        role=role,  # type: ignore[arg-type]
        session="s",
        bots=None if role in {"super_admin", "admin"} else frozenset(bots),
    )


class Archive:
    """Conversations to be searched."""

    def __init__(
        self, engine: MemoryEngine, keyring: Keyring, conversations: Conversations, clock: ManualClock
    ) -> None:
        self.engine, self.conversations, self.clock = engine, conversations, clock
        self.contacts = Contacts(engine, keyring, clock)
        self.search = Search(
            engine,
            keyring,
            clock,
            conversations=conversations,
            contacts=self.contacts,
            access=Access(conversations),
            sight=may_see,
        )

    async def chat(self, *texts: str, bot: str = "shop", account: str = ACCOUNT, by: str = "visitor") -> str:
        made = await self.conversations.open(account, bot, visitor="browser")
        await self.add(made, *(self.said(text, by=by) for text in texts), account=account)
        return made

    def said(self, text: str, by: str = "visitor", name: str = "") -> MessageSent:
        return MessageSent(at=self.clock.now(), by=by, text=text, author_name=name)  # type: ignore[arg-type]

    async def add(self, chat: str, *events: Any, account: str = ACCOUNT) -> None:
        if events:
            await self.conversations.update(account, chat, lambda _: list(events))

    async def all(self, query: str, who: Principal | None = None, **options: Any) -> list[Any]:
        return [one async for one in self.search.run(who or person(), parse(query), **options)]

    async def found(self, query: str, who: Principal | None = None) -> list[Found]:
        return [one for one in await self.all(query, who) if isinstance(one, Found)]

    async def ids(self, query: str, who: Principal | None = None) -> set[str]:
        return {one.state.id for one in await self.found(query, who)}


@pytest.fixture
def archive(engine: MemoryEngine, keyring: Keyring, conversations: Conversations, clock: ManualClock) -> Archive:
    return Archive(engine, keyring, conversations, clock)


SENTENCE = "My refunds for the order Müller-2041 never came"


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("refunds", True),
        ("REFUNDS", True),
        ("refund", False),
        ("refund*", True),
        ("*fund*", True),
        ("*funds", True),
        ("*fund", False),
        ("muller", True),
        ("Müller", True),
        ('"the order"', True),
        ('"order the"', False),
        ('"order muller 2041"', True),
        ("order refunds", True),
        ("order invoice", False),
        ("order -invoice", True),
        ("order -never", False),
        ("2041", True),
        ("muller-2041", True),
    ],
)
async def test_words_phrases_and_parts(archive: Archive, query: str, is_found: bool) -> None:
    chat = await archive.chat("Hello", SENTENCE)
    await archive.chat("Something else")
    assert await archive.ids(query) == ({chat} if is_found else set())


async def test_all_words_stand_in_one_message(archive: Archive) -> None:
    await archive.chat("my order", "the invoice")
    both = await archive.chat("the invoice of my order")
    assert await archive.ids("order invoice") == {both}


async def test_a_finding_shows_where_and_how_often(archive: Archive) -> None:
    chat = await archive.chat(*(f"{'before ' * 20}the Canary sang, number {n}" for n in range(5)))
    [found] = await archive.found("canary")
    assert (found.state.id, found.count, len(found.snippets)) == (chat, 5, 3)
    pieces = found.snippets[0].pieces
    assert [text for text, hit in pieces if hit] == ["Canary"]
    assert pieces[0] == ("…", False)
    assert len("".join(text for text, _ in pieces)) <= 242


async def test_filters_of_the_speaker_and_the_conversation(archive: Archive) -> None:
    clock = archive.clock
    spoken = await archive.chat("the bill")
    await archive.add(
        spoken,
        archive.said("the bill, says the agent", by="agent", name="Anna Agent"),
        NoteWritten(at=clock.now(), author="p", author_name="Bert", text="about the bill: pays late"),
        NameGiven(at=clock.now(), name="Jané Doe"),
        Tagged(at=clock.now(), tags=("billing", "slow payer"), author="p"),
        EmailSupplied(at=clock.now(), contact="c", address="jane@x.example", by="visitor", outcome="new"),
        EmailVerified(at=clock.now(), contact="c", method="code"),
    )
    other = await archive.chat("the bill")
    assert await archive.ids("bill") == {spoken, other}
    for query in (
        "from:agent bill",
        "from:anna bill",
        "from:note late",
        "from:bert late",
        "tag:billing",
        'tag:"Slow  Payer" tag:billing',
        "name:jane",
        "is:verified bill",
        "tag:billing bill",
    ):
        assert await archive.ids(query) == {spoken}, query
    for query in ("from:bot bill", "from:bert says", "tag:billing tag:quick", "name:june", "is:closed bill"):
        assert await archive.ids(query) == set(), query
    assert await archive.ids("is:open bill") == {spoken, other}


async def test_an_address_is_found_exactly_and_only_in_its_account(archive: Archive) -> None:
    supplied = await archive.contacts.supply(ACCOUNT, "jane@x.example", "visitor")
    chat = await archive.chat("hello")
    given = EmailSupplied(
        at=archive.clock.now(), contact=supplied.contact, address="jane@x.example", by="visitor", outcome="new"
    )
    await archive.add(chat, given)
    await archive.chat("jane@x.example is my friend")
    assert await archive.ids("email:Jane@X.example") == {chat}
    assert await archive.ids("email:jane@x.exampl") == set()
    assert await archive.ids("email:jane@x.example", person(account="red")) == set()


async def test_days_mean_the_message(archive: Archive) -> None:
    clock = archive.clock
    chat = await archive.chat("the early word")
    early = clock.now()
    await clock.advance(10 * DAY)
    await archive.add(chat, archive.said("the late word"))

    def day(at: int) -> str:
        return datetime.fromtimestamp(at / 1000, UTC).date().isoformat()

    first, last = day(early), day(clock.now())
    assert await archive.ids(f"early on:{first}") == {chat}
    assert await archive.ids(f"early after:{last}") == set()
    assert await archive.ids(f"late after:{last}") == {chat}
    assert await archive.ids(f"late before:{first}") == set()
    assert await archive.ids(f"word after:{first} before:{last}") == {chat}


async def test_M_13_a_search_finds_only_what_the_searcher_may_see(archive: Archive) -> None:
    """YA-24: an agent his own and the queue of his bots, a supervisor his bots, an admin all, an auditor nothing."""
    clock = archive.clock
    queued = await archive.chat("canary in the queue")
    asked = change(
        await archive.conversations.state(ACCOUNT, queued),
        "queue",
        reason="handoff_requested",
        actor="visitor",
        at=clock.now(),
    )
    await archive.add(queued, asked)
    with_bot = await archive.chat("canary with the bot")
    foreign = await archive.chat("canary of another bot", bot="desk")
    await archive.chat("canary of another account", account="red")
    assert await archive.ids("canary", person("admin")) == {queued, with_bot, foreign}
    assert await archive.ids("canary", person("supervisor", "shop")) == {queued, with_bot}
    assert await archive.ids("canary", person("agent", "shop", name="ann")) == {queued}
    assert await archive.ids("canary", person("agent", name="bob")) == set()
    assert await archive.ids("canary", person("auditor")) == set()


async def test_E_1_what_was_erased_is_not_found(archive: Archive) -> None:
    chat, kept = await archive.chat("canary"), await archive.chat("canary")
    assert await archive.ids("canary") == {chat, kept}
    await archive.conversations.erase(ACCOUNT, chat)
    assert await archive.ids("canary") == {kept}


async def test_a_damaged_conversation_is_counted_and_the_others_are_found(
    archive: Archive, engine: MemoryEngine
) -> None:
    kept, broken = await archive.chat("canary"), await archive.chat("canary")
    name = f"conversation/{len(ACCOUNT)}/{ACCOUNT}/{broken}"
    whole = await engine.read(name)
    await engine.delete_log(name)
    for batch in whole:
        await engine.append(
            name, Batch(batch.first, batch.count, batch.key, batch.body[:-1] + bytes([batch.body[-1] ^ 1]))
        )
    answers = await archive.all("canary")
    assert {one.state.id for one in answers if isinstance(one, Found)} == {kept}
    end = answers[-1]
    assert isinstance(end, End)
    assert (end.unreadable, end.next) == (1, None)


async def test_a_long_search_goes_on_where_it_stopped_and_misses_nothing(archive: Archive) -> None:
    chats = set()
    for number in range(PAGE * 2 + 5):
        chats.add(await archive.chat(f"canary {number}"))
        await archive.clock.advance(1)
    found: list[str] = []
    after = None
    rounds = 0
    while True:
        answers = await archive.all("canary", after=after, most=1)
        found += [one.state.id for one in answers if isinstance(one, Found)]
        rounds, after = rounds + 1, answers[-1].next
        if after is None:
            break
    assert rounds == 3
    assert (set(found), len(found)) == (chats, len(chats))
    with pytest.raises(Malformed):
        await archive.all("canary", after="forged")


async def test_a_search_drives_no_conversation_and_no_key_out_of_the_memory(
    archive: Archive, keyring: Keyring, engine: MemoryEngine, signals: Any, clock: ManualClock
) -> None:
    await asyncio.gather(*(archive.chat("canary") for _ in range(20)))
    fresh = Conversations(engine, keyring, signals, clock)
    before = (await keyring.describe()).in_memory
    archive.conversations = fresh
    assert len(await archive.found("canary")) == 20
    assert (await keyring.describe()).in_memory == before


@pytest.mark.parametrize(
    "query",
    [
        "",
        "   ",
        "-only",
        '"open',
        '""',
        "*",
        "*a*",
        "a*b",
        "x" * 301,
        " ".join("abcdefghijk"),
        "is:everything",
        "after:yesterday",
        "after:2026-13-01",
        "on:9999-12-31",
        "on:2026-01-01 after:2026-01-01",
        "after:2026-02-01 before:2026-01-01",
        "-tag:x",
        "is:open is:closed",
        "tag:" + "x" * 41,
    ],
)
def test_Z_10_a_question_that_makes_no_sense_is_refused_with_a_sentence(query: str) -> None:
    assert parse("refund").terms
    with pytest.raises(Invalid) as refused:
        parse(query)
    assert refused.value.data["field"] == "query"
    assert refused.value.detail.endswith(".")


def test_unknown_names_before_a_colon_are_words() -> None:
    assert parse("https://shop.example").terms[0].literal == "https://shop.example"


@given(st.text(max_size=40))
def test_folding_is_stable_and_keeps_its_places(text: str) -> None:
    folded, places = fold_with_places(text)
    assert folded == fold(text)
    assert fold(folded) == folded
    assert len(places) == len(folded) + 1
    assert places == sorted(places)


ALPHABET = "aäb ßıK-.,\n2"


def spread(text: str) -> str:
    """An independent spelling of the same folding: by whole strings."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed.casefold() if not unicodedata.combining(c))


@settings(max_examples=300)
@given(st.text(ALPHABET, max_size=30), st.text(ALPHABET, min_size=2, max_size=4))
def test_a_part_of_a_word_is_found_where_a_plain_look_finds_it(text: str, part: str) -> None:
    core = "".join(part.split())
    if len(spread(core)) < 2 or "*" in core:
        return
    assert Matcher(parse(f"*{core}*")).text(text) == (spread(core) in spread(text))


@settings(max_examples=300)
@given(st.lists(st.sampled_from(["a", "ä", "bb", "2", "ab"]), max_size=6), st.sampled_from(["a", "bb", "ab", "2"]))
def test_a_word_is_found_where_it_stands_alone(words: list[str], word: str) -> None:
    text = " - ".join(words)
    assert Matcher(parse(word)).text(text) == (word in [spread(one) for one in words])
    pieces = Matcher(parse(word)).pieces(text)
    assert re.sub("^…|…$", "", "".join(piece for piece, _ in pieces)) == text
    assert sum(hit for _, hit in pieces) == [spread(one) for one in words].count(word)
