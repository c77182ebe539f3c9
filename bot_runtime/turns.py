"""A visitor's message and what it causes: stored, understood, decided, acted on, answered. Every channel comes through here.

- A message is acknowledged when it is durable, and stored once however often it is sent.
- Turns of one conversation run one after the other; those of different conversations do not wait for each other.
- A turn that needs nobody runs at once and is stored together with its message, in one append. A turn that needs a
  custom action is answered in a second append; the message is acknowledged before that, and further messages are taken
  meanwhile.
- Only the holder of control answers: the bot looks when it appends. What it thought while a person took over is dropped.
- A message whose turn was cut off by a crash is *unanswered* in the log; `resume` runs its turn, once.
- A failing bot never breaks a chat: the visitor gets an honest answer, and a person when it fails again (`fallbacks`).
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from weakref import WeakValueDictionary

import msgspec

from bot_runtime.beginning import Begun
from bot_runtime.bots import RunningBots
from bot_runtime.fallbacks import Answer, no_answer, with_a_way_out
from bot_runtime.minds import Mind, Minds
from bot_runtime.phrases import say
from bot_runtime.thinking import Thinker, Thought
from foundation.clock import SECOND, Clock
from foundation.errors import Conflict, Forbidden, Problem
from foundation.records import Stale
from transcripts.conversations import Conversations
from transcripts.events import AnyEvent, BotStateChanged, MessageSent
from transcripts.messages import mask_cards
from transcripts.state import State

log = logging.getLogger(__name__)

TURN_LIMIT = 30 * SECOND
"""Milliseconds after which a turn that waits for actions has failed."""

_TRIES = 100


class Said(msgspec.Struct, frozen=True):
    """What a visitor said: `payload` is what a button sent in place of its title (`/intent{…}`)."""

    client_id: str
    text: str
    payload: str = ""


class _Room:
    """What is under way in one conversation. `lock` is held for quick things only, never while an action runs."""

    __slots__ = ("__weakref__", "lock", "pending", "runner")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.pending: deque[int] = deque()
        self.runner: asyncio.Task[None] | None = None


class Turns:
    """Runs the turns of all conversations."""

    def __init__(
        self,
        conversations: Conversations,
        bots: RunningBots,
        minds: Minds,
        thinker: Thinker,
        clock: Clock,
    ) -> None:
        self._conversations = conversations
        self._bots = bots
        self._minds = minds
        self._thinker = thinker
        self._clock = clock
        self._rooms: WeakValueDictionary[str, _Room] = WeakValueDictionary()
        self._runners: dict[str, tuple[_Room, asyncio.Task[None]]] = {}
