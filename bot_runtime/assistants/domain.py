"""The world a bot lives in: what can be meant, remembered, said and done. Immutable once it is read.

Names that always exist, whatever the files say: Rasa's default intents and actions, the slots that forms and sessions
need, and Frontdesk's own actions, which a story may use without listing them.
"""

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import msgspec

from bot_runtime.assistants.slots import Feature, Slot, SlotMapping

DEFAULT_INTENTS = ("restart", "back", "out_of_scope", "session_start", "nlu_fallback")
SNIPPET = "..."
LISTEN = "action_listen"
SESSION_START = "action_session_start"
VALIDATE_MAPPINGS = "action_validate_slot_mappings"
DEFAULT_ACTIONS = (
    LISTEN,
    "action_restart",
    SESSION_START,
    "action_default_fallback",
    "action_deactivate_loop",
    "action_revert_fallback_events",
    "action_default_ask_affirmation",
    "action_default_ask_rephrase",
    "action_two_stage_fallback",
    "action_unlikely_intent",
    "action_back",
    "action_send_text",
    SNIPPET,
    "action_extract_slots",
)
FRONTDESK_ACTIONS = ("action_handoff", "action_ask_email", "action_verify_email")
CARD = "frontdesk_card"
"""Under this name a response says which card the widget shows with it."""
EMAIL, EMAIL_VERIFIED, TRANSCRIPT_URL = "email", "email_verified", "transcript_url"
_PROOFS = {EMAIL: "action_ask_email", EMAIL_VERIFIED: "action_verify_email"}
REQUESTED_SLOT = "requested_slot"
SESSION_METADATA = "session_started_metadata"
KNOWLEDGE_BASE_SLOTS = (
    "knowledge_base_listed_objects",
    "knowledge_base_last_object",
    "knowledge_base_last_object_type",
)
DEFAULT_SLOTS = frozenset({REQUESTED_SLOT, SESSION_METADATA, *KNOWLEDGE_BASE_SLOTS})


class Form(msgspec.Struct, frozen=True):
    """Slots to be filled in this order. An `ignored` intent fills none of them while the form runs."""

    name: str
    required: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


class SessionConfig(msgspec.Struct, frozen=True):
    """`expiration` in minutes of the visitor's silence; 0 means that a session never ends by itself."""

    expiration: float = 60
    carry_over_slots: bool = True


class Domain(msgspec.Struct, frozen=True, dict=True):
    """A project's domain, all files merged.

    `used_entities` gives for every intent the entity labels that count (roles and groups as `entity#role`). `actions`
    are the author's custom actions, `action_texts` what end-to-end stories let the bot say. `data` is the domain as
    Rasa would hand it to an action server.
    """

    used_entities: dict[str, frozenset[str]] = {}
    entities: tuple[str, ...] = ()
    slots: dict[str, Slot] = {}
    responses: dict[str, tuple[dict[str, Any], ...]] = {}
    actions: tuple[str, ...] = ()
    forms: dict[str, Form] = {}
    session: SessionConfig = SessionConfig()
    action_texts: tuple[str, ...] = ()
    retrieval_intents: frozenset[str] = frozenset()
    store_entities_as_slots: bool = True
    data: dict[str, Any] = {}

    @cached_property
    def action_names(self) -> tuple[str, ...]:
        """Everything that can be predicted, in Rasa's order: `action_listen` first."""
        utters = [name for name in sorted(self.responses) if name not in self.actions]
        named = (*DEFAULT_ACTIONS, *self.actions, *utters, *self.forms, *self.action_texts, *FRONTDESK_ACTIONS)
        return tuple(dict.fromkeys(named))

    @cached_property
    def action_index(self) -> Mapping[str, int]:
        """The place of each name in `action_names`: ties between predictions go to the lower one."""
        return {name: index for index, name in enumerate(self.action_names)}

    @cached_property
    def known_entities(self) -> frozenset[str]:
        """The entity names, for look-ups."""
        return frozenset(self.entities)

    @cached_property
    def custom_actions(self) -> frozenset[str]:
        """What must be run by the caller's `Act`: the author's actions, and Frontdesk's."""
        own = {name for name in self.actions if not name.startswith("utter_")}
        return frozenset(own | set(FRONTDESK_ACTIONS) | self._mapping_actions())

    def _mapping_actions(self) -> set[str]:
        return {mapping.action for slot in self.slots.values() for mapping in slot.mappings if mapping.action}

    @cached_property
    def initial_slots(self) -> Mapping[str, Any]:
        """Every slot with its initial value."""
        return {name: slot.stored(slot.initial_value) for name, slot in self.slots.items()}

    @cached_property
    def initial_features(self) -> tuple[tuple[str, Feature], ...]:
        """What policies see of a conversation in which nothing was said: the slots with an initial value."""
        return self.features(self.initial_slots)

    def features(self, values: Mapping[str, Any]) -> tuple[tuple[str, Feature], ...]:
        """The features of these slot values, in the order of the domain; slots without a feature are left out."""
        found = ((name, slot.feature(values.get(name))) for name, slot in self.featured.items())
        return tuple((name, feature) for name, feature in found if feature is not None)

    @cached_property
    def featured(self) -> Mapping[str, Slot]:
        """The slots that influence the conversation."""
        return {name: slot for name, slot in self.slots.items() if slot.influence}

    @cached_property
    def mapped_slots(self) -> tuple[Slot, ...]:
        """The slots that messages can fill, in the order of the domain."""
        return tuple(slot for name, slot in self.slots.items() if slot.mappings and name not in DEFAULT_SLOTS)

    @cached_property
    def proofs(self) -> Mapping[str, str]:
        """The slots that the e-mail proof fills, with the action that asks for each: `email` and `email_verified`, where
        the domain says so by a mapping of the type `custom` that names an action of Frontdesk's."""
        return {
            name: action
            for name, action in _PROOFS.items()
            if name in self.slots and any(one.action in _PROOFS.values() for one in self.slots[name].mappings)
        }

    @cached_property
    def wants_transcript_url(self) -> bool:
        """Whether the slot `transcript_url` is there to be filled by Frontdesk: declared, and by no message of Rasa's."""
        slot = self.slots.get(TRANSCRIPT_URL)
        return slot is not None and all(one.type == "custom" and not one.action for one in slot.mappings)

    def is_missing(self, name: str, value: Any) -> bool:
        """Whether a form still has to ask for this slot. An address that is not proven is none to `email_verified`."""
        return value is None or (name == EMAIL_VERIFIED and name in self.proofs and value is not True)

    @cached_property
    def extracts(self) -> bool:
        """Whether messages can fill anything at all."""
        return bool(self.mapped_slots) or VALIDATE_MAPPINGS in self.actions

    @cached_property
    def unique_mappings(self) -> Mapping[str, frozenset[str]]:
        """For each form the keys of the `from_entity` mappings that fill exactly one of its slots."""
        return {form.name: frozenset(self._unique(form)) for form in self.forms.values()}

    def _unique(self, form: Form) -> set[str]:
        keys = [
            mapping.key
            for name in form.required
            for mapping in (self.slots[name].mappings if name in self.slots else ())
            if mapping.type == "from_entity"
        ]
        return {key for key in keys if keys.count(key) == 1}

    def slots_for_entities(self, entities: list[dict[str, Any]]) -> list[tuple[str, Any]]:
        """What a story's annotated entities set by themselves: (slot, value) by form-free `from_entity` mappings."""
        if not self.store_entities_as_slots or not entities:
            return []
        found = []
        for slot in self.mapped_slots:
            values = [
                entity.get("value")
                for mapping in slot.mappings
                if mapping.type == "from_entity" and not (mapping.conditions and mapping.conditions[0].active_loop)
                for entity in entities
                if mentions(entity, mapping)
            ]
            if values:
                found.append((slot.name, values if slot.type == "list" else values[-1]))
        return found

    def as_dict(self) -> dict[str, Any]:
        """The domain in the form that rasa-sdk is given. Not a copy: nobody may change it."""
        return self.data

    @cached_property
    def digest(self) -> str:
        """Names the content of `as_dict`, so that an action worker can keep it between calls."""
        return hashlib.sha256(msgspec.json.encode(self.data, order="deterministic")).hexdigest()


def mentions(entity: Mapping[str, Any], mapping: SlotMapping) -> bool:
    """Whether `entity` is what a `from_entity` mapping waits for: same name, same role, same group."""
    return (
        entity.get("entity") == mapping.entity
        and entity.get("role") == mapping.role
        and entity.get("group") == mapping.group
    )
