"""What has to be confirmed before a change of the lists is made. No I/O (I-16).

Three things are asked about, once each: opening to more than a /8 of IPv4 or a /32 of IPv6, by one range or by many
small ones together; and that the person who changes the lists would no longer be in any enabled one, which he may only
notice when he opens a link somewhere without a login.
"""

from collections.abc import Iterable, Mapping, Sequence

from admin.range_lists import AddressRange, RangeList
from admin.ranges import WIDEST, WIDEST_IPV6, Span, size_of_union
from foundation.errors import Conflict

Lists = Mapping[str, RangeList]


def require_confirmed(
    before: Lists,
    after: Lists,
    *,
    spans: Iterable[Span] = (),
    you: int | None = None,
    now: int,
    confirm: bool,
) -> bool:
    """Raise `Conflict` (`field`: `confirm`, with `reasons`) for a change that is not confirmed and should be; else
    whether it had to be. `spans`: those that the change adds. `you`: the number of the changing person's address."""
    reasons, sentences = [], []
    wide = _widest(before, after, spans, now)
    if wide is not None:
        reasons.append("range_is_wide")
        sentences.append(
            f"These are {wide:,} addresses, more than a /8 (of IPv6: a /32): a large part of the internet could read "
            "shared transcripts without a login."
        )
    if you is not None and _holds(before, you, now) and not _holds(after, you, now):
        reasons.append("self_lockout")
        sentences.append("Your own address would no longer be in any enabled list.")
    if reasons and not confirm:
        said = " ".join([*sentences, "Nothing was changed. If it is meant, confirm it and send it again."])
        raise Conflict(
            said,
            field="confirm",
            reasons=reasons,
            **({} if wide is None else {"addresses": wide if wide < 2**53 else str(wide)}),
        )
    return bool(reasons)


def _widest(before: Lists, after: Lists, spans: Iterable[Span], now: int) -> int | None:
    """The addresses of the widest thing that the change opens and that is too wide to go unasked."""
    found = [span.size for span in spans if span.is_wide]
    for scope, lists in after.items():
        was = before.get(scope, RangeList(scope))
        if lists.ranges == was.ranges:
            continue
        for ipv6, most in ((False, WIDEST), (True, WIDEST_IPV6)):
            size = _size(lists.ranges, now, ipv6=ipv6)
            if size > most and size > _size(was.ranges, now, ipv6=ipv6):
                found.append(size)
    return max(found, default=None)


def _size(ranges: Sequence[AddressRange], now: int, *, ipv6: bool) -> int:
    return size_of_union(one.span for one in ranges if one.span.is_ipv6 == ipv6 and one.is_live(now))


def _holds(lists: Lists, address: int, now: int) -> bool:
    return any(
        one.span.first <= address <= one.span.last and one.is_live(now)
        for known in lists.values()
        if known.enabled
        for one in known.ranges
    )
