"""Prices, the booking form's validation, and its confirmation."""

from typing import Any

from rasa_sdk import Action, FormValidationAction, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher

PRICES = {"city bike": 14, "e-bike": 29, "cargo bike": 39}
DAYS = ("today", "tomorrow", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class ActionTellPrices(Action):
    def name(self) -> str:
        return "action_tell_prices"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[dict[str, Any]]:
        bike = next(tracker.get_latest_entity_values("bike"), None)
        if bike in PRICES:
            article = "An" if bike.startswith("e") else "A"
            dispatcher.utter_message(text=f"{article} {bike} is {PRICES[bike]} € a day, helmet and lock included.")
        else:
            prices = "\n".join(f"· {name}: {price} € a day" for name, price in PRICES.items())
            dispatcher.utter_message(text=f"Helmet and lock included:\n{prices}")
        return []


class ValidateBookingForm(FormValidationAction):
    def name(self) -> str:
        return "validate_booking_form"

    def validate_bike(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> dict[str, Any]:
        bike = str(value).strip().lower()
        if bike in PRICES:
            return {"bike": bike}
        dispatcher.utter_message(response="utter_wrong_bike")
        return {"bike": None}

    def validate_number_of_bikes(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> dict[str, Any]:
        try:
            number = int(str(value))
        except ValueError:
            number = 0
        if 1 <= number <= 8:
            return {"number_of_bikes": number}
        dispatcher.utter_message(response="utter_wrong_number")
        return {"number_of_bikes": None}

    def validate_day(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> dict[str, Any]:
        words = str(value).lower().replace(",", " ").replace("?", " ").split()
        day = next((word for word in words if word in DAYS), None)
        if day is None:
            dispatcher.utter_message(response="utter_wrong_day")
        return {"day": day}


class ActionConfirmBooking(Action):
    def name(self) -> str:
        return "action_confirm_booking"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[dict[str, Any]]:
        bike, number, day = (tracker.get_slot(slot) for slot in ("bike", "number_of_bikes", "day"))
        price = int(number) * PRICES[bike]
        when = day if day in DAYS[:2] else f"on {day.capitalize()}"
        noun = bike if int(number) == 1 else f"{bike}s"
        dispatcher.utter_message(text=f"Reserved: {int(number)} {noun} {when}, {price} € in all. You pay at the pier.")
        return [SlotSet("price", price)]
