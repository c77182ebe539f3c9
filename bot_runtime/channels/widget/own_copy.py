"""The copy of everything that is held about a visitor: one archive with `data.json` for programs, `index.html` to read,
the files that were shared, and the hashes of all (Art. 15 and 20 GDPR, MS-11, E-8).

It holds what this browser may see (`holdings`) in the visitor's own view: no notes, no outcomes, no ids of people. It
leaves while it is made, the files first, so that what is written about them is what became of them.
"""

from collections.abc import AsyncGenerator, Sequence
from typing import Any

import msgspec

from bot_runtime.channels.widget.chats import Browser
from bot_runtime.channels.widget.holdings import Chat, Holdings, HoldingsOf
from bot_runtime.channels.widget.own_files import OwnFiles, Taken
from foundation.clock import Clock
from foundation.errors import Gone, NotFound
from foundation.web import Pages
from transcripts import copies
from transcripts.archives import Streamed
from transcripts.attachments import Attachments
from transcripts.conversations import Conversations
from transcripts.copies import Copy
from transcripts.masking import mask_address
from transcripts.notices import language_of
from transcripts.privacy_requests import PrivacyRequest
from transcripts.state import State
from transcripts.words import words


class OwnCopy:
    """Makes the copies. `most`: bytes of files in one of them."""

    def __init__(
        self,
        conversations: Conversations,
        holdings: HoldingsOf,
        attachments: Attachments,
        pages: Pages,
        clock: Clock,
        *,
        most: int,
    ) -> None:
        self._files = OwnFiles(attachments, most=most)
        self._conversations = conversations
        self._holdings = holdings
        self._pages = pages
        self._clock = clock
        pages.filter("copy_when", copies.when)

    async def of(
        self,
        browser: Browser,
        held: Holdings,
        *,
        controller: str,
        bots: dict[str, str],
        requests: Sequence[PrivacyRequest],
    ) -> AsyncGenerator[bytes, None]:
        """The archive, part by part, in the language of the browser. `bots` are their names by id."""
        packed, files = Streamed(), self._files.of(held.chats)
        async for part in self._files.pack(packed, files):
            yield part
        chats = [(chat, await self._copied(chat, browser, bots)) for chat in held.chats]
        data = data_of(held, controller=controller, bots=bots, requests=requests)
        said = {copied.state.id: copy for copied, copy in chats if copy is not None}
        for member in data["chats"]:
            copy = said.get(member["conversation"])
            member["events"] = list(copy.views) if copy else []
            member["files"] = [taken.plain() for _, _, taken in files if taken.conversation == member["conversation"]]
        data["made_at"] = self._clock.now()
        t = words(browser.locale)
        page = self._pages.text(
            "widget/copy.html",
            t=t,
            language=language_of(browser.locale),
            controller=controller,
            held=held,
            data=data,
            chats=chats,
            files=_by_chat([taken for _, _, taken in files]),
            at=self._clock.now(),
        )
        body = msgspec.json.format(msgspec.json.encode(data), indent=2)
        for name, text in (("data.json", body), ("index.html", page.encode())):
            for part in packed.text(name, text):
                yield part
        for part in packed.end():
            yield part

    async def _copied(self, chat: Chat, browser: Browser, bots: dict[str, str]) -> Copy | None:
        state = chat.state
        try:
            events = await self._conversations.events(state.account, state.id)
        except (NotFound, Gone):
            return None
        return copies.copy_of(state, events, bots.get(state.bot, "Bot"), locale=browser.locale)


def _by_chat(files: Sequence[Taken]) -> dict[str, list[Taken]]:
    found: dict[str, list[Taken]] = {}
    for one in files:
        found.setdefault(one.conversation, []).append(one)
    return found


def _site_says(state: State) -> dict[str, str] | None:
    """What the host site said of the visitor (YA-29)."""
    said = state.site
    return None if said is None else {"id": said.sub, "name": said.name, "address": said.email}


def data_of(
    held: Holdings,
    *,
    controller: str,
    bots: dict[str, str],
    requests: Sequence[PrivacyRequest],
) -> dict[str, Any]:
    """What is held, as plain values. An address that is not proven in this browser is masked, as in the chat (D-1)."""
    contact = held.contact
    state = "none" if not held.address else "typed" if contact is None else contact.state
    return {
        "controller": controller,
        "verified": held.verified,
        "address": held.address if held.verified else mask_address(held.address) if held.address else "",
        "address_state": state,
        "confirmed_at": contact.completed_at if contact else None,
        "name": held.name,
        "chats": [
            {
                "conversation": chat.state.id,
                "bot": bots.get(chat.state.bot, ""),
                "opened_at": chat.state.opened_at,
                "last_at": chat.state.last_at,
                "messages": chat.state.messages,
                "open": not chat.state.closed,
                "here": chat.here,
                "page": chat.state.page.url,
                "site_says": _site_says(chat.state),
                "links": chat.links,
                "views": chat.views,
                "kept_until": chat.kept_until,
            }
            for chat in held.chats
        ],
        "consents": [
            {
                "at": one.at,
                "given": not one.withdraws,
                "purposes": one.purposes,
                "version": one.version,
                "hash": one.hash,
                "locale": one.locale,
                "page": one.page,
                "method": one.method,
                "text": one.text,
            }
            for one in held.consents
        ],
        "mails": [
            *({"at": at, "kind": "opt_in", "tls": None} for chat in held.chats for at in chat.opt_in_mails),
            *(
                {"at": mail.sent_at, "kind": "transcript", "tls": mail.tls}
                for chat in held.chats
                for mail in chat.mails
            ),
        ],
        "requests": [
            {
                "what": one.what,
                "state": one.state,
                "at": one.at,
                "due": one.due,
                "words": one.words,
                "note": one.note,
                "why": one.why,
            }
            for one in requests
        ],
    }
