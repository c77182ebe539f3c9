"""Custom actions: what a bot's author wrote with rasa-sdk, run where it can harm nobody, or on a server of his own.

`ActionWorker(folder)` runs them in a worker process of the bot's own; `RemoteActions(url)` asks an action server. Both
are `Actions`: `await run(call)` gives `{"events": […], "responses": […]}` or raises an `ActionError`.
"""

from bot_runtime.actions.action_worker import ActionWorker, has_code
from bot_runtime.actions.errors import (
    ActionError,
    ActionFailed,
    ActionNotFound,
    ActionRejected,
    ActionsBroken,
    ActionTimeout,
)
from bot_runtime.actions.port import ActionResult, Actions
from bot_runtime.actions.remote import RemoteActions

__all__ = [
    "ActionError",
    "ActionFailed",
    "ActionNotFound",
    "ActionRejected",
    "ActionResult",
    "ActionTimeout",
    "ActionWorker",
    "Actions",
    "ActionsBroken",
    "RemoteActions",
    "has_code",
]
