"""What can come of a custom action besides its result.

    ActionError
    ├── ActionRejected   it declined to run (rasa-sdk's ActionExecutionRejection): the dialogue chooses another
    ├── ActionNotFound   nobody has an action of this name
    ├── ActionTimeout    it took longer than its limit and was abandoned
    ├── ActionFailed     it raised, died, or gave back what is no result
    └── ActionsBroken    none of the bot's actions can run: its package does not load

The messages are for the bot's author and the log. They may hold what the author's code said, so no visitor sees them.
"""


class ActionError(Exception):
    """Root; `action` is the name that was called."""

    def __init__(self, action: str, detail: str) -> None:
        super().__init__(f"{action}: {detail}" if action else detail)
        self.action = action
        self.detail = detail


class ActionRejected(ActionError):  # noqa: N818 - what happened, in the words of the caller
    """The action declined to run now."""


class ActionNotFound(ActionError):  # noqa: N818 - what happened, in the words of the caller
    """There is no such action."""

    def __init__(self, action: str, detail: str = "there is no such custom action") -> None:
        super().__init__(action, detail)


class ActionTimeout(ActionError):  # noqa: N818 - what happened, in the words of the caller
    """The action did not come back in time. What it did in the world until then stays done."""


class ActionFailed(ActionError):  # noqa: N818 - what happened, in the words of the caller
    """The action gave no result. It is never run a second time by itself."""


class ActionsBroken(ActionError):  # noqa: N818 - what happened, in the words of the caller
    """The bot's package of actions does not load. `where` is `file:line` in it, relative to the bot's folder, or ""."""

    def __init__(self, action: str, detail: str, where: str = "") -> None:
        super().__init__(action, f"{where}: {detail}" if where else detail)
        self.detail, self.where = detail, where
