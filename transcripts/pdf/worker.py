"""Makes one PDF: JSON on standard input, the PDF on standard output. Started by `transcripts.pdf`, with nothing of ours
imported, as a process that may be killed at any moment.

Arguments: megabytes of address space, seconds of processor time.
"""

import resource
import sys
from pathlib import Path

TEMPLATE = Path(__file__).with_name("transcript.typ")


def main() -> int:
    """Compile the template with what stands on standard input. An error is named by its kind, never quoted."""
    megabytes, seconds = int(sys.argv[1]), int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import typst  # noqa: PLC0415 - within the limits

    try:
        made = typst.compile(
            str(TEMPLATE), root=str(TEMPLATE.parent), sys_inputs={"data": sys.stdin.read()}, format="pdf", timestamp=0
        )
    except Exception as error:  # noqa: BLE001 - its message may hold what people wrote
        sys.stderr.write(type(error).__name__)
        return 1
    if not isinstance(made, bytes):
        return 1
    sys.stdout.buffer.write(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
