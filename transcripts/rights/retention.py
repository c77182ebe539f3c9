"""Deletion by rule: a dry run that says exactly what would go, then a durable job in bounded steps (YA-20, MS-8).

Once a day every account is swept. Each step deletes at most `STEP` records, through the same way as an erasure (ledger,
keys, rows), and leaves a certificate; a job that was killed goes on where it was, because what is left is found anew.
What a legal hold covers is passed over, and shown.
"""

from collections.abc import Sequence

import msgspec

from admin import Accounts, AuditBook, Bots, By
from foundation.clock import DAY, Clock
from foundation.errors import Invalid, NotFound
from foundation.ids import new_id
from foundation.jobs import Job, Jobs
from foundation.keys import LedgerEntry
from transcripts.rights.certificates import Certificates
from transcripts.rights.erasures import Erasures
from transcripts.rights.holds import Covered, Holds
from transcripts.rights.retention_rules import RetentionRules, Rule, check_days, rule_for
from transcripts.rights.stocks import Stock

JOB = "retain"
STEP = 100


class Planned(msgspec.Struct, frozen=True):
    """What a rule would delete now. `before`: last use before this moment; `oldest`: the first of them."""

    data: str
    title: str
    bot: str
    rule: Rule
    before: int | None
    count: int
    held: int
    oldest: int | None


class RetainJob(msgspec.Struct, frozen=True):
    """The job's body: nothing but the account, which the job has."""


class Retention:
    """`stocks` are the kinds of data; more may be added before the first run."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        bots: Bots,
        rules: RetentionRules,
        stocks: Sequence[Stock],
        erasures: Erasures,
        holds: Holds,
        certificates: Certificates,
        audit: AuditBook,
        jobs: Jobs,
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._bots = bots
        self._rules = rules
        self._stocks = list(stocks)
        self._erasures = erasures
        self._holds = holds
        self._certificates = certificates
        self._audit = audit
        self._jobs = jobs
        self._clock = clock
        jobs.handle(JOB, self._work, body=RetainJob)

    def add(self, *stocks: Stock) -> None:
        """Keep these kinds by rule, too."""
        self._stocks += stocks

    @property
    def stocks(self) -> Sequence[Stock]:
        return self._stocks

    async def days(self, account: str, bot: str, data: str = "transcripts") -> int | None:
        """For how long this is kept, `None` for ever: what a notice may promise."""
        return rule_for(await self._rules.of(account), bot, data, self._stock(data).default_days).days

    async def preview(self, account: str, proposed: Rule | None = None) -> Sequence[Planned]:
        """The dry run: what would go now, by kind and bot, under the rules as they are, or with this one in place of
        its like. Nothing is changed. Raises `Invalid`, `NotFound` for a rule that cannot be."""
        rules = list(await self._rules.of(account))
        if proposed is not None:
            await self._check(account, proposed)
            rules = [rule for rule in rules if (rule.scope, rule.data) != (proposed.scope, proposed.data)]
            rules.insert(0, proposed)
        covered = await self._holds.active(account)
        return [
            await self._plan(account, stock, bot, rule, covered)
            for stock, bot, rule in await self._ruled(account, rules)
        ]

    async def choose(self, account: str, rule: Rule, *, by: By) -> Rule:
        """Set a rule and delete by it, soon and every day. Raises `Invalid`, `NotFound`."""
        await self._check(account, rule)
        chosen = await self._rules.set(account, rule.scope, rule.data, rule.days, reason=rule.reason, by=by)
        await self._jobs.put(account, JOB, RetainJob())
        return chosen

    async def sweep(self) -> None:
        """Put the day's job of every account."""
        day = self._clock.now() // DAY
        async for account in self._accounts.all():
            await self._erasures.run_queued(account.id)
            await self._jobs.put(account.id, JOB, RetainJob(), key=str(day))

    async def run(self, account: str) -> int:
        """Delete what the rules say, step by step; how many records went."""
        gone = 0
        for stock, bot, rule in await self._ruled(account, await self._rules.of(account)):
            if rule.days is None:
                continue
            before = self._clock.now() - rule.days * DAY
            while went := await self._step(account, stock, bot, rule, before):
                gone += went
        return gone

    async def _work(self, job: Job) -> None:
        await self.run(job.account)

    async def _step(self, account: str, stock: Stock, bot: str, rule: Rule, before: int) -> int:
        covered, ids = await self._holds.active(account), []
        async for old in stock.old(account, bot, before, covered):
            if not old.held:
                ids.append(old.id)
            if len(ids) == STEP:
                break
        if not ids:
            return 0
        made = new_id()
        whose = stock.whose(account, ids)
        keys: Sequence[str] = () if whose is None else await self._erasures.keys(whose)
        if whose is None:
            removed = await stock.remove(account, ids, before)
            if not removed:
                return 0
            counts = {stock.data: removed}
        else:
            entry = LedgerEntry(
                id=made,
                at=self._clock.now(),
                account=account,
                conversations=whose.conversations,
                contacts=whose.contacts,
                keys=tuple(keys),
            )
            counts = await self._erasures.execute(entry)
        said = (
            f"retention: {stock.data}, {rule.days} days, {'bot' if rule.scope else 'account' if rule.by else 'default'}"
        )
        certificate = await self._certificates.issue(
            account,
            "retention",
            rule=said,
            by=rule.by or "system",
            counts=counts,
            subjects=ids,
            keys=len(keys) or stock.keyed * sum(counts.values()),
            id=made,
            bot=bot,
        )
        await self._audit.write(account, "system", "retention.deleted", certificate.id, data=stock.data, counts=counts)
        return len(ids)

    async def _plan(self, account: str, stock: Stock, bot: str, rule: Rule, covered: Covered) -> Planned:
        if rule.days is None:
            return Planned(stock.data, stock.title, bot, rule, None, 0, 0, None)
        before = self._clock.now() - rule.days * DAY
        count = held = 0
        oldest: int | None = None
        async for old in stock.old(account, bot, before, covered):
            held += old.held
            count += not old.held
            if oldest is None and not old.held:
                oldest = old.at
        return Planned(stock.data, stock.title, bot, rule, before, count, held, oldest)

    async def _ruled(self, account: str, rules: Sequence[Rule]) -> list[tuple[Stock, str, Rule]]:
        """Each kind with each bot that it is kept by, and the rule that counts."""
        bots = [bot.id for bot in await self._bots.list(account)]
        return [
            (stock, bot, rule_for(rules, bot, stock.data, stock.default_days))
            for stock in self._stocks
            for bot in (bots if stock.per_bot else [""])
        ]

    async def _check(self, account: str, rule: Rule) -> None:
        check_days(rule.days)
        stock = self._stock(rule.data)
        if rule.scope and not stock.per_bot:
            raise Invalid(f"{stock.title} are kept for the whole account, not by bot.", field="scope")
        if rule.scope and await self._bots.get(account, rule.scope) is None:
            raise NotFound("There is no such bot.")

    def _stock(self, data: str) -> Stock:
        for stock in self._stocks:
            if stock.data == data:
                return stock
        raise Invalid("There is no such kind of data.", field="data")
