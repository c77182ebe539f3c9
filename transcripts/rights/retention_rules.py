"""For how long each kind of data is kept: a rule of the account, and rules of single bots that differ (YA-20, MS-8).

Without a rule the default holds. "For ever" is never a default: somebody chose it, with a reason, and that is in the
audit book (TI-3).
"""

from collections.abc import Sequence

import msgspec

from admin import AuditBook, By
from foundation.clock import Clock
from foundation.errors import Invalid
from foundation.ids import new_id
from foundation.keys import Keyring
from foundation.records import Collection, Engine, Kind, Record, Taken, Where
from transcripts.rights.holds import required_reason

RULE = Kind("retention_rule", fields=("scope", "data"), unique=(("account", "scope", "data"),))

CHOICES = (30, 60, 180)
"""Days that the page offers beside an own value (YA-20)."""
LONGEST = 3_650


class Rule(msgspec.Struct, frozen=True):
    """A rule. `scope` is a bot's id, empty for the account; `days` is `None` for ever; `by` is empty for a default."""

    scope: str
    data: str
    days: int | None
    by: str = ""
    at: int = 0
    reason: str = ""


class _Body(msgspec.Struct, frozen=True):
    days: int | None
    by: str
    at: int
    reason: str


class RetentionRules:
    """The rules of all accounts."""

    def __init__(self, engine: Engine, keyring: Keyring, clock: Clock, audit: AuditBook) -> None:
        self._rows: Collection[_Body] = Collection(engine, keyring, RULE, _Body)
        self._clock = clock
        self._audit = audit

    async def set(self, account: str, scope: str, data: str, days: int | None, *, reason: str, by: By) -> Rule:
        """Choose for how long. Raises `Invalid` for days out of range, and for "for ever" without a reason.

        That scope and kind of data are there is for the caller to know.
        """
        check_days(days)
        reason = required_reason(reason) if days is None or reason.strip() else ""
        before = await self._find(account, scope, data)
        body = _Body(days, by.person, self._clock.now(), reason)
        async with self._audit.recording(
            account,
            by,
            "retention.changed",
            scope,
            before={"data": data, "days": None if before is None else _said(before.body.days)},
            after={"data": data, "days": _said(days)},
        ):
            await self._write(account, scope, data, body)
        return Rule(scope, data, days, body.by, body.at, body.reason)

    async def of(self, account: str) -> Sequence[Rule]:
        """All rules that somebody chose."""
        return [_rule(record) async for record in self._rows.all(account)]

    async def _write(self, account: str, scope: str, data: str, body: _Body) -> None:
        try:
            await self._rows.insert(account, new_id(), body, scope=scope, data=data)
        except Taken:
            known = await self._find(account, scope, data)
            if known is not None:
                await self._rows.update(account, known.id, lambda _: {"body": body})

    async def _find(self, account: str, scope: str, data: str) -> Record[_Body] | None:
        found, _ = await self._rows.find(account, Where("scope", "=", scope), Where("data", "=", data), limit=1)
        return found[0] if found else None


def check_days(days: int | None) -> None:
    """Raise `Invalid` unless these are 1 to 3,650 days, or for ever."""
    if days is not None and not 1 <= days <= LONGEST:
        raise Invalid(f"Keep it for 1 to {LONGEST} days.", field="days")


def rule_for(rules: Sequence[Rule], scope: str, data: str, default: int) -> Rule:
    """The rule that counts for a bot: its own, else the account's, else the default."""
    for wanted in (scope, ""):
        for rule in rules:
            if (rule.scope, rule.data) == (wanted, data):
                return rule
    return Rule("", data, default)


def _said(days: int | None) -> str:
    return "for ever" if days is None else f"{days} days"


def _rule(record: Record[_Body]) -> Rule:
    body = record.body
    return Rule(str(record.fields["scope"]), str(record.fields["data"]), body.days, body.by, body.at, body.reason)
