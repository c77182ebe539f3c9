"""Custom actions in a process of their own: what authors may rely on, and what their code cannot do to anybody else."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from bot_runtime.actions import (
    ActionFailed,
    ActionNotFound,
    ActionRejected,
    ActionsBroken,
    ActionTimeout,
    ActionWorker,
    has_code,
)
from tests.bot_runtime.actions.conftest import DOMAIN, HEAD, Worker, action, call, ended, says, tracker, write_bot

LIMIT = 0.5
"""Seconds; long for a call, short for a test. Loading is not counted where `names()` comes first."""

HELLO = action("action_hello", 'dispatcher.utter_message(text="hello"); return [SlotSet("city", "Rome")]')


async def test_an_action_says_and_sets_what_the_author_wrote(worker_on: Worker) -> None:
    worker = worker_on(HELLO)

    result = await worker.run(call("action_hello"))

    assert says(result) == ["hello"]
    assert result["events"] == [{"event": "slot", "timestamp": None, "name": "city", "value": "Rome"}]
    assert await worker.names() == {"action_hello"}
    assert worker.restarts == 0


async def test_BR_2_a_form_is_validated_as_rasa_sdk_does_it(worker_on: Worker) -> None:
    form = """
    class ValidateTripForm(FormValidationAction):
        def name(self):
            return "validate_trip_form"

        def validate_city(self, value, dispatcher, tracker, domain):
            if value == "Rome":
                return {"city": value}
            dispatcher.utter_message(response="utter_wrong_city")
            return {"city": None}
    """
    worker = worker_on(form)
    state = tracker(city="Rome") | {"active_loop": {"name": "trip_form"}}

    accepted = await worker.run(call("validate_trip_form", state))
    refused = await worker.run(
        call("validate_trip_form", tracker(city="Atlantis") | {"active_loop": {"name": "trip_form"}})
    )

    assert [event["value"] for event in accepted["events"]] == ["Rome"]
    assert [event["value"] for event in refused["events"]] == [None]
    assert refused["responses"][0]["response"] == "utter_wrong_city"


async def test_neither_tracker_nor_domain_of_the_caller_is_changed(worker_on: Worker) -> None:
    """RASA.md 2.2, trap 2; and what one action does to the domain, the next does not see."""
    body = """
    tracker.slots["city"] = "changed"
    tracker.events.append({"event": "changed"})
    seen = sorted(domain["slots"])
    domain["slots"]["invented"] = {}
    dispatcher.utter_message(text=",".join(seen))
    """
    worker = worker_on(action("action_meddle", body))
    state = tracker(city="Rome")

    first = await worker.run(call("action_meddle", state))
    second = await worker.run(call("action_meddle", state))

    assert state == tracker(city="Rome")
    assert sorted(DOMAIN["slots"]) == ["city"]
    assert says(first) == says(second) == ["city"]


async def test_the_domain_is_the_callers_even_when_it_changes(worker_on: Worker) -> None:
    worker = worker_on(action("action_slots", 'dispatcher.utter_message(text=",".join(sorted(domain["slots"])))'))
    other = DOMAIN | {"slots": {"town": {}}}

    texts = [says(await worker.run(call("action_slots", domain=domain))) for domain in (DOMAIN, other, DOMAIN)]

    assert texts == [["city"], ["town"], ["city"]]


async def test_an_unknown_action_is_not_found(worker_on: Worker) -> None:
    worker = worker_on(HELLO)

    with pytest.raises(ActionNotFound) as caught:
        await worker.run(call("action_nowhere"))
    assert caught.value.action == "action_nowhere"


async def test_a_rejection_says_so(worker_on: Worker) -> None:
    worker = worker_on(action("action_shy", 'raise ActionExecutionRejection("action_shy", "not now")'))

    with pytest.raises(ActionRejected, match="not now"):
        await worker.run(call("action_shy"))


async def test_a_failing_action_names_its_line_and_the_worker_lives_on(worker_on: Worker) -> None:
    worker = worker_on(HELLO, action("action_fails", 'raise ValueError("no such bike")'))

    with pytest.raises(ActionFailed, match=r"ValueError: no such bike \(actions/actions\.py:\d+\)"):
        await worker.run(call("action_fails"))
    assert says(await worker.run(call("action_hello"))) == ["hello"]
    assert worker.restarts == 0


@pytest.mark.parametrize("body", ["sys.exit(3)", "raise KeyboardInterrupt", "raise SystemExit"])
async def test_leaving_by_an_exception_ends_the_action_only(worker_on: Worker, body: str) -> None:
    worker = worker_on(HELLO, action("action_leaves", body), action("action_leaves_later", body, waits=True))

    for name in ("action_leaves", "action_leaves_later"):
        with pytest.raises(ActionFailed):
            await worker.run(call(name))
    assert says(await worker.run(call("action_hello"))) == ["hello"]
    assert worker.restarts == 0


@pytest.mark.parametrize(
    ("body", "told"),
    [("os._exit(3)", "status 3"), ("os.kill(os.getpid(), 11)", "SIGSEGV"), ("os.kill(os.getpid(), 9)", "SIGKILL")],
)
async def test_a_crash_costs_one_action(worker_on: Worker, body: str, told: str) -> None:
    worker = worker_on(HELLO, action("action_crashes", body))

    with pytest.raises(ActionFailed, match=told):
        await worker.run(call("action_crashes"))
    assert says(await worker.run(call("action_hello"))) == ["hello"]
    assert worker.restarts == 1


async def test_a_crash_is_never_answered_by_running_the_action_again(worker_on: Worker, tmp_path: Path) -> None:
    worker = worker_on(action("action_books", 'open("booked", "a").write("x"); os._exit(1)'))

    with pytest.raises(ActionFailed):
        await worker.run(call("action_books"))
    await worker.names()

    assert (tmp_path / "bot0" / "booked").read_text() == "x"


async def test_a_slow_action_delays_nobody(worker_on: Worker) -> None:
    """The slow ones wait for files that the quick ones write: run one after the other they would never end."""
    waits = 'while not os.path.exists("{0}"): time.sleep(0.005)\ndispatcher.utter_message(text="{0}")'
    waits_async = 'while not os.path.exists("{0}"): await asyncio.sleep(0.005)\ndispatcher.utter_message(text="{0}")'
    form = """
    class ValidateTripForm(FormValidationAction):
        def name(self):
            return "validate_trip_form"

        def validate_city(self, value, dispatcher, tracker, domain):
            while not os.path.exists("three"):
                time.sleep(0.005)
            return {"city": "three"}
    """
    quick = 'open("one", "w"), open("two", "w"), open("three", "w")'
    worker = worker_on(
        action("action_blocks", waits.format("one")),
        action("action_awaits", waits_async.format("two"), waits=True),
        form,
        action("action_quick", quick),
    )
    state = tracker(city="x") | {"active_loop": {"name": "trip_form"}}

    one, two, three, _ = await asyncio.gather(
        worker.run(call("action_blocks")),
        worker.run(call("action_awaits")),
        worker.run(call("validate_trip_form", state)),
        worker.run(call("action_quick")),
    )

    assert (says(one), says(two)) == (["one"], ["two"])
    assert three["events"][0]["value"] == "three"


async def test_an_action_that_awaits_too_long_is_stopped_and_the_worker_stays(worker_on: Worker) -> None:
    worker = worker_on(HELLO, action("action_awaits", "await asyncio.Event().wait()", waits=True), time_limit_s=LIMIT)
    await worker.names()
    pid = worker.pid

    with pytest.raises(ActionTimeout):
        await worker.run(call("action_awaits"))

    assert says(await worker.run(call("action_hello"))) == ["hello"]
    assert worker.pid == pid


@pytest.mark.parametrize("waits", [False, True])
async def test_an_action_that_never_yields_loses_its_process(worker_on: Worker, waits: bool) -> None:
    """In a thread it is told apart at once; in the event loop it holds up the worker, and that is noticed."""
    hangs = action("action_hangs", "while True: time.sleep(0.01)", waits=waits)
    worker = worker_on(HELLO, hangs, time_limit_s=LIMIT)
    await worker.names()
    first = worker.pid
    assert first is not None

    with pytest.raises(ActionTimeout):
        await worker.run(call("action_hangs"))
    await ended(first)
    await worker.names()

    assert says(await worker.run(call("action_hello"))) == ["hello"]
    assert worker.pid != first
    assert worker.restarts == 1


async def test_others_finish_in_the_old_process_while_a_stuck_one_is_replaced(worker_on: Worker) -> None:
    waits = 'while not os.path.exists("go"): time.sleep(0.005)\ndispatcher.utter_message(text=str(os.getpid()))'
    worker = worker_on(
        action("action_hangs", "while True: time.sleep(0.01)"),
        action("action_naps", "time.sleep(1.5)"),
        action("action_waits", waits),
        action("action_goes", 'open("go", "w")'),
        action("action_pid", "dispatcher.utter_message(text=str(os.getpid()))"),
        time_limit_s=2,
    )
    await worker.names()
    old = new = says(await worker.run(call("action_pid")))
    hanging = asyncio.create_task(worker.run(call("action_hangs")))
    await worker.run(call("action_naps"))
    waiting = asyncio.create_task(worker.run(call("action_waits")))
    with pytest.raises(ActionTimeout):
        await hanging
    while new == old:
        new = says(await worker.run(call("action_pid")))
    await worker.run(call("action_goes"))

    assert says(await waiting) == old
    assert worker.restarts == 1


async def test_two_bots_with_packages_of_the_same_name_do_not_meet(worker_on: Worker) -> None:
    """RASA.md 2.2, trap 1."""
    one = worker_on(action("action_which", 'dispatcher.utter_message(text="one")'), action("action_of_one", "pass"))
    two = worker_on(action("action_which", 'dispatcher.utter_message(text="two")'))

    assert says(await one.run(call("action_which"))) == ["one"]
    assert says(await two.run(call("action_which"))) == ["two"]
    assert await two.names() == {"action_which"}


async def test_a_bots_config_and_admin_are_its_own(worker_on: Worker, tmp_path: Path) -> None:
    folder = write_bot(
        tmp_path / "bot",
        action("action_names", "import config, admin\ndispatcher.utter_message(text=config.WHOSE + admin.WHOSE)"),
        action("action_ours", "import foundation.clock"),
        action("action_path", "dispatcher.utter_message(text=str(sys.path[0] == os.getcwd()))"),
    )
    (folder / "config.py").write_text('WHOSE = "the bot\'s"\n')
    (folder / "admin").mkdir()
    (folder / "admin" / "__init__.py").write_text('WHOSE = " too"\n')
    worker = worker_on(folder=folder)

    assert says(await worker.run(call("action_names"))) == ["the bot's too"]
    assert says(await worker.run(call("action_path"))) == ["True"]
    with pytest.raises(ActionFailed, match="No module named 'foundation'"):
        await worker.run(call("action_ours"))


async def test_the_working_directory_is_the_bots_folder(worker_on: Worker, tmp_path: Path) -> None:
    """RASA.md 2.2, trap 4: constructors open files by relative path."""
    reads = """
    class Knows(Action):
        def __init__(self):
            self.said = open("knowledge.txt").read()

        def name(self):
            return "action_knows"

        def run(self, dispatcher, tracker, domain):
            dispatcher.utter_message(text=self.said)
    """
    folder = write_bot(tmp_path / "bot", reads)
    (folder / "knowledge.txt").write_text("the earth is round")

    assert says(await worker_on(folder=folder).run(call("action_knows"))) == ["the earth is round"]


async def test_base_classes_without_a_name_are_left_out(worker_on: Worker) -> None:
    """RASA.md 2.2, trap 5."""
    base = """
    class Base(Action):
        def run(self, dispatcher, tracker, domain):
            dispatcher.utter_message(text="from the base")

    class Derived(Base):
        def name(self):
            return "action_derived"
    """
    worker = worker_on(base)

    assert await worker.names() == {"action_derived"}
    assert says(await worker.run(call("action_derived"))) == ["from the base"]


@pytest.mark.parametrize(
    ("source", "told", "line"),
    [
        ("import no_such_module", "No module named 'no_such_module'", 1),
        ("def broken(:", "SyntaxError", 1),
        ("x = 1\n\nx / 0", "ZeroDivisionError", 3),
        ("import sys\nsys.exit('no licence')", "no licence", 2),
    ],
)
async def test_a_package_that_does_not_load_names_file_and_line(
    worker_on: Worker, tmp_path: Path, source: str, told: str, line: int
) -> None:
    """RASA.md 2.2, trap 3: the SDK exits on an ImportError."""
    worker = worker_on(folder=write_bot(tmp_path / "bot", head=source))

    with pytest.raises(ActionsBroken) as caught:
        await worker.run(call("action_hello"))

    assert told in str(caught.value)
    assert caught.value.where == f"actions/actions.py:{line}"


async def test_a_constructor_that_fails_names_its_line(worker_on: Worker) -> None:
    fails = """
    class Fails(Action):
        def __init__(self):
            raise OSError("the database is down")
    """

    with pytest.raises(ActionsBroken, match=r"actions/actions\.py:\d+: OSError: the database is down"):
        await worker_on(fails).names()


async def test_a_repaired_package_loads_without_a_restart_of_the_server(worker_on: Worker, tmp_path: Path) -> None:
    folder = write_bot(tmp_path / "bot", head="import no_such_module")
    worker = worker_on(folder=folder, pause_s=0.01)
    with pytest.raises(ActionsBroken):
        await worker.names()

    (folder / "actions" / "actions.py").write_text(HEAD + HELLO)

    assert says(await worker.run(call("action_hello"))) == ["hello"]


async def test_a_bot_without_code_has_no_process(worker_on: Worker, tmp_path: Path) -> None:
    for name, source in (("none", None), ("comments", '"""Nothing yet."""\n# class Hello(Action): ...\n')):
        folder = tmp_path / name
        folder.mkdir()
        if source is not None:
            (folder / "actions.py").write_text(source)
        worker = worker_on(folder=folder)

        assert await worker.names() == frozenset()
        with pytest.raises(ActionNotFound):
            await worker.run(call("action_hello"))
        assert worker.pid is None


def test_code_is_more_than_comments_and_docstrings(tmp_path: Path) -> None:
    (tmp_path / "actions").mkdir()
    (tmp_path / "actions" / "__init__.py").write_text('"""Nothing yet."""\n# class Hello(Action): ...\n')
    assert not has_code(tmp_path)
    assert not has_code(tmp_path / "nowhere")
    assert has_code(write_bot(tmp_path / "some", HELLO))
    assert has_code(write_bot(tmp_path / "broken", head="def broken(:"))


async def test_what_the_code_prints_goes_to_the_log_and_not_into_the_answers(
    worker_on: Worker, lines: list[str]
) -> None:
    body = """
    print("printed")
    os.write(1, b"written to descriptor 1\\n")
    sys.stderr.write("written to stderr\\n")
    print(repr(sys.stdin.read()))
    dispatcher.utter_message(text="done")
    """
    worker = worker_on(action("action_prints", body), log=lines.append)

    result = await worker.run(call("action_prints"))
    await worker.close()

    assert says(result) == ["done"]
    assert {"printed", "written to descriptor 1", "written to stderr", "''"} <= set(lines)


async def test_a_flood_of_output_is_cut(worker_on: Worker, lines: list[str]) -> None:
    body = 'print("x" * 100_000)\nfor number in range(5000): print(number)'
    worker = worker_on(action("action_floods", body), log=lines.append)

    await worker.run(call("action_floods"))
    await worker.close()

    assert len(lines) <= 1_001
    assert max(map(len, lines)) <= 2_000
    assert "left out" in lines[-1]


async def test_a_result_over_a_megabyte_is_refused(worker_on: Worker) -> None:
    worker = worker_on(
        action("action_endless", 'dispatcher.utter_message(text="x" * 2_000_000)'),
        action("action_long", 'dispatcher.utter_message(text="x" * 1_000_000)'),
    )

    assert len(says(await worker.run(call("action_long")))[0]) == 1_000_000
    with pytest.raises(ActionFailed, match="limit"):
        await worker.run(call("action_endless"))


@pytest.mark.parametrize("body", ['return [{"event": "slot", "value": object()}]', 'return [{"event": "slot", 1: 2}]'])
async def test_what_is_no_json_is_a_failure_of_the_action(worker_on: Worker, body: str) -> None:
    worker = worker_on(HELLO, action("action_odd", body))

    with pytest.raises(ActionFailed):
        await worker.run(call("action_odd"))
    assert says(await worker.run(call("action_hello"))) == ["hello"]


async def test_a_worker_that_dies_at_every_start_is_started_ever_more_rarely(worker_on: Worker) -> None:
    worker = worker_on("os._exit(7)", pause_s=100.0)

    for _ in range(2):
        with pytest.raises(ActionsBroken, match="status 7 while the actions were loaded"):
            await worker.names()
    starts = worker.restarts
    for _ in range(5):
        with pytest.raises(ActionsBroken):
            await worker.names()

    assert worker.restarts == starts == 1


async def test_a_closed_worker_runs_nothing_and_leaves_nothing(worker_on: Worker) -> None:
    worker = worker_on(HELLO, action("action_home", 'dispatcher.utter_message(text=os.environ["HOME"])'))
    home = says(await worker.run(call("action_home")))[0]
    pid = worker.pid
    assert os.listdir(home) == []  # noqa: PTH208 - a Path would be flagged as blocking, and both are quick

    await worker.close()

    with pytest.raises(FileNotFoundError):
        os.listdir(home)  # noqa: PTH208
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(ActionFailed, match="stopped"):
        await worker.run(call("action_hello"))


async def test_children_of_the_actions_end_with_the_worker(worker_on: Worker) -> None:
    body = """
    import subprocess
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    dispatcher.utter_message(text=str(child.pid))
    """
    worker = worker_on(action("action_spawns", body))
    child = int(says(await worker.run(call("action_spawns")))[0])
    end = asyncio.create_task(ended(child))
    await asyncio.sleep(0)
    assert not end.done()

    await worker.close()

    await end


async def test_calls_under_way_fail_clearly_when_the_process_is_killed(worker_on: Worker) -> None:
    worker = worker_on(action("action_waits", "await asyncio.Event().wait()", waits=True))
    await worker.names()
    calls = [asyncio.create_task(worker.run(call("action_waits"))) for _ in range(3)]
    await asyncio.sleep(0)
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)

    results = await asyncio.gather(*calls, return_exceptions=True)

    assert all(isinstance(result, ActionFailed) for result in results)


async def test_a_cancelled_caller_leaves_no_call_behind(worker_on: Worker) -> None:
    worker = worker_on(HELLO, action("action_waits", "await asyncio.Event().wait()", waits=True))
    await worker.names()
    waiting = asyncio.create_task(worker.run(call("action_waits")))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert says(await worker.run(call("action_hello"))) == ["hello"]
    assert worker.restarts == 0


def test_settings_of_the_server_cannot_be_declared_for_a_bot(tmp_path: Path) -> None:
    assert ActionWorker(tmp_path, variables={"SHOP_TOKEN": "abc"}).pid is None
    with pytest.raises(ValueError, match="FRONTDESK_MASTER_KEY"):
        ActionWorker(tmp_path, variables={"FRONTDESK_MASTER_KEY": "abc"})
