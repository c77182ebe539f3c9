"""The `frontdesk` command.

Commands import what they need when they run, so that `frontdesk --help` answers at once. Exit codes: 0 done, 1 refused
or failed with a sentence on standard error, 2 wrong usage.
"""

import json
import sys
from pathlib import Path
from typing import Any

import click

from config.loop import run as _run

DATA = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("data"),
    show_default=True,
    help="Folder of the database, the key file and frontdesk.toml.",
)


class Commands(click.Group):
    """The commands; what a person can mend is told in a sentence, not in a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        from config.stores import Refused

        try:
            return super().invoke(ctx)
        except Refused as refusal:
            click.echo(f"frontdesk: {refusal}", err=True)
            sys.exit(1)
        except KeyboardInterrupt:
            sys.exit(130)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="frontdesk")
def main() -> None:
    """Frontdesk: bots answer, people take over, transcripts stay locked."""


@main.command()
@DATA
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 picks a free one.")
@click.option("--assistant", type=click.Path(path_type=Path), help="A Rasa project for the first bot.")
@click.option("--demo", is_flag=True, help="Make the demo account if there is none, and serve its pages.")
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Processes that serve; with more than one, this one watches over them and SIGHUP renews them one by one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object when ready, in place of the text.")
def serve(  # noqa: PLR0917 - one for each option
    data: Path, port: int | None, assistant: Path | None, demo: bool, workers: int, as_json: bool
) -> None:
    """Serve the whole product until interrupted."""
    from config import crew, server

    overrides: dict[str, Any] = {}
    if port is not None:
        overrides["web.port"] = port
    if assistant is not None:
        overrides["bots.assistant"] = assistant
    if demo:
        overrides["demo"] = True
    if workers > 1:
        _run(crew.serve(data, overrides, workers=workers, as_json=as_json))
    else:
        _run(server.serve(data, overrides, as_json=as_json))


@main.command()
@DATA
@click.option("--demo", is_flag=True, help="Make the demo account with its bot and four people.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port that the printed base URL names.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def init(data: Path, demo: bool, port: int | None, as_json: bool) -> None:
    """Make the keys, the database and either the demo account or a one-time setup link, without serving."""
    from config import installation

    overrides = {} if port is None else {"web.port": port}
    made = _run(installation.init(data, overrides, demo=demo))
    if as_json:
        click.echo(json.dumps(made, indent=2, ensure_ascii=False))
    else:
        click.echo(installation.describe(made))


@main.group()
def keys() -> None:
    """The keys of the installation."""


@keys.command("status")
@DATA
@click.option("--json", "as_json", is_flag=True)
def keys_status(data: Path, as_json: bool) -> None:
    """Say which keys there are and how old they are; never what they are."""
    from config import installation

    status = _run(installation.keys_status(data))
    click.echo(json.dumps(status, indent=None if as_json else 2))


@keys.command("new")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def keys_new(file: Path) -> None:
    """Make a master key in FILE (mode 0600). A file that is there is never replaced."""
    from config import installation

    click.echo(f"Key {_run(installation.keys_new(file))} lies in {file}.")


@keys.command("rotate")
@DATA
@click.option("--account", default="", help="Only this account; default: all.")
def keys_rotate(data: Path, account: str) -> None:
    """Make new account keys, re-wrap what they protect, destroy the old ones. Resumes where an earlier run stopped."""
    from config import installation

    wrapped = _run(installation.keys_rotate(data, account))
    click.echo(f"{wrapped} keys are wrapped anew.")


@main.command()
@DATA
@click.option("--to", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder for the backup.")
@click.option(
    "--keys-to",
    type=click.Path(file_okay=False, path_type=Path),
    help="Another folder for the keys; default: the same.",
)
@click.option("--json", "as_json", is_flag=True)
def backup(data: Path, to: Path, keys_to: Path | None, as_json: bool) -> None:
    """Back up the records and, in a file of its own, the wrapped keys; also while the installation is served."""
    from config import backup as backups

    made = _run(backups.backup(data, to, keys_to))
    click.echo(
        json.dumps({"manifest": str(made)}) if as_json else f"The backup is {made}. The master key is not in it."
    )


@main.command()
@DATA
@click.option(
    "--from", "manifest", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The backup's manifest."
)
@click.option(
    "--keys", "keys_file", type=click.Path(dir_okay=False, path_type=Path), help="The keys, if they were moved."
)
@click.option(
    "--erasures",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The newest erasures.jsonl there is, beside the one of the backup's folder.",
)
def restore(data: Path, manifest: Path, keys_file: Path | None, erasures: Path | None) -> None:
    """Fill an empty installation from a backup and check all of it. The master key must be in its place."""
    from config import backup as backups

    report = _run(backups.restore(data, manifest, keys_file, ledger=erasures, say=click.echo))
    click.echo(f"Restored: {report.rows:,} rows and {report.logs:,} logs, all of which can be read.")


@main.command()
@click.option("--from", "source", required=True, help="A data folder, or the URL of a MongoDB database.")
@click.option("--from-keys", help="With a URL: the URL of its keys' database.")
@click.option("--to", "target", required=True, help="A data folder, or the URL of a MongoDB database.")
@click.option("--to-keys", help="With a URL: the URL of its keys' database.")
def move(source: str, from_keys: str | None, target: str, to_keys: str | None) -> None:
    """Copy a whole installation to another engine, and compare the two. Nobody may serve either; begin again if cut."""
    from config import moving

    places = moving.place_of(source, from_keys, "from"), moving.place_of(target, to_keys, "to")
    _run(moving.move(*places, say=click.echo))


@main.command()
@DATA
@click.option("--full", is_flag=True, help="Open every row, log and key as well; takes about 10 µs for each.")
@click.option("--json", "as_json", is_flag=True)
def doctor(data: Path, full: bool, as_json: bool) -> None:
    """Say in words whether this installation keeps its promises. Exit code 1 when something does not."""
    from config import doctor as doctors

    findings = _run(doctors.examine(data, full=full))
    click.echo(doctors.as_json(findings) if as_json else doctors.in_words(findings))
    sys.exit(1 if any(finding.state == "bad" for finding in findings) else 0)


@main.group()
def mail() -> None:
    """Mails that came back."""


@mail.command("bounce")
@DATA
def mail_bounce(data: Path) -> None:
    """Read one report of a mail server (RFC 3464, RFC 5965) from standard input and suppress the address it names."""
    from config import installation

    click.echo(_run(installation.take_bounce(data, sys.stdin.buffer.read(1_000_001))))


@main.group()
def audit() -> None:
    """The audit book."""


@audit.command("verify")
@DATA
@click.option("--head", type=click.Path(dir_okay=False, path_type=Path), help="A file of signed heads to compare with.")
def audit_verify(data: Path, head: Path | None) -> None:
    """Check the hash chain of every account's audit book, and with --head that nothing was cut off or rewritten since.
    Exit code 1 names the first bad entry."""
    from config import installation

    bad = _run(installation.audit_verify(data, head))
    for sentence in bad:
        click.echo(sentence, err=True)
    if bad:
        sys.exit(1)
    click.echo("Every audit book is whole." if head is None else "Every audit book is whole and agrees with the heads.")


@audit.command("head")
@DATA
@click.option("--json", "as_json", is_flag=True, help="One signed head a line, as verify --head reads it.")
def audit_head(data: Path, as_json: bool) -> None:
    """Print the signed head of every audit book: note it elsewhere, and compare with it later."""
    from config import installation

    for head in _run(installation.audit_head(data)):
        if as_json:
            click.echo(head.as_line())
        else:
            click.echo(f"{head.account or 'installation':<22}  {head.entries:>8}  {head.hash}  {head.signature}")


@main.group()
def privacy() -> None:
    """What is done with personal data."""


@privacy.command("record")
@DATA
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object in place of Markdown.")
def privacy_record(data: Path, as_json: bool) -> None:
    """Write the record of processing activities (Art. 30 GDPR) from the live configuration."""
    from config import installation

    click.echo(_run(installation.privacy_record(data, as_json=as_json)), nl=False)


@main.group()
def assistant() -> None:
    """Rasa projects: check, test, talk to, begin one."""


@assistant.command("check")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True)
def assistant_check(path: Path, as_json: bool) -> None:
    """Load a project and say what is wrong with it, by file and line."""
    from config import assistants

    sys.exit(assistants.check(path, as_json=as_json))


@assistant.command("test")
@click.argument("path", type=click.Path(path_type=Path))
def assistant_test(path: Path) -> None:
    """Run the project's test stories (tests/test_*.yml)."""
    from config import assistants

    sys.exit(_run(assistants.test(path)))


@assistant.command("shell")
@click.argument("path", type=click.Path(path_type=Path))
def assistant_shell(path: Path) -> None:
    """Talk to a project on the terminal. Nothing is stored."""
    from config import assistants

    _run(assistants.shell(path))


@assistant.command("new")
@click.argument("path", type=click.Path(path_type=Path))
def assistant_new(path: Path) -> None:
    """Begin a project: a copy of the demo bot to change. PATH must not exist or be empty."""
    from config import assistants

    assistants.new(path)
    click.echo(f"A new assistant lies in {path}. Talk to it: frontdesk assistant shell {path}")


if __name__ == "__main__":
    main()
