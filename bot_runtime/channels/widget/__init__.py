"""The chat window on the operator's web pages: a page in an iframe of our origin, and a socket behind it."""

from bot_runtime.channels.widget.chats import Chats
from bot_runtime.channels.widget.doors import STATIC, WidgetDoors
from bot_runtime.channels.widget.files import VisitorFiles
from bot_runtime.channels.widget.holdings import HoldingsOf
from bot_runtime.channels.widget.own_transcript import OwnTranscript
from bot_runtime.channels.widget.privacy_doors import PrivacyDoors
from bot_runtime.channels.widget.visit import Services

__all__ = ["STATIC", "Chats", "HoldingsOf", "OwnTranscript", "PrivacyDoors", "Services", "VisitorFiles", "WidgetDoors"]
