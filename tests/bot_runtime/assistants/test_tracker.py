"""The tracker (RASA.md 1.5): what every event does, what is taken back, and that a fork touches nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot_runtime.assistants.domain import Domain, Form
from bot_runtime.assistants.events import active_loop, executed, rewound, slot_set, told
from bot_runtime.assistants.slots import Slot
from bot_runtime.assistants.states import Past, State, View
from bot_runtime.assistants.tracker import Tracker
from tests.bot_runtime.assistants.talking import short

Event = dict[str, Any]
DOMAIN = Domain(
    slots={
        "name": Slot("name", "text", True),
        "level": Slot("level", "categorical", True, "low", ("low", "high")),
        "note": Slot("note", "any"),
        "requested_slot": Slot("requested_slot", "text"),
    },
    forms={"form": Form("form", ("name",))},
)
VIEW = View(DOMAIN)
LISTEN = executed("action_listen")


def user(intent: str, text: str | None = None, **entities: str) -> Event:
    found = [{"entity": name, "value": value} for name, value in entities.items()]
    return told(text or f"/{intent}", {"name": intent, "confidence": 1.0}, found)


def after(*events: Event) -> Tracker:
    return Tracker.from_events(events, VIEW, "visitor")


def applied(tracker: Tracker) -> list[str]:
    return [short(event) for event in tracker.applied_events()]


def test_an_empty_conversation() -> None:
    tracker = Tracker(VIEW)
    assert tracker.slots == {"name": None, "level": "low", "note": None, "requested_slot": None}
    assert (tracker.latest_action, tracker.active_loop, tracker.paused, len(tracker)) == (None, None, False, 0)
    assert tracker.fold.followup == "action_listen"
    assert tracker.latest_message["intent"] == {}


def test_slots_are_set_and_reset() -> None:
    tracker = after(slot_set("name", "Ann"), slot_set("unknown", 1), slot_set("level", "high"))
    assert tracker.slots == {"name": "Ann", "level": "high", "note": None, "requested_slot": None}
    tracker.apply({"event": "reset_slots"})
    assert tracker.slots == DOMAIN.initial_slots


@pytest.mark.parametrize(
    ("event", "has"),
    [
        ({"event": "pause"}, lambda one: one.paused),
        ({"event": "followup", "name": "utter_x"}, lambda one: one.fold.followup == "utter_x"),
        (executed("utter_x"), lambda one: one.latest_action == "utter_x" and one.fold.followup is None),
        (executed(action_text="hello"), lambda one: one.latest_action == "hello"),
        (active_loop("form"), lambda one: one.active_loop == "form"),
        ({"event": "form", "name": "form"}, lambda one: one.active_loop == "form"),
        ({"event": "session_ended"}, lambda one: applied(one)[-1] == "session_ended"),
        ({"event": "export", "path": "x"}, lambda one: len(one) == 2),
        ({"event": "agent", "text": "hello"}, lambda one: len(one) == 2),
        ({"event": "reminder", "name": "r"}, lambda one: one.events[-1]["name"] == "r"),
    ],
)
def test_what_an_event_does(event: Event, has: Callable[[Tracker], bool]) -> None:
    assert has(after(LISTEN, event))


def test_a_paused_conversation_is_resumed() -> None:
    assert not after({"event": "pause"}, {"event": "resume"}).paused


def test_a_loop_remembers_what_happened_in_it() -> None:
    tracker = after(LISTEN, user("start"), executed("form"), active_loop("form"), LISTEN, user("no"))
    tracker.apply({"event": "action_execution_rejected", "name": "form"})
    assert tracker.fold.rejected
    assert tracker.rejected == "form"
    tracker.apply({"event": "loop_interrupted", "is_interrupted": True})
    assert tracker.fold.interrupted
    tracker.apply(executed("utter_x"))
    assert (tracker.fold.rejected, tracker.fold.interrupted, tracker.rejected) == (True, False, None)
    tracker.apply(executed("form"))
    assert not tracker.fold.rejected
    tracker.apply({"event": "form_validation", "validate": False})
    assert tracker.fold.interrupted
    assert tracker.snapshot()["active_loop"]["trigger_message"]["intent"]["name"] == "start"


def test_entities_are_added_to_the_message() -> None:
    tracker = after(LISTEN, user("inform", city="Berlin"))
    tracker.apply(
        {"event": "entities", "entities": [{"entity": "size", "value": 3}, {"entity": "city", "value": "Berlin"}]}
    )
    assert [one["entity"] for one in tracker.latest_message["entities"]] == ["city", "size"]


def test_a_rewind_takes_the_message_back() -> None:
    tracker = after(
        LISTEN, user("a"), executed("utter_a"), slot_set("name", "Ann"), LISTEN, user("b"), executed("utter_b")
    )
    tracker.apply(slot_set("name", "Bob"))
    tracker.apply(rewound())
    assert applied(tracker) == ["action action_listen", "user /a", "action utter_a", "slot name=Ann"]
    assert (tracker.slots["name"], tracker.latest_action) == ("Ann", "utter_a")
    tracker.apply(rewound())
    assert applied(tracker) == []
    assert tracker.slots["name"] is None
    tracker.apply(rewound())
    assert applied(tracker) == []
    assert len(tracker) == 11


def test_an_undo_takes_the_action_back() -> None:
    tracker = after(LISTEN, user("a"), executed("utter_a"), slot_set("name", "Ann"), {"event": "undo"})
    assert applied(tracker) == ["action action_listen", "user /a"]
    assert (tracker.slots["name"], tracker.latest_action) == (None, "action_listen")


@pytest.mark.parametrize("event", [{"event": "restart"}, {"event": "session_started"}])
def test_a_restart_begins_anew(event: Event) -> None:
    tracker = after(LISTEN, user("a"), slot_set("name", "Ann"), active_loop("form"), event)
    assert applied(tracker) == []
    assert (tracker.slots["name"], tracker.active_loop, tracker.latest_action) == (None, None, None)
    followup = "action_session_start" if event["event"] == "restart" else "action_listen"
    assert tracker.fold.followup == followup
    tracker.apply(rewound())
    assert applied(tracker) == []


def test_repeated_runs_of_a_form_count_once() -> None:
    """`trackers.py:478`: else a form of several questions would match no story."""
    tracker = after(LISTEN, user("start"), executed("form"), active_loop("form"), slot_set("requested_slot", "name"))
    for number in range(3):
        for event in (LISTEN, user("inform"), slot_set("note", number), executed("form")):
            tracker.apply(event)
    assert applied(tracker) == [
        "action action_listen",
        "user /start",
        "action form",
        "active_loop form",
        "slot requested_slot=name",
        "slot note=0",
        "slot note=1",
        "slot note=2",
    ]
    assert tracker.latest_message["intent"]["name"] == "inform", "what actions see is the latest message"
    assert tracker.policy_fold.intent == "start", "what policies see is the one that began the form"


def test_a_form_that_is_come_back_to_counts_again() -> None:
    tracker = after(LISTEN, user("start"), executed("form"), active_loop("form"), LISTEN, user("chat"))
    for event in (
        {"event": "action_execution_rejected", "name": "form"},
        executed("utter_chat"),
        executed("form"),
        LISTEN,
    ):
        tracker.apply(event)
    assert applied(tracker)[-3:] == ["action utter_chat", "action form", "action action_listen"]
    tracker.apply(user("inform"))
    tracker.apply(executed("form"))
    assert applied(tracker)[-1] == "action form", "and its next happy run is left out again"


def test_a_form_in_a_new_activation_counts_again() -> None:
    once = (LISTEN, user("start"), executed("form"), active_loop("form"), active_loop(None))
    assert applied(after(*once, *once)).count("action form") == 2


def test_a_loop_that_shows_late_to_be_one() -> None:
    """An action that failed before it could say that it is a loop: what was applied is worked out anew."""
    tracker = after(LISTEN, user("a"), executed("form"), LISTEN, user("b"), executed("form"), active_loop("form"))
    assert applied(tracker) == ["action action_listen", "user /a", "action form", "active_loop form"]
    assert tracker.latest_message["intent"]["name"] == "b"


def test_whether_the_bot_has_answered() -> None:
    tracker = after(LISTEN, user("a"), executed("utter_a"))
    assert not tracker.answered
    tracker.apply({"event": "bot", "text": "a"})
    assert tracker.answered
    tracker.apply(user("b"))
    assert not tracker.answered


def test_a_fork_does_not_touch_its_origin() -> None:
    tracker = after(LISTEN, user("a"))
    one, other = tracker.fork(), tracker.fork()
    one.apply(executed("utter_one"))
    other.apply(executed("utter_other"))
    other.apply(LISTEN)
    tracker.apply(executed("utter_own"))
    for found, name in ((one, "utter_one"), (other, "utter_other"), (tracker, "utter_own")):
        assert [short(event) for event in found.events][2] == f"action {name}"
    assert (len(one), len(other), len(tracker)) == (3, 4, 3)
    assert (one.latest_action, other.latest_action, tracker.latest_action) == (
        "utter_one",
        "action_listen",
        "utter_own",
    )


def test_a_tracker_aside_keeps_its_events_to_itself() -> None:
    tracker = after(LISTEN, user("a"), {"event": "restart"}, LISTEN)
    aside = tracker.aside()
    aside.forget_before_restart()
    aside.apply(slot_set("name", "Ann"))
    assert [short(event) for event in aside.events] == ["action action_listen", "slot name=Ann"]
    assert [short(event) for event in aside.events_backwards()] == ["slot name=Ann", "action action_listen"]
    assert [short(event) for event in aside.fork().events] == ["action action_listen", "slot name=Ann"]
    assert len(aside) == 2
    tracker.apply(executed("utter_a"))
    assert len(tracker) == 5
    assert len(aside) == 2


def test_events_backwards_stop_at_a_restart() -> None:
    tracker = after(LISTEN, {"event": "restart"}, user("a"), LISTEN)
    assert [short(event) for event in tracker.events_backwards(after_restart=True)] == [
        "action action_listen",
        "user /a",
    ]


def test_a_snapshot_is_what_an_action_server_is_given() -> None:
    message = {**user("greet", "hello", city="Berlin"), "input_channel": "web", "timestamp": 5.0}
    tracker = after(LISTEN, message, {**executed("utter_a"), "timestamp": 6.0})
    assert tracker.snapshot() == {
        "sender_id": "visitor",
        "slots": dict(DOMAIN.initial_slots),
        "latest_message": {
            "text": "hello",
            "intent": {"name": "greet", "confidence": 1.0},
            "entities": [{"entity": "city", "value": "Berlin"}],
        },
        "latest_event_time": 6.0,
        "followup_action": None,
        "paused": False,
        "events": tracker.events,
        "latest_input_channel": "web",
        "active_loop": {},
        "latest_action": {"action_name": "utter_a"},
        "latest_action_name": "utter_a",
    }
    assert after(executed(action_text="hi")).snapshot()["latest_action"] == {"action_text": "hi"}


EVENTS = st.sampled_from(
    [
        LISTEN,
        user("a"),
        user("b", city="Berlin"),
        executed("utter_a"),
        executed("form"),
        active_loop("form"),
        active_loop(None),
        slot_set("name", "Ann"),
        slot_set("name", None),
        {"event": "bot", "text": "a"},
        {"event": "user_featurization", "use_text_for_featurization": False},
        {"event": "action_execution_rejected", "name": "form"},
        {"event": "followup", "name": "utter_a"},
        {"event": "reset_slots"},
        rewound(),
        {"event": "undo"},
        {"event": "restart"},
        {"event": "session_started"},
    ]
)


@given(st.lists(EVENTS, max_size=40))
@settings(max_examples=300)
def test_the_applied_events_are_those_of_rasa(events: list[Event]) -> None:
    """Going on event by event comes to the same as Rasa's way, which starts again from the first event each time."""
    tracker = after(*events)
    assert tracker.applied_events() == reference(events)
    again = Tracker(VIEW)
    for event in reference(events):
        again.apply(event)
    assert again.policy_fold.slots == tracker.policy_fold.slots
    assert again.policy_fold.user == tracker.policy_fold.user
    assert tracker.fold.slots == tracker.policy_fold.slots


TURNS = st.sampled_from(
    [
        [user("a"), executed("utter_a"), {"event": "bot", "text": "a"}, LISTEN],
        [user("b", city="Berlin"), slot_set("name", "Ann"), executed("utter_b"), LISTEN],
        [user("a"), executed("form"), active_loop("form"), slot_set("requested_slot", "name"), LISTEN],
        [user("b"), executed("form"), slot_set("name", "Bo"), active_loop(None), LISTEN],
        [user("a"), {"event": "reset_slots"}, LISTEN],
        [{"event": "restart"}, {"event": "session_started"}, LISTEN],
    ]
)


@given(st.lists(TURNS, min_size=12, max_size=30), st.lists(EVENTS, max_size=3), st.integers(20, 40))
@settings(max_examples=300)
def test_what_was_let_go_changes_nothing_that_follows(turns: list[list[Event]], more: list[Event], keep: int) -> None:
    """Whole and cut, the conversation stands the same, and goes on the same."""
    long = [
        LISTEN,
        executed("form"),
        active_loop("form"),
        active_loop(None),
        *(event for turn in turns for event in turn),
    ]
    whole, cut = after(*long), after(*long)
    fork = cut.fork()
    cut.let_go(keep)
    assert (len(cut), cut.missing, len(whole.missing)) == (keep, range(len(long) - keep), 0)
    for event in more:
        whole.apply(event)
        cut.apply(event)
    assert [*whole.events[: len(long) - keep], *cut.events] == whole.events
    assert [*cut.events_backwards()] == [*whole.events_backwards()][: len(cut)]
    assert cut.snapshot(older=[whole.events[at] for at in cut.missing]) == whole.snapshot()
    assert cut.policy_fold.same_as(whole.policy_fold)
    few = len(cut.applied_events()) - 1 or 1
    assert cut.applied_events()[-few:] == whole.applied_events()[-few:]
    assert states(cut) == states(whole), "policies still see all of it"
    assert fork.events == long, "who went on from before has everything"


def states(tracker: Tracker) -> tuple[list[State], list[State]]:
    """The two views, newest first."""
    return listed(tracker.history.rules), listed(tracker.history.stories)


def listed(past: Past | None) -> list[State]:
    return [] if past is None else [past.state, *listed(past.before)]


def test_a_restart_that_was_let_go_is_remembered() -> None:
    tracker = after(LISTEN, {"event": "restart"}, *[user("a"), LISTEN] * 10)
    tracker.let_go(4)
    tracker.let_go(9)
    assert (tracker.missing, len(tracker)) == (range(18), 4), "what is gone does not come back"
    aside = tracker.aside()
    aside.forget_before_restart()
    assert (aside.missing, len(aside)) == (range(2, 18), 4)
    tracker.apply({"event": "restart"})
    aside = tracker.aside()
    aside.forget_before_restart()
    aside.apply(LISTEN)
    assert (aside.missing, [short(event) for event in aside.events]) == (range(0), ["action action_listen"])


def reference(events: list[Event]) -> list[Event]:
    """The applied events by their definition (RASA.md 1.5), from scratch."""
    loops = {event["name"] for event in events if event["event"] == "active_loop" and event["name"]}
    done: list[Event] = []
    for event in events:
        kind, name = event["event"], event.get("name")
        if kind in ("restart", "session_started"):
            done = []
        elif kind == "undo":
            drop_to(done, "action")
        elif kind == "rewind":
            drop_to(done, "user")
            drop_to(done, "action")
        elif kind == "action" and name in loops and not begins(str(name), done):
            place = max(at for at, one in enumerate(done) if one["event"] == "action" and one["name"] == name)
            turns = ("action", "user", "user_featurization")
            done[place + 1 :] = [one for one in done[place + 1 :] if one["event"] not in turns]
        else:
            done.append(event)
    return done


def drop_to(done: list[Event], kind: str) -> None:
    while done:
        if done.pop()["event"] == kind:
            return


def begins(loop: str, done: list[Event]) -> bool:
    following = None
    for event in reversed(done):
        kind, name = event["event"], event.get("name")
        if (kind == "active_loop" and name is None) or (kind == "action_execution_rejected" and name == loop):
            return True
        if kind == "user" and following not in (None, loop):
            return True
        if kind == "action":
            if name == loop:
                return False
            following = name
    return True
