"""Proof of an e-mail address in a chat, by double opt-in: safe against scanners, strangers and floods.

`Verification` is what the widget, the bot, the opt-in page and the desk use. `build` puts its parts together.
"""

from bot_runtime.verification.building import KINDS, Proof, build
from bot_runtime.verification.doors import routes
from bot_runtime.verification.requests import Asker
from bot_runtime.verification.service import Verification

__all__ = ["KINDS", "Asker", "Proof", "Verification", "build", "routes"]
