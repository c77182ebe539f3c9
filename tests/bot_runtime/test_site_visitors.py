"""YA-29: the host site says who its visitor is; a token that is not right shows nobody's history."""

import contextlib
import hashlib
import json
import secrets
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from admin import SYSTEM
from bot_runtime.channels.widget.visit import POLL_EVERY
from bot_runtime.site_visitors import SiteKeys
from bot_runtime.site_visitors.visitors import COMES_BACK
from foundation.clock import MINUTE, SECOND
from foundation.errors import Conflict, NotFound
from foundation.ids import new_id
from foundation.live import LocalSignals
from tests.bot_runtime.conftest import Shop, Talk, open_shop
from tests.site import claims_of, packed, signed
from tests.talking import Json, Visitor
from transcripts.events import SiteIdentified


@pytest_asyncio.fixture
async def shop(talk: Talk) -> AsyncIterator[Shop]:
    async with open_shop(talk) as opened:
        yield opened


class Host:
    """A site with a key of its own."""

    def __init__(self, shop: Shop, secret: str) -> None:
        self.shop = shop
        self.secret = secret

    def claims(self, sub: str = "kim-7", **more: Any) -> Json:
        return claims_of(self.shop.desk.bot.id, now=self.shop.desk.clock.now() // SECOND, sub=sub, **more)

    def token(self, sub: str = "kim-7", **more: Any) -> str:
        return signed(self.secret, self.claims(sub, **more))


@pytest_asyncio.fixture
async def host(shop: Shop) -> Host:
    desk = shop.desk
    key = await desk.site_keys.make(desk.account.id, desk.bot.id, by=SYSTEM)
    return Host(shop, key.body.secret)


class Page:
    """One page of the site with the widget in it: says hello as often as its line breaks."""

    def __init__(self, shop: Shop, token: str, *, device: str | None = None) -> None:
        self.shop = shop
        self.hello: Json = {"type": "hello", "bot": shop.desk.bot.id, "device": device, "since": 0}
        if token:
            self.hello |= {"identity": token, "use": secrets.token_urlsafe(32)}
        self.refused = ""

    @contextlib.asynccontextmanager
    async def open(self, *, consent: bool = True, device: str = "") -> AsyncIterator[Visitor]:
        """Open the socket and accept the notice."""
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{self.shop.base}/ws/visitor", headers={"Origin": self.shop.base}) as socket,
        ):
            visitor = Visitor(self.shop.base, socket)
            visitor.device, visitor.key, visitor.bot = device or None, None, self.shop.desk.bot.id
            await visitor.send(**self.hello)
            visitor.welcome = await visitor.of("welcome")
            self.refused = "".join(frame["detail"] for frame in visitor.frames if frame["type"] == "error")
            if visitor.welcome["seq"]:
                await visitor.frame(lambda frame: frame["type"] == "events")
            if consent and not visitor.welcome["consented"]:
                await visitor.consent()
            yield visitor

    async def visit(self, *words: str, consent: bool = True, device: str = "") -> Visitor:
        """Open the socket, accept the notice, say something; what was told is kept after the socket is closed."""
        async with self.open(consent=consent, device=device) as visitor:
            for word in words:
                assert (await visitor.say(word))["type"] == "ack"
                await visitor.says("visitor", word)
        return visitor


def said(visitor: Visitor) -> list[str]:
    return [text for by, text in visitor.texts() if by == "visitor"]


async def test_YA_29_the_same_visitor_finds_his_chat_in_another_browser(shop: Shop, host: Host) -> None:
    first = await Page(shop, host.token()).visit("my bicycle is blue")
    other = await Page(shop, host.token()).visit()
    assert other.welcome["conversation"] == first.welcome["conversation"]
    assert other.welcome["consented"] is True
    assert said(other) == ["my bicycle is blue"]
    stranger = await Page(shop, host.token("eve-9")).visit(consent=False)
    assert stranger.welcome["conversation"] is None


async def test_YA_29_a_token_is_for_one_page_which_may_come_back_with_it(shop: Shop, host: Host) -> None:
    token = host.token()
    page = Page(shop, token)
    await page.visit("my bicycle is blue")
    thief = Page(shop, token)
    assert (await thief.visit(consent=False)).welcome["conversation"] is None
    assert "used before" in thief.refused
    await shop.desk.clock.advance(COMES_BACK - 1)
    assert said(await page.visit()) == ["my bicycle is blue"], "its line broke; the token is older than it may be"
    await shop.desk.clock.advance(2)
    assert (await page.visit(consent=False)).welcome["conversation"] is None
    assert "expired" in page.refused
    assert await shop.desk.site_visitors.forget_old() == 1


FORGED: dict[str, Any] = {
    "another key": lambda host: signed(secrets.token_urlsafe(32), host.claims()),
    "no key at all": lambda host: signed("", host.claims()),
    "alg none": lambda host: f"{packed({'alg': 'none'})}.{packed(host.claims())}.",
    "alg none, signed": lambda host: signed(host.secret, host.claims(), {"alg": "none"}),
    "alg None": lambda host: signed(host.secret, host.claims(), {"alg": "nOnE"}),
    "HS512": lambda host: signed(host.secret, host.claims(), {"alg": "HS512"}, hashlib.sha512),
    "RS256": lambda host: signed(host.secret, host.claims(), {"alg": "RS256"}),
    "no alg": lambda host: signed(host.secret, host.claims(), {"typ": "JWT"}),
    "a key in the header": lambda host: signed("x", host.claims(), {"alg": "HS256", "jwk": {"kty": "oct", "k": "eA"}}),
    "an address of keys": lambda host: signed(
        host.secret, host.claims(), {"alg": "HS256", "jku": "https://evil.example"}
    ),
    "crit": lambda host: signed(host.secret, host.claims(), {"alg": "HS256", "crit": ["exp"]}),
    "an encrypted one": lambda host: signed(host.secret, host.claims(), {"alg": "HS256", "typ": "JWE"}),
    "a changed body": lambda host: host.token().replace(".", f".{packed(host.claims('eve'))}.", 1).rsplit(".", 2)[0],
    "without signature": lambda host: host.token().rpartition(".")[0] + ".",
    "half a signature": lambda host: host.token()[:-10],
    "padded": lambda host: host.token() + "=",
    "not canonical": lambda host: _not_canonical(host.token()),
    "two parts": lambda host: host.token().rpartition(".")[0],
    "four parts": lambda host: host.token() + ".x",
    "no token": lambda _: "hello",
    "too long": lambda host: host.token(note="x" * 2_000),
    "another bot": lambda host: host.token(aud=new_id()),
    "audiences": lambda host: host.token(aud=[host.shop.desk.bot.id]),
    "no audience": lambda host: signed(host.secret, _without(host.claims(), "aud")),
    "no subject": lambda host: signed(host.secret, _without(host.claims(), "sub")),
    "an empty subject": lambda host: host.token(""),
    "a subject that is an object": lambda host: host.token({"$ne": None}),
    "a long subject": lambda host: host.token("x" * 201),
    "a subject over lines": lambda host: host.token("kim\n7"),
    "no jti": lambda host: signed(host.secret, _without(host.claims(), "jti")),
    "no exp": lambda host: signed(host.secret, _without(host.claims(), "exp")),
    "no iat": lambda host: signed(host.secret, _without(host.claims(), "iat")),
    "over": lambda host: _at(host, -301, -1),
    "just over": lambda host: _at(host, -300, 0),
    "longer than ten minutes": lambda host: _at(host, 0, 601),
    "from the future": lambda host: _at(host, 61, 120),
    "backwards": lambda host: _at(host, 30, 20),
    "times as words": lambda host: host.token(exp="soon"),
    "an email that is none": lambda host: host.token(email="kim at home"),
    "an email with a line": lambda host: host.token(email="kim@x.example\r\nBcc: eve@x.example"),
    "a name that turns the line": lambda host: host.token(name="Kim \u202e"),
    "a long name": lambda host: host.token(name="x" * 81),
}


def _at(host: Host, iat: int, exp: int) -> str:
    now = host.shop.desk.clock.now() // SECOND
    return host.token(iat=now + iat, exp=now + exp)


def _without(claims: Json, name: str) -> Json:
    return {key: value for key, value in claims.items() if key != name}


def _not_canonical(token: str) -> str:
    """The same bytes, spelt with other unused bits at the end."""
    signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + signs[signs.index(token[-1]) + 1]


async def test_YA_29_a_failing_token_shows_no_history_and_begins_afresh(shop: Shop, host: Host) -> None:
    """The allowed case first; then every forgery, from a browser whose device has a chat of its own."""
    own = await Page(shop, "").visit("anonymous words")
    assert said(await Page(shop, host.token()).visit("the words of Kim")) == ["the words of Kim"]
    rows = await shop.stored()
    for name, forge in FORGED.items():
        page = Page(shop, forge(host), device=own.device)
        visitor = await page.visit(consent=False)
        assert visitor.welcome["conversation"] is None, name
        assert visitor.welcome["consented"] is False, name
        assert visitor.welcome["other_browser"] is True, name
        assert not visitor.events, name
        assert "was not taken" in page.refused, name
    assert await shop.stored() == rows, "nothing was stored without a consent"
    fresh = await Page(shop, FORGED["over"](host), device=own.device).visit("new words")
    assert said(fresh) == ["new words"]
    assert fresh.welcome["conversation"] not in {own.welcome["conversation"], None}


async def test_YA_29_a_failing_token_with_a_device_that_has_chats_is_refused_at_the_consent(shop, host) -> None:
    own = await Page(shop, "").visit("anonymous words")
    with pytest.raises(TimeoutError):  # the consent is answered by an error, no second welcome comes
        await _consent_with(shop, FORGED["over"](host), own.device)
    assert said(await Page(shop, "", device=own.device).visit()) == ["anonymous words"], "without a token it is his"


async def _consent_with(shop: Shop, token: str, device: str) -> None:
    page = Page(shop, token)
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{shop.base}/ws/visitor", headers={"Origin": shop.base}) as socket,
    ):
        visitor = Visitor(shop.base, socket)
        await visitor.send(**page.hello)
        welcome = await visitor.of("welcome")
        await visitor.send(type="consent", notice=welcome["notice"]["version"], device=device)
        answer = await visitor.frame(lambda frame: frame["type"] in {"welcome", "error"} and frame is not welcome)
        assert answer["code"] == "conflict", answer
        raise TimeoutError


async def test_YA_29_clocks_may_differ_a_little(shop: Shop, host: Host) -> None:
    for iat, exp in ((60, 120), (0, 600), (-599, 1)):
        page = Page(shop, _at(host, iat, exp))
        await page.visit(consent=False)
        assert page.refused == ""


async def test_YA_29_DD_6_what_the_site_says_is_no_proof(shop: Shop, host: Host) -> None:
    visitor = await Page(shop, host.token(name="Kim", email="kim@visitors.example")).visit("hello")
    await Page(shop, host.token(name="Kim", email="kim@visitors.example")).visit()
    desk, chat = shop.desk, visitor.welcome["conversation"]
    state = await desk.conversations.state(desk.account.id, chat)
    assert (state.site.name, state.site.email) == ("Kim", "kim@visitors.example")
    assert (state.address, state.contact, state.verification.state, state.name) == ("", None, "none", "")
    events = [one.event for one in await desk.conversations.events(desk.account.id, chat)]
    assert sum(isinstance(event, SiteIdentified) for event in events) == 1, "said twice, kept once"
    assert not any(event["kind"] == "identified" for event in visitor.events)
    await Page(shop, host.token(name="Kim K.")).visit()
    assert (await desk.conversations.state(desk.account.id, chat)).site.name == "Kim K."


async def test_YA_29_keys_are_made_rotated_and_revoked(shop: Shop, host: Host) -> None:
    desk = shop.desk
    account, bot = desk.account.id, desk.bot.id
    new = await desk.site_keys.make(account, bot, by=SYSTEM)
    page = Page(shop, host.token())
    first = await page.visit("hello")
    host.secret, old = new.body.secret, host.secret
    assert (await Page(shop, host.token()).visit()).welcome["conversation"] == first.welcome["conversation"]
    (first_key,) = [key for key in await desk.site_keys.of(account, bot) if key.body.secret == old]
    await desk.site_keys.revoke(account, bot, first_key.id, by=SYSTEM)
    host.secret = old
    assert (await Page(shop, host.token()).visit(consent=False)).welcome["conversation"] is None
    assert (await page.visit(consent=False)).welcome["conversation"] is None, "nor does its page come back"
    with pytest.raises(NotFound):
        await desk.site_keys.revoke(account, new_id(), new.id, by=SYSTEM)
    for _ in range(3):
        await desk.site_keys.make(account, bot, by=SYSTEM)
    with pytest.raises(Conflict):
        await desk.site_keys.make(account, bot, by=SYSTEM)
    actions = [entry.action for _, entry in await desk.admin.audit.read(account)]
    assert (actions.count("site_key.made"), actions.count("site_key.revoked")) == (5, 1)


async def test_YA_29_C_20_who_came_with_a_key_that_is_revoked_goes(shop: Shop, host: Host) -> None:
    """His open socket is closed and his ticket opens nothing more; who came with another key, or with none, stays."""
    desk = shop.desk
    account, bot = desk.account.id, desk.bot.id
    (old,) = await desk.site_keys.of(account, bot)
    async with Page(shop, host.token()).open() as his, Page(shop, "").open() as nobodys:
        assert (await his.say("hello"))["type"] == "ack"
        host.secret = (await desk.site_keys.make(account, bot, by=SYSTEM)).body.secret
        async with Page(shop, host.token("eve")).open() as other:
            assert (await other.say("hello"))["type"] == "ack"
            path, ticket = f"{shop.base}/w/{bot}/transcript", {"device": secrets.token_urlsafe(32)}
            async with aiohttp.ClientSession(headers={"Origin": shop.base}) as session:
                for visitor, is_revoked, status in ((his, False, 200), (his, True, 404), (other, True, 200)):
                    if is_revoked and visitor is his:
                        await desk.site_keys.revoke(account, bot, old.id, by=SYSTEM)
                    ticket["ticket"] = visitor.welcome["ticket"]
                    async with session.post(path, json=ticket) as answer:
                        assert answer.status == status, (visitor is his, is_revoked)
            with pytest.raises(ConnectionResetError):
                await his.of("nothing that is ever sent")
            assert his.close_code == 4401
            for stays in (other, nobodys):
                assert (await stays.say("I am still here"))["type"] == "ack"


async def test_YA_29_a_revocation_that_was_not_heard_of_is_found_by_the_poll(shop: Shop, host: Host, engine) -> None:
    desk = shop.desk
    (key,) = await desk.site_keys.of(desk.account.id, desk.bot.id)
    deaf = SiteKeys(engine, desk.keyring, desk.clock, desk.admin.audit, LocalSignals())
    async with Page(shop, host.token()).open() as his:
        await deaf.revoke(desk.account.id, desk.bot.id, key.id, by=SYSTEM)
        assert (await his.say("nobody told this node"))["type"] == "ack"
        await desk.clock.advance(POLL_EVERY)
        with pytest.raises(ConnectionResetError):
            await his.of("nothing that is ever sent")
        assert his.close_code == 4401


async def test_YA_29_the_doors_beside_the_socket_know_him_by_his_ticket(shop: Shop, host: Host) -> None:
    visitor = await Page(shop, host.token()).visit("hello")
    path = f"{shop.base}/w/{shop.desk.bot.id}/transcript"
    ticket, device = visitor.welcome["ticket"], secrets.token_urlsafe(32)
    other = await Page(shop, host.token("eve")).visit("hello")
    forged = ticket.replace(ticket.split(".")[1], other.welcome["ticket"].split(".")[1])
    async with aiohttp.ClientSession(headers={"Origin": shop.base}) as session:
        for given, status in ((ticket, 200), ("", 404), (forged, 404), (ticket[:-1], 404)):
            async with session.post(path, json={"device": device, "ticket": given}) as answer:
                assert answer.status == status, given
        await shop.desk.clock.advance(COMES_BACK + MINUTE)
        async with session.post(path, json={"device": device, "ticket": ticket}) as answer:
            assert answer.status == 404


async def test_K_10_the_secret_of_a_key_is_sealed_and_the_subject_is_no_index(shop: Shop, host: Host, engine) -> None:
    await Page(shop, host.token("canary-subject", name="Canary Name")).visit("hello")
    stored = [one async for some in engine.dump() for one in some]
    plain = b"".join(one.row.body if one.row else one.batch.body for one in stored).lower()
    plain += json.dumps([dict(one.row.fields) for one in stored if one.row], default=str).lower().encode()
    assert {"site_key", "site_token"} <= {one.kind for one in stored}
    assert b"canary" not in plain
    assert host.secret.lower().encode() not in plain
