"""Actions that do what the tests of the turns need. `gate` and `runs` are files in the project's folder."""

import asyncio
import os
from pathlib import Path

from rasa_sdk import Action
from rasa_sdk.events import ConversationPaused


class ActionSlow(Action):
    """Notes that it runs, and waits until the test opens the gate."""

    def name(self):
        return "action_slow"

    async def run(self, dispatcher, tracker, domain):
        with Path("runs").open("a") as runs:
            runs.write("x")
        while not Path("gate").exists():
            await asyncio.sleep(0.005)
        dispatcher.utter_message(text="That took a while.")
        return []


class ActionFails(Action):
    def name(self):
        return "action_fails"

    def run(self, dispatcher, tracker, domain):
        raise ValueError("this action fails")


class ActionDies(Action):
    def name(self):
        return "action_dies"

    def run(self, dispatcher, tracker, domain):
        os._exit(7)


class ActionSilent(Action):
    def name(self):
        return "action_silent"

    def run(self, dispatcher, tracker, domain):
        return []


class ActionTell(Action):
    """Says what it knows: the slots of the proof, and the words of the conversation."""

    def name(self):
        return "action_tell"

    def run(self, dispatcher, tracker, domain):
        said = [event["text"] for event in tracker.events if event["event"] in ("user", "bot")]
        dispatcher.utter_message(text=f"{tracker.get_slot('email')} {tracker.get_slot('email_verified')} {said}")
        return []


class ActionPause(Action):
    def name(self):
        return "action_pause"

    def run(self, dispatcher, tracker, domain):
        return [ConversationPaused()]


class ActionOdd(Action):
    """Says what is no text, with a card that does not exist."""

    def name(self):
        return "action_odd"

    def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message(text=12, image=7, buttons=[{"title": 1}, {}], frontdesk_card={"$ne": None})
        dispatcher.utter_message(json_message={"order": {"lines": [1, 2]}})
        return []


class ActionEndless(Action):
    """Says a number that no log can hold."""

    def name(self):
        return "action_endless"

    def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message(json_message={"number": 10**30})
        return []
