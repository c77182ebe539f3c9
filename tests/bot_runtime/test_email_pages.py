"""The staff's pages of the e-mail proof, through a real listener (DD-2, DD-3, DD-7, DD-9, D-17)."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
import pytest_asyncio

import admin
from admin import AdminFrame
from admin.roles import Role
from bot_runtime import verification
from foundation.clock import DAY, ManualClock
from foundation.web import build_app
from tests.bot_runtime.conftest import STATICS, Desk, code_in, serving
from transcripts.events import EmailSupplied

JANE = "jane@visitors.example"
PASSWORD = "tall lamps near the harbour"
ROLES: tuple[Role, ...] = ("super_admin", "admin", "supervisor", "agent", "auditor")
PAGES = (
    "/admin/email", "/admin/email/wording/en", "/admin/email/wording/de/preview", "/admin/contacts",
    "/admin/suppressed", "/admin/opt-in-mails",
)  # fmt: skip

WORDING = "Hello from {bot}.\n\n    {code}\n\nvalid {minutes} minutes\n{link}\nvalid {hours} hours"


@dataclass
class Staff:
    desk: Desk
    base: str
    http: aiohttp.ClientSession
    cookies: dict[str, str]

    async def get(self, path: str, who: str = "admin") -> tuple[int, str]:
        async with self.http.get(self.base + path, headers=self._as(who), allow_redirects=False) as answer:
            return answer.status, await answer.text()

    async def post(self, path: str, who: str = "admin", **fields: str) -> tuple[int, str]:
        headers = {"Origin": self.base} | self._as(who)
        async with self.http.post(self.base + path, data=fields, headers=headers, allow_redirects=False) as answer:
            return answer.status, await answer.text()

    def _as(self, who: str) -> dict[str, str]:
        return {"Cookie": f"__Host-sid={self.cookies[who]}"} if who else {}

    async def actions(self) -> list[str]:
        return [entry.action for _, entry in await self.desk.admin.audit.read(self.desk.account.id, 0, 10_000)]


@pytest_asyncio.fixture
async def staff(desk: Desk) -> AsyncIterator[Staff]:
    frame = AdminFrame(desk.pages, desk.admin.accounts)
    cookies = {}
    for role in ROLES:
        person = await desk.admin.people.create(desk.account.id, f"{role}@blue.example", role, role, PASSWORD)
        cookies[role] = await desk.admin.sessions.open(person)
    routes = verification.routes(
        desk.proof,
        desk.admin,
        frame,
        contacts=desk.contacts,
        conversations=desk.conversations,
        post=desk.post,
        clock=desk.clock,
    )
    runner, base = await serving(
        lambda settings: build_app(
            routes,
            settings=settings,
            pages=desk.pages,
            statics=(*STATICS, *admin.STATICS),
            clock=desk.clock,
            cleanup_ctx=[desk.admin.running],
        )
    )
    async with aiohttp.ClientSession() as http:
        yield Staff(desk, base, http, cookies)
    await runner.cleanup()


SETTINGS = {
    "send": "given", "link_hours": "48", "code_minutes": "15", "proof_days": "30", "stay": "true",
    "sender_name": "Blue", "reply_to": "help@blue.example", "questions": "Order number?\nPostcode?",
}  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
async def test_admins_see_the_pages_and_nobody_else_does(staff: Staff, path: str) -> None:
    answers = {who: (await staff.get(path, who))[0] for who in ROLES}
    assert answers == {"super_admin": 200, "admin": 200, "supervisor": 403, "agent": 403, "auditor": 403}
    assert (await staff.get(path, ""))[0] == 303


async def test_DD_2_the_settings_count_for_the_next_address(staff: Staff, clock: ManualClock) -> None:
    assert (await staff.post("/admin/email", **SETTINGS))[0] == 303
    desk = staff.desk
    chat = await desk.chat()
    await desk.supply(chat, JANE)
    mail = await desk.mail()
    assert mail.sender == "Blue <desk@blue.example>"
    assert mail.headers == {"Reply-To": "help@blue.example"}
    assert "15 minutes" in mail.text
    assert "48 hours" in mail.text
    assert await desk.enter(chat, code_in(mail), stay=True) == "verified"
    await clock.advance(30 * DAY)
    await desk.proof.verification.recognise(desk.account.id, chat.id)
    assert "expired" in (await desk.state(chat)).verification.why
    assert "email.settings" in await staff.actions()


@pytest.mark.parametrize(
    ("field", "value"),
    [("link_hours", "0"), ("code_minutes", "4"), ("proof_days", "-1"), ("proof_days", "x"), ("send", "never"),
     ("sender_name", "a <b@c>"), ("reply_to", "no address"), ("questions", "q\n" * 11)],
)  # fmt: skip
async def test_wrong_settings_change_nothing(staff: Staff, field: str, value: str) -> None:
    assert (await staff.post("/admin/email", **SETTINGS))[0] == 303
    before = await staff.desk.proof.policies.of(staff.desk.account.id)
    status, page = await staff.post("/admin/email", **SETTINGS | {field: value})
    assert status == 422
    assert 'class="error"' in page
    assert await staff.desk.proof.policies.of(staff.desk.account.id) == before


async def test_DD_2_an_address_may_be_asked_for_without_a_mail_and_known_ones_look_the_same(staff: Staff) -> None:
    desk = staff.desk
    await desk.verified(JANE)
    assert (await staff.post("/admin/email", **SETTINGS | {"send": "asked"}))[0] == 303
    mails = len(await desk.mails())
    seen = []
    for address in (JANE, "kim@visitors.example"):
        chat = await desk.chat()
        await desk.supply(chat, address, client_id=f"id of {address}")
        seen.append((await desk.state(chat)).seq)
        assert (await desk.state(chat)).verification.state == "preliminary"
    assert seen[0] == seen[1], "D-1"
    assert len(await desk.mails()) == mails
    await desk.proof.verification.send(desk.account.id, chat.id, by="agent", author="ann")
    assert (await desk.mail()).to == "kim@visitors.example"


async def test_D_14_own_words_fill_the_mail_and_the_evidence_names_them(staff: Staff) -> None:
    desk = staff.desk
    html = '<p style="color: #123456">{bot}: <b>{code}</b> <a href="{link}">here</a></p>'
    assert (await staff.post("/admin/email/wording/en", text=WORDING, html=html))[0] == 303
    await desk.admin.bots.change(desk.account.id, desk.bot.id, name="Bikes & {link} <Co>")
    await desk.supply(await desk.chat(), JANE)
    mail = await desk.mail()
    assert mail.text.startswith("Hello from Bikes & {link} <Co>.\n")
    assert mail.html is not None
    assert "Bikes &amp; {link} &lt;Co&gt;" in mail.html, "a value is never looked at again"
    assert mail.subject == "Your code for the chat"
    (fate,), _ = await desk.proof.fates.list(desk.account.id)
    status, page = await staff.get(f"/admin/opt-ins/{fate.id}")
    assert status == 200
    own = (await desk.proof.policies.of(desk.account.id)).wordings["en"]
    assert page.count(own.hash) == 2
    assert (await staff.post("/admin/email/wording/en", ours="true"))[0] == 303
    assert (await desk.proof.policies.of(desk.account.id)).wordings == {}


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("no places", ""),
        (WORDING + "{visitor}", ""),
        ("", ""),
        (WORDING, "<p>{code}</p>"),
        (WORDING, "<script>{code}{link}</script>"),
        (WORDING, '<img src="https://track.example/x.png">{code}{link}'),
        (WORDING, '<p onclick="x()">{code}{link}</p>'),
        (WORDING, '<a href="javascript:x()">{code}{link}</a>'),
        (WORDING, '<a href="//evil.example">{code}{link}</a>'),
        (WORDING, '<p style="background: url(https://t.example)">{code}{link}</p>'),
        (WORDING, "<p>{code}{link}"),
        (WORDING, "<p>{code}{link}</p></p>"),
        (WORDING, "<form><p>{code}{link}</p></form>"),
        (WORDING, "<!-- x --><p>{code}{link}</p>"),
        (WORDING, "<p>{code}{link}</p><"),
        (WORDING, "{% raw %}{code}{link}<svg></svg>"),
    ],
)
async def test_words_that_could_harm_or_do_not_work_are_refused(staff: Staff, text: str, html: str) -> None:
    status, page = await staff.post("/admin/email/wording/en", text=text, html=html)
    assert status == 422
    assert 'class="error"' in page
    assert (await staff.desk.proof.policies.of(staff.desk.account.id)).wordings == {}


async def test_the_test_mail_goes_to_oneself_and_its_link_opens_nothing(staff: Staff) -> None:
    assert (await staff.post("/admin/email/wording/de/test"))[0] == 303
    (mail,) = staff.desk.post.sent
    assert (mail.to, mail.language) == ("admin@blue.example", "de")
    found = re.search(r"/v/(\S+)", mail.text)
    assert found
    async with staff.http.get(f"{staff.base}/v/{found[1]}") as answer:
        assert answer.status == 410


async def test_DD_3_the_contacts_show_completed_opt_ins_only_and_are_found_by_the_whole_address(staff: Staff) -> None:
    await staff.desk.verified(JANE)
    await staff.desk.supply(await staff.desk.chat(), "kim@visitors.example")
    _, page = await staff.get("/admin/contacts")
    assert JANE in page
    assert "kim@" not in page
    assert JANE in (await staff.get("/admin/contacts?address=JANE@visitors.example"))[1]
    assert "No contact" in (await staff.get("/admin/contacts?address=jane"))[1]
    assert "No contact" in (await staff.get("/admin/contacts?address=kim@visitors.example"))[1]
    known = await staff.desk.contacts.by_address(staff.desk.account.id, "kim@visitors.example")
    assert known is not None
    assert (await staff.get(f"/admin/contacts/{known.id}"))[0] == 404
    assert (await staff.get(f"/admin/contacts/{'A' * 22}"))[0] == 404


async def test_DD_7_all_browsers_of_a_contact_are_asked_again_and_open_chats_say_so(staff: Staff) -> None:
    chat = await staff.desk.verified(JANE)
    contact = (await staff.desk.state(chat)).contact
    assert (await staff.get(f"/admin/contacts/{contact}"))[0] == 200
    assert (await staff.post(f"/admin/contacts/{contact}/revoke", "agent"))[0] == 403
    assert (await staff.desk.state(chat)).verification.state == "verified"
    assert (await staff.post(f"/admin/contacts/{contact}/revoke"))[0] == 303
    state = await staff.desk.state(chat)
    assert (state.verification.state, state.verification.why) == ("preliminary", "The proof was revoked.")
    assert {"contact.read", "email.revoked"} <= set(await staff.actions())


async def test_DD_7_the_whole_account_is_asked_again_by_a_super_admin_only(staff: Staff) -> None:
    chat = await staff.desk.verified(JANE)
    assert (await staff.post("/admin/contacts/revoke"))[0] == 403
    assert (await staff.post("/admin/contacts/revoke", "super_admin"))[0] == 303
    assert (await staff.desk.state(chat)).verification.state == "preliminary"


async def test_DD_9_an_address_is_suppressed_looked_up_and_taken_off_with_reasons(staff: Staff) -> None:
    desk = staff.desk
    assert (await staff.post("/admin/suppressed", address=JANE, reason="x"))[0] == 422
    assert (await staff.post("/admin/suppressed", address="jane", reason="asked for it"))[0] == 422
    assert (await staff.post("/admin/suppressed", address=JANE, reason="asked for it", days="0"))[0] == 422
    assert not await desk.contacts.is_suppressed(desk.account.id, JANE)
    assert (await staff.post("/admin/suppressed", address=JANE, reason="asked for it"))[0] == 303
    chat = await desk.chat()
    await desk.supply(chat, JANE)
    assert await desk.mails() == []
    assert (await desk.events(chat, EmailSupplied))[0].outcome == "suppressed"
    _, page = await staff.get("/admin/suppressed")
    assert "j***@visitors.example" in page
    assert JANE not in page
    entry = await desk.contacts.suppression(desk.account.id, JANE)
    assert entry is not None
    assert (await staff.post(f"/admin/suppressed/{entry.id}/delete", reason=""))[0] == 422
    assert await desk.contacts.is_suppressed(desk.account.id, JANE)
    assert (await staff.post(f"/admin/suppressed/{entry.id}/delete", reason="she asked again"))[0] == 303
    assert not await desk.contacts.is_suppressed(desk.account.id, JANE)
    assert {"email.suppressed", "email.unsuppressed"} <= set(await staff.actions())


async def test_D_17_the_evidence_is_one_page_for_those_with_the_right_and_read_on_record(staff: Staff) -> None:
    await staff.desk.verified(JANE)
    (fate,), _ = await staff.desk.proof.fates.list(staff.desk.account.id)
    for who in ("supervisor", "agent", "auditor"):
        assert (await staff.get(f"/admin/opt-ins/{fate.id}", who))[0] == 403
    assert "email.evidence_read" not in await staff.actions()
    status, page = await staff.get(f"/admin/opt-ins/{fate.id}")
    assert status == 200
    for words in (JANE, "opt-in-1", "The mail left", "The address was confirmed", fate.id):
        assert words in page
    assert "email.evidence_read" in await staff.actions()
    assert (await staff.get(f"/admin/opt-ins/{'A' * 22}"))[0] == 404
