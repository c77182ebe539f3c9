"""Forms that ask for an address and for its proof, as the example assistant has them (DD-1, DD-5; docs/assistants.md)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot_runtime.assistants import load
from foundation.clock import MINUTE, ManualClock
from foundation.errors import Unavailable
from tests.bot_runtime.conftest import Chat, Desk, Talk, code_in, make_talk
from transcripts.control import change
from transcripts.events import BotStateChanged, EmailSupplied, MessageSent, VerificationSent
from transcripts.state import State

EXAMPLE = Path(__file__).parents[1] / "assistants/membership"
ADDRESS = "jane@visitors.example"


@pytest_asyncio.fixture
async def talk(desk: Desk, models: Path) -> AsyncIterator[Talk]:
    talk = make_talk(desk, EXAMPLE, models)
    async with talk.bots.serving(talk.turns):
        await talk.bots.loaded()
        yield talk


async def joining(talk: Talk) -> Chat:
    chat = await talk.desk.chat()
    assert await talk.say(chat, "/join") == ["Which e-mail address shall the membership card go to?"]
    return chat


async def goes_on(talk: Talk, chat: Chat) -> list[str]:
    """What the bot says by itself after a proof; a visitor's socket tells the turns so."""
    before = len(await talk.desk.events(chat))
    await talk.turns.proof_changed(talk.desk.account.id, chat.id)
    await talk.turns.idle()
    events = (await talk.desk.events(chat))[before:]
    return [event.text for event in events if isinstance(event, MessageSent)]


async def slots(talk: Talk, chat: Chat) -> dict[str, object]:
    """The slots as the log has them."""
    found = {}
    for event in await talk.desk.events(chat, BotStateChanged):
        found |= slots_in(event)
    return found


async def test_DD_1_a_form_that_asks_for_an_address_shows_the_card_with_the_authors_words(talk: Talk) -> None:
    chat = await joining(talk)
    assert (await talk.desk.events(chat, MessageSent))[-1].card == "email"


async def test_DD_5_the_form_goes_on_by_itself_when_the_address_is_given_and_when_it_is_proven(talk: Talk) -> None:
    chat = await joining(talk)
    await talk.desk.supply(chat, ADDRESS)
    assert await goes_on(talk, chat) == [], "the card for the code is there already, and one mail is enough"
    assert len(await talk.desk.events(chat, VerificationSent)) == 1
    assert (await slots(talk, chat))["requested_slot"] == "email_verified"
    assert await talk.desk.enter(chat, code_in(await talk.desk.mail())) == "verified"
    assert await goes_on(talk, chat) == ["Monthly or yearly?"]
    assert await goes_on(talk, chat) == [], "once"
    assert await talk.say(chat, "Yearly", payload='/choose{"plan": "yearly"}') == [
        f"Done: {ADDRESS} has a yearly membership."
    ]


async def test_DD_5_an_agent_who_vouches_lets_the_form_go_on(talk: Talk) -> None:
    chat = await joining(talk)
    await talk.desk.supply(chat, ADDRESS)
    await talk.desk.proof.verification.vouch(
        talk.desk.account.id, chat.id, method="manual", author="anna", reason="I know her voice."
    )
    assert await goes_on(talk, chat) == ["Monthly or yearly?"]


async def test_an_address_that_is_known_before_is_not_asked_for(talk: Talk) -> None:
    chat = await talk.desk.verified(ADDRESS)
    assert await talk.say(chat, "/join") == ["Monthly or yearly?"]


async def test_an_address_that_is_written_in_place_of_the_card_is_taken(talk: Talk) -> None:
    chat = await joining(talk)
    (answer,) = await talk.say(chat, ADDRESS)
    assert "a message with a code is on its way" in answer
    (supplied,) = await talk.desk.events(chat, EmailSupplied)
    assert (supplied.address, supplied.by) == (ADDRESS, "visitor")
    await talk.desk.enter(chat, code_in(await talk.desk.mail()))
    assert await goes_on(talk, chat) == ["Monthly or yearly?"]


async def test_an_address_in_a_sentence_or_out_of_a_form_is_not_taken(talk: Talk) -> None:
    chat = await talk.desk.chat()
    await talk.say(chat, ADDRESS)
    await talk.say(chat, "/join")
    await talk.say(chat, f"why not {ADDRESS} or so")
    assert await talk.desk.events(chat, EmailSupplied) == []


async def test_a_side_question_leaves_the_code_valid_and_shows_its_card_again(talk: Talk, clock: ManualClock) -> None:
    chat = await joining(talk)
    await talk.desk.supply(chat, ADDRESS)
    await goes_on(talk, chat)
    answers = await talk.say(chat, "/ask_hours")
    assert answers[0] == "We are open from nine to six."
    assert "type the code here" in answers[1]
    assert (await talk.desk.events(chat, MessageSent))[-1].card == "code"
    assert len(await talk.desk.events(chat, VerificationSent)) == 1
    await clock.advance(11 * MINUTE)
    await talk.say(chat, "/ask_hours")
    assert len(await talk.desk.events(chat, VerificationSent)) == 2, "the first code is over"


async def test_D_1_a_form_asks_alike_for_an_address_that_gets_no_mail(talk: Talk) -> None:
    said = []
    for address in (ADDRESS, "gone@visitors.example"):
        await talk.desk.contacts.suppress(talk.desk.account.id, "gone@visitors.example", "bounced")
        chat = await joining(talk)
        await talk.desk.supply(chat, address)
        await goes_on(talk, chat)
        await talk.say(chat, "/ask_hours")
        messages = await talk.desk.events(chat, MessageSent)
        said.append([(one.by, one.card, one.text.replace(address[0], "x", 1)) for one in messages])
    assert [(by, card) for by, card, _ in said[0]] == [(by, card) for by, card, _ in said[1]]


async def test_a_person_who_has_the_chat_is_not_interrupted_by_a_form(talk: Talk) -> None:
    chat = await joining(talk)
    await talk.desk.supply(chat, ADDRESS)

    def taken(state: State) -> list[object]:
        return [change(state, "agent", reason="taken", actor="agent", author="anna", holder="anna", at=1)]

    await talk.desk.conversations.update(talk.desk.account.id, chat.id, taken)
    await talk.desk.enter(chat, code_in(await talk.desk.mail()))
    assert await goes_on(talk, chat) == []


async def test_a_restarted_process_knows_that_a_form_went_on(talk: Talk, models: Path) -> None:
    chat = await joining(talk)
    await talk.desk.supply(chat, ADDRESS)
    await talk.desk.enter(chat, code_in(await talk.desk.mail()))
    assert await goes_on(talk, chat) == ["Monthly or yearly?"]
    restarted = make_talk(talk.desk, EXAMPLE, models)
    async with restarted.bots.serving(restarted.turns):
        await restarted.bots.loaded()
        assert await goes_on(restarted, chat) == []
        assert await restarted.say(chat, "Monthly", payload='/choose{"plan": "monthly"}') == [
            f"Done: {ADDRESS} has a monthly membership."
        ]


async def test_the_transcripts_link_is_made_once_and_only_for_an_assistant_that_wants_it(
    desk: Desk, models: Path, assistant: Path
) -> None:
    made: list[str] = []

    async def link(state: State) -> str:
        made.append(state.id)
        return f"https://chat.blue.example/t/{len(made)}"

    for folder, wanted in ((EXAMPLE, ["https://chat.blue.example/t/1"]), (assistant, [])):
        made.clear()
        talk = make_talk(desk, folder, models, transcript_url=link)
        async with talk.bots.serving(talk.turns):
            await talk.bots.loaded()
            chat = await desk.chat()
            for text in ("hello", "/restart", "hello"):
                await talk.say(chat, text)
            found = [slots_in(event) for event in await desk.events(chat, BotStateChanged)]
            assert [one["transcript_url"] for one in found if "transcript_url" in one][:1] == wanted
            assert made == [chat.id] * len(wanted)


async def test_a_chat_goes_on_when_its_link_cannot_be_made(desk: Desk, models: Path) -> None:
    async def link(_: State) -> str:
        raise Unavailable("The database does not answer.")

    talk = make_talk(desk, EXAMPLE, models, transcript_url=link)
    async with talk.bots.serving(talk.turns):
        await talk.bots.loaded()
        chat = await desk.chat()
        assert await talk.say(chat, "/greet") == ["Welcome aboard. Would you like to become a member?"]


def slots_in(event: BotStateChanged) -> dict[str, object]:
    return {one["name"]: one["value"] for one in event.events if one["event"] == "slot"}


PLAIN = """
version: "3.1"
intents: [join]
slots:
  email: {type: text, mappings: [{type: from_text, conditions: [{active_loop: f, requested_slot: email}]}]}
  transcript_url: {type: text, mappings: [{type: from_text, conditions: [{active_loop: g}]}]}
forms: {f: {required_slots: [email]}}
responses: {utter_ask_email: [{text: "Your address?"}], utter_done: [{text: "Thanks, {email}."}]}
"""
RULES = """
version: "3.1"
rules:
- rule: begin
  steps: [{intent: join}, {action: f}, {active_loop: f}]
- rule: end
  condition: [{active_loop: f}]
  steps: [{action: f}, {active_loop: null}, {slot_was_set: [{requested_slot: null}]}, {action: utter_done}]
"""
NLU = """
version: "3.1"
nlu: [{intent: join, examples: "- join\\n- sign me up\\n"}]
"""


async def test_BR_1_a_project_of_plain_rasa_asks_for_an_address_in_its_own_way(
    desk: Desk, models: Path, tmp_path: Path
) -> None:
    files = {"domain.yml": PLAIN, "data/rules.yml": RULES, "data/nlu.yml": NLU, "config.yml": "language: en\n"}
    for name, text in files.items():
        (tmp_path / "plain" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "plain" / name).write_text(text)
    talk = make_talk(desk, tmp_path / "plain", models)
    async with talk.bots.serving(talk.turns):
        await talk.bots.loaded()
        chat = await desk.chat()
        assert await talk.say(chat, "/join") == ["Your address?"]
        assert (await desk.events(chat, MessageSent))[-1].card == ""
        assert await talk.say(chat, ADDRESS) == [f"Thanks, {ADDRESS}."]
        assert await desk.events(chat, EmailSupplied) == []


@pytest.mark.parametrize("slot", ["email", "email_verified"])
def test_the_example_says_which_slots_are_ours(slot: str) -> None:
    domain = load(EXAMPLE).domain
    assert slot in domain.proofs
    assert domain.wants_transcript_url


OWN_ACTION = """
from rasa_sdk import Action


class Own(Action):
    def name(self):
        return "action_handoff"

    def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message(text="Somebody of ours will write to you.")
        return []
"""


@pytest.mark.parametrize("has_code", [True, False], ids=["with code", "only listed"])
async def test_BR_1_an_action_of_the_authors_wins_over_ours_of_the_same_name(
    desk: Desk, models: Path, assistant: Path, *, has_code: bool
) -> None:
    domain = assistant / "domain.yml"
    domain.write_text(domain.read_text().replace("actions: [", "actions: [action_handoff, ", 1))
    if has_code:
        (assistant / "actions/own.py").write_text(OWN_ACTION)
    talk = make_talk(desk, assistant, models)
    async with talk.bots.serving(talk.turns):
        await talk.bots.loaded()
        chat = await desk.chat()
        answers = await talk.say(chat, "/ask_human")
        assert ("Somebody of ours will write to you." in answers) is has_code
        assert (await desk.state(chat)).control == ("bot" if has_code else "queue")
