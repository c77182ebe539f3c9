"""All ways through the stories and rules of a project, as linear paths (`generator.py`, `story_step_builder.py`).

`or` fans out, checkpoints join stories, and what a story leaves unsaid is filled in: the bot listens before each
message and at the end, entities set their slots, a rule begins with `...` ("anything may stand here") and ends with
it if it does not wait. In a rule `null` means "must not be set". A cycle of checkpoints is followed twice and then
left.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from bot_runtime.assistants.domain import LISTEN, SNIPPET, Domain
from bot_runtime.assistants.errors import Findings
from bot_runtime.assistants.events import active_loop, executed, slot_set
from bot_runtime.assistants.fold import Fold, applied
from bot_runtime.assistants.slots import UNSET
from bot_runtime.assistants.states import State, View, rule_state
from bot_runtime.assistants.story_data import Checkpoint, Event, Path, Step, Story
from bot_runtime.assistants.tracker import Tracker

_START = ""
_END = "\x00end"
MOST_WAYS = 20_000  # where an author's `or`s multiply beyond use; far above real projects
_ROUNDS = 2


class _Segment(msgspec.Struct, frozen=True):
    """A piece of a story between two checkpoints. `starts` are (checkpoint, slot conditions)."""

    story: Story
    starts: tuple[tuple[str, dict[str, Any]], ...]
    choices: tuple[tuple[Event, ...], ...]
    end: str


Starting = dict[str, list[tuple[_Segment, dict[str, Any]]]]


def paths(stories: Iterable[Story], view: View, findings: Findings) -> list[Path]:
    """The distinct paths through these stories (or these rules: never both at once), in the order of the files."""
    segments = [segment for story in stories for segment in _segments(story)]
    starting: Starting = defaultdict(list)
    for segment in segments:
        for name, conditions in segment.starts:
            starting[name].append((segment, conditions))
    _warn_of_loose_ends(segments, starting, findings)
    found: dict[Any, Path] = {}
    for path in _walk(starting, view, findings):
        found.setdefault(_told(path, view), path)
    return list(found.values())


def _told(path: Path, view: View) -> Any:
    """What tells one path from another: its states as they are written, with the words of its messages."""
    fold, moments = view.blank, []
    for event in path.events:
        if event["event"] == "action":
            moments.append((rule_state(fold), fold.text))
        fold = applied(fold, event, view.domain, view.blank)
    return tuple(moments)


def walk(path: Path, view: View, *, only_set: bool = False) -> tuple[list[State], list[Event]]:
    """The states along a path and the actions taken in them; one state more than actions, that of its end.

    `only_set` leaves out slots that have their initial value because nothing has set them.
    """
    fold, given = view.blank, set[str]()
    states: list[State] = []
    actions: list[Event] = []
    for event in Tracker.from_events(path.events, view).applied_events():
        if event["event"] == "action":
            states.append(_state(fold, given if only_set else None))
            actions.append(event)
        elif event["event"] == "slot":
            given.add(event["name"])
        fold = applied(fold, event, view.domain, view.blank)
    return [*states, _state(fold, given if only_set else None)], actions


def _state(fold: Fold, given: set[str] | None) -> State:
    state = rule_state(fold)
    if given is None:
        return state
    return msgspec.structs.replace(state, slots=tuple(pair for pair in state.slots if pair[0] in given))


def _segments(story: Story) -> Iterator[_Segment]:
    """Cuts a story at its checkpoints. The first ones are where it may start; a later one ends a segment."""
    starts: list[tuple[str, dict[str, Any]]] = []
    choices: list[tuple[Event, ...]] = [(event,) for event in story.conditions]
    if story.is_rule and not story.conversation_start:
        choices.append((executed(SNIPPET),))
    begun = bool(choices)
    for step in story.steps:
        if isinstance(step, Step):
            choices.append(step.events)
            begun = True
        elif not begun:
            starts.append((step.name, step.slots))
        else:
            yield _Segment(story, tuple(starts) or ((_START, {}),), tuple(choices), step.name)
            starts, choices, begun = [(step.name, step.slots)], [], False
    if not story.waits:
        choices.append((executed(SNIPPET),))
    if choices:
        yield _Segment(story, tuple(starts) or ((_START, {}),), tuple(choices), _END)


def _warn_of_loose_ends(segments: list[_Segment], starting: Starting, findings: Findings) -> None:
    ends = {segment.end for segment in segments} | {_START}
    for segment in segments:
        story = segment.story
        for name, _ in segment.starts:
            if name not in ends:
                message = f"Nothing leads to the checkpoint `{name}` with which `{story.name}` begins."
                findings.warn(story.file, story.line, message)
        if segment.end != _END and segment.end not in starting and _is_last(segment):
            message = f"Nothing goes on from the checkpoint `{segment.end}` with which `{story.name}` ends."
            findings.warn(story.file, story.line, message)


def _is_last(segment: _Segment) -> bool:
    steps = segment.story.steps
    return isinstance(steps[-1], Checkpoint) and steps[-1].name == segment.end


class _Walk(msgspec.Struct, frozen=True):
    """A path that is under way: where it stands, and how often it went through each segment."""

    place: str
    path: Path
    passed: tuple[int, ...] = ()


def _walk(starting: Starting, view: View, findings: Findings) -> Iterator[Path]:
    waiting = deque([_Walk(_START, Path("", ()))])
    ways = 0
    while waiting:
        walk = waiting.popleft()
        for segment, conditions in starting.get(walk.place, ()):
            if walk.passed.count(id(segment)) >= _ROUNDS or not _meets(walk.path, conditions, view):
                continue
            for path in _through(segment, walk.path, view.domain):
                ways += 1
                if ways > MOST_WAYS:
                    message = f"With `{path.name}` the stories have more than {MOST_WAYS} ways through them."
                    findings.error(path.file, path.line, message)
                    return
                if segment.end == _END:
                    yield path
                else:
                    waiting.append(_Walk(segment.end, path, (*walk.passed, id(segment))))


def _meets(path: Path, conditions: Mapping[str, Any], view: View) -> bool:
    if not conditions:
        return True
    slots = Tracker.from_events(path.events, view).slots
    return all(slots.get(name) == value for name, value in conditions.items())


def _through(segment: _Segment, path: Path, domain: Domain) -> Iterator[Path]:
    """The path, longer by the segment: one for each combination of its choices."""
    story = segment.story
    name = path.name if story.name in path.name.split(" > ") else " > ".join(filter(None, (path.name, story.name)))
    partial: list[tuple[Event, ...]] = [()]
    for choice in segment.choices:
        partial = [(*events, event) for events in partial for event in choice]
        if len(partial) > MOST_WAYS:
            break
    for chosen in partial:
        events = list(_explicit(chosen, domain, is_rule=story.is_rule, ends=segment.end == _END))
        skipped = path.unpredictable | (_unpredictable(chosen, events) if not path.events else frozenset())
        yield Path(name, (*path.events, *events), story.is_rule, skipped, story.file, story.line)


def _explicit(chosen: tuple[Event, ...], domain: Domain, *, is_rule: bool, ends: bool) -> Iterator[Event]:
    """The events of a segment with what goes without saying."""
    latest: Event | None = None
    for event in chosen:
        if event["event"] == "user":
            if not _listens(latest):
                yield executed(LISTEN)
            yield event
            found = domain.slots_for_entities(event["parse_data"]["entities"])
            for name, value in found:
                yield _slot(name, value, is_rule=is_rule)
            latest = event
            continue
        latest = _told_not_to_be_set(event) if is_rule else event
        yield latest
    if ends and not _listens(latest):
        yield executed(LISTEN)


def _listens(event: Event | None) -> bool:
    return event is not None and event["event"] == "action" and event["name"] == LISTEN


def _slot(name: str, value: Any, *, is_rule: bool) -> Event:
    event = slot_set(name, value)
    return _told_not_to_be_set(event) if is_rule else event


def _told_not_to_be_set(event: Event) -> Event:
    if event["event"] == "slot" and event["value"] is None:
        return slot_set(event["name"], UNSET)
    if event["event"] == "active_loop" and event["name"] is None:
        return active_loop(UNSET)
    return event


def _unpredictable(chosen: tuple[Event, ...], events: list[Event]) -> frozenset[int]:
    """A story that begins with an action cannot teach when to take it; its place in the path is returned."""
    for event in chosen:
        if event["event"] == "user":
            return frozenset()
        if event["event"] == "action":
            return frozenset({next(index for index, made in enumerate(events) if made["event"] == "action")})
    return frozenset()
