"""The demo account: a bike rental, its bot, and four people with passwords made afresh."""

import secrets
from collections.abc import Mapping
from typing import Any

from admin import Accounts, Bots, Grants, People, Role

ACCOUNT = "Harbour Bikes"
GREETING = "Ahoy! Ask about our bikes, or say that you want a person."
ACCENT = "#0f6674"

CAST: Mapping[str, tuple[str, str, Role]] = {
    "super_admin": ("Olivia Owner", "olivia@harbour-bikes.example", "super_admin"),
    "admin": ("Adam Admin", "adam@harbour-bikes.example", "admin"),
    "agent": ("Anna Agent", "anna@harbour-bikes.example", "agent"),
    "staff": ("Stefan Staff", "stefan@harbour-bikes.example", "agent"),
}
"""Who there is: the agent is granted the bot, the staff user is not."""


class Demo:
    """Makes the demo account, and gives its people new passwords."""

    def __init__(self, accounts: Accounts, bots: Bots, people: People, grants: Grants) -> None:
        self._accounts = accounts
        self._bots = bots
        self._people = people
        self._grants = grants

    async def make(self) -> dict[str, Any]:
        """Make what is missing and return account, bot and people with their passwords, which are new each time."""
        account = await self._account()
        bot = await self._bot(account)
        people = {who: await self._person(account, who, bot) for who in CAST}
        return {"account": account, "bot": bot, "people": people}

    async def _account(self) -> str:
        async for account in self._accounts.all():
            if account.body.name == ACCOUNT:
                return account.id
        return (await self._accounts.create(ACCOUNT)).id

    async def _bot(self, account: str) -> str:
        for bot in await self._bots.list(account):
            return bot.id
        made = await self._bots.create(
            account,
            ACCOUNT,
            "demo",
            greeting=GREETING,
            accent=ACCENT,
            transcript_mail="verified",
            transcript_icon=True,
            files="block",
        )
        return made.id

    async def _person(self, account: str, who: str, bot: str) -> dict[str, str]:
        name, email, role = CAST[who]
        password = secrets.token_urlsafe(12)
        person = await self._people.by_email(email)
        if person is None:
            person = await self._people.create(account, email, name, role, password)
        else:
            await self._people.set_password(account, person.id, password)
        if who == "agent":
            await self._grants.grant_to(account, person.id, bot)
        return {"name": name, "email": email, "password": password, "role": role}
