"""`dr producer add | list | remove`: who may send signals, each with a credential of its own."""

import json as codec
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from deadreckon.cli.app import EXIT_DIFFERENCE, VerbEnd
from deadreckon.cli.document import print_document
from deadreckon.cli.options import FolderOptions, LogOptions, Seconds

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from deadreckon.node.producers import ProducerAccess

    T = TypeVar("T")

producer = App(
    name="producer", help="Who may send signals. Example: dr producer add momentum --data run1"
)


EXAMPLE = """\
// {heading}
// Its seed lies in {seed_file}: move it to where the producer runs, and keep it secret.
// node THIS_FILE.mjs, after: npm install nats
import {{ readFileSync }} from "node:fs";
import {{ connect, nkeyAuthenticator }} from "nats";

const seed = readFileSync({seed_file}, "utf8").trim();
const connection = await connect({{
  servers: {url},
  authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)),
  inboxPrefix: "{inbox_prefix}",
}});
const verdicts = connection.subscribe("{verdicts}"); // first: they are not repeated
const signal = {{
  id: `first-${{Date.now()}}`,
  strategy: "ext",
  instrument: "BTCUSDT.PAPER", // one that `dr instruments list` shows
  side: "buy",
  quantity: "0.01",
  confidence: "0.9",
}};
await connection.request("{signals}", JSON.stringify(signal));
for await (const notice of verdicts) {{
  const {{ outcome, order_id, rule, reason }} = notice.json();
  const refused = `${{outcome}}: ${{rule}}: ${{reason}}`;
  console.log(outcome === "approved" ? `approved: order ${{order_id}}` : refused);
  break;
}}
await connection.drain();"""


@producer.command(name="add")
def add(
    name: str,
    /,
    *,
    book: str = "desk",
    may_read: bool = False,
    options: FolderOptions = FolderOptions(),
) -> None:
    """Give a producer a credential: for its own signals and its own verdicts, and nothing else.

    A stack that runs takes it at once. Prints a program for Node that sends a first signal; the
    seed itself is never shown. --json prints what docs/examples/first.mjs and first.py read.

    Example: dr producer add momentum --data run1

    Parameters
    ----------
    name
        The last part of its subject: letters, digits, _ and -.
    book
        The book it may send to.
    may_read
        Let it read the whole log too, other producers' signals included.
    """
    from deadreckon.node.producers import add_producer, as_document

    given = _done(lambda: add_producer(options.data, name, book, may_read=may_read))
    if options.json:
        print_document(as_document(given))
    else:
        print(_instructions(given))


@producer.command(name="list")
def list_(*, options: FolderOptions = FolderOptions()) -> None:
    """Print who has been given a credential.

    Example: dr producer list --data run1
    """
    from deadreckon.node.producers import as_document, producers

    found = _done(lambda: producers(options.data))
    if options.json:
        print_document([as_document(given) for given in found])
        return
    for given in found:
        print(
            f"{given.name}  book {given.book}  key {given.public_key}"
            + ("  may read the log" if given.may_read else "")
        )


@producer.command(name="remove")
def remove(
    name: str,
    /,
    *,
    options: FolderOptions = FolderOptions(),
) -> None:
    """Take a producer's credential back; one that is connected is disconnected at once.

    Example: dr producer remove momentum --data run1

    Parameters
    ----------
    name
        As `dr producer list` shows it.
    """
    from deadreckon.node.producers import remove_producer

    _done(lambda: remove_producer(options.data, name))
    if options.json:
        print_document({"removed": name})
    else:
        print(f"{name} may send nothing any more")


@producer.command(name="check")
def check(
    source: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    /,
    *,
    name: Annotated[str, Parameter(name="--producer")] = "cli",
    seconds: Annotated[Seconds, Parameter(name="--for")] = 30.0,
    everything: Annotated[bool, Parameter(name="--all", negative="")] = False,
    book: str = "desk",
    options: LogOptions = LogOptions(),
) -> None:
    """Check that a producer speaks the contract: what is in a file, or what it sends right now.

    Nothing is sent. Names every fault and where it was found, and for a live producer
    the verdicts on its signals. Exits 1 when anything was at fault, or nothing was sent.

    Example: dr producer check --producer momentum --for 60 --data run1

    Parameters
    ----------
    source
        A file of messages, one a line, or - for standard input; without it, the log is listened to.
    name
        Whose subject to listen to.
    seconds
        How long to listen; Ctrl-C ends it before.
    everything
        Check all that the log has of it, not what comes now.
    """
    from deadreckon.cli.terminal.conformance_table import checked, print_report
    from deadreckon.tools.conformance import as_document

    report = checked(
        source, name, book, options.data, options.nats, None if everything else seconds
    )
    if options.json:
        print_document(as_document(report))
    else:
        print_report(report)
    if not report.conforms:
        raise VerbEnd(EXIT_DIFFERENCE, f"{name} is at fault, or nothing of it was found")


def _done(job: "Callable[[], T]") -> "T":
    from deadreckon.cli.app import EXIT_USAGE, fail
    from deadreckon.cli.running import run

    async def work() -> "T":
        return job()

    try:
        return run(work)
    except ValueError as error:
        fail(str(error), EXIT_USAGE)


def _instructions(given: "ProducerAccess") -> str:
    when = f"the server at {given.url} knows it" if given.url else "known from the next start"
    return EXAMPLE.format(
        heading=f"{given.name} may send signals to {given.signals}; {when}",
        seed_file=codec.dumps(given.seed_file),
        url=codec.dumps(given.url or "nats://127.0.0.1:4222"),
        inbox_prefix=given.inbox_prefix,
        signals=given.signals,
        verdicts=given.verdicts,
    )
