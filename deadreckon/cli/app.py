"""The front door: every verb, imported only when it is called."""

import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from cyclopts import App, CycloptsError, Group, MissingArgumentError, Token

from deadreckon.cli.help import HelpPages

if TYPE_CHECKING:
    from cyclopts.argument import ArgumentCollection

DATA_DEFAULT = Path("var")  # the data folder where none is named and no stack runs
EXIT_DIFFERENCE = 1  # a difference or a refusal was found
EXIT_USAGE = 2
EXIT_ENVIRONMENT = 3
EXIT_INTERRUPTED = 130  # by Ctrl-C before there was anything to end in good order

# What JSON calls an end that no rule of the stack explains.
RULES = {
    EXIT_DIFFERENCE: "difference",
    EXIT_USAGE: "usage",
    EXIT_ENVIRONMENT: "environment",
    EXIT_INTERRUPTED: "interrupted",
}
UNANSWERED = "unanswered"  # the rule of a verb that no service answers in time


class VerbEnd(SystemExit):
    """End of a verb that failed: its exit code, and for JSON the rule and the reason in words."""

    def __init__(self, code: int, message: str, rule: str = "") -> None:
        super().__init__(code)
        self.exit_code = code
        self.message = message
        self.rule = rule or RULES[code]


def fail(message: str, code: int = EXIT_ENVIRONMENT, rule: str = "") -> NoReturn:
    """End with one line on stderr that says what to do."""
    line = " ".join(message.splitlines())
    print(f"dr: {line}", file=sys.stderr)
    raise VerbEnd(code, line, rule)


class Verb(NamedTuple):
    """A verb of the front door: what to import when it is called, and its line in `dr --help`."""

    target: str
    help: str


VERBS = {
    "init": Verb("deadreckon.cli.init:init", "Make a folder that trades on paper."),
    "demo": Verb("deadreckon.cli.demo:demo", "Play a tape through the whole stack."),
    "up": Verb("deadreckon.cli.up:up", "Services, clock, views and gateway until stopped."),
    "run": Verb("deadreckon.cli.run:run", "Run some services in this process."),
    "status": Verb("deadreckon.cli.status:status", "What is held, halted, and how far behind."),
    "positions": Verb("deadreckon.cli.positions:positions", "Positions from the projections."),
    "orders": Verb("deadreckon.cli.orders:orders", "Orders from the projections."),
    "fills": Verb("deadreckon.cli.fills:fills", "Fills from the projections."),
    "tail": Verb("deadreckon.cli.tail:tail", "Follow the log, event by event."),
    "producer": Verb("deadreckon.cli.producer:producer", "Who may send signals, and their keys."),
    "nats": Verb("deadreckon.cli.nats:nats", "For a NATS server of your own."),
    "signal": Verb("deadreckon.cli.signal:signal", "Send signals as a producer."),
    "halt": Verb("deadreckon.cli.halt:halt", "Stop trading now."),
    "resume": Verb("deadreckon.cli.resume:resume", "Lift every halt."),
    "flatten": Verb("deadreckon.cli.flatten:flatten", "Close positions at market."),
    "cancel": Verb("deadreckon.cli.cancel:cancel", "Cancel open orders."),
    "limits": Verb("deadreckon.cli.limits:limits", "Show or set the limits in force."),
    "clock": Verb("deadreckon.cli.clock:clock", "The log's own time, and what may move it."),
    "instruments": Verb("deadreckon.cli.instruments:instruments", "What may trade."),
    "venue": Verb("deadreckon.cli.venue:venue", "How a venue fills and charges."),
    "mark": Verb("deadreckon.cli.mark:mark", "State a price by hand."),
    "cash": Verb("deadreckon.cli.cash:cash", "Deposits, withdrawals, reporting currency."),
    "strategy": Verb("deadreckon.cli.strategy:strategy", "Start, change and stop strategies."),
    "tape": Verb("deadreckon.cli.tape:verbs", "Import, describe and invent market data."),
    "replay": Verb("deadreckon.cli.replay:replay", "Ask the log: a day's PnL, a day's story."),
    "rebuild": Verb("deadreckon.cli.rebuild:rebuild", "Build projections anew from the log."),
    "verify": Verb("deadreckon.cli.verify:verify", "Compare projections with the log."),
    "doctor": Verb("deadreckon.cli.doctor:doctor", "Is everything here sound."),
    "backup": Verb("deadreckon.cli.backup:backup", "A folder's log in one file."),
    "archive": Verb("deadreckon.cli.archive:archive", "Closed days of the log, sealed in files."),
    "restore": Verb("deadreckon.cli.restore:restore", "A folder from a backup."),
    "crashtest": Verb("deadreckon.cli.crashtest:crashtest", "Kill everything, and compare."),
    "contracts": Verb("deadreckon.cli.contracts:verbs", "Generated documents of the contracts."),
    "exchange": Verb("deadreckon.cli.exchange:exchange", "A simulated exchange to trade against."),
    "bench": Verb("deadreckon.cli.bench:bench", "Measure stack and machine side by side."),
    "drill": Verb("deadreckon.cli.drill:drill", "Rehearse an emergency on a throwaway stack."),
    "version": Verb("deadreckon.cli.version:version", "The version of program and data format."),
}


# Who needs them: the panels of `dr --help`, in this order.
AUDIENCES = {
    "Strategy author: try ideas on market data": ("init", "demo", "tape", "strategy"),
    "Operator: run a stack, watch it, stop it": (
        *("up", "run", "status", "halt", "resume", "flatten", "cancel"),
        *("limits", "instruments", "venue", "mark", "cash", "clock", "nats"),
        *("doctor", "verify", "rebuild", "backup", "restore", "archive", "drill"),
    ),
    "Producer: send signals": ("producer", "signal"),
    "Analyst: what is held, and what happened": ("positions", "orders", "fills", "tail", "replay"),
    "Contributor: work on deadreckon itself": (
        *("contracts", "crashtest", "bench", "exchange", "version"),
    ),
}


def front_door(called: str) -> App:
    """Return the app of all verbs; only the one that is `called` is imported."""
    app = App(
        name="dr",
        help="Deadreckon: an event-sourced trading stack that knows its position from its log.",
        help_format="plaintext",
        help_formatter=HelpPages(),
        version_flags=[],
        config=_find_running,
    )
    add(app, VERBS, called, _panels())
    return app


def _find_running(_app: App, _verb: tuple[str, ...], arguments: "ArgumentCollection") -> None:
    """Take the only stack that runs here where neither --data nor DR_DATA names a folder.

    Only for verbs with FolderOptions: those that make a folder declare a --data of their own. A
    server that --nats names has little to do with what runs here.
    """
    options = {argument.keys: argument for argument in arguments if argument.keys}
    data, nats = options.get(("data",)), options.get(("nats",))
    if data is None or data.tokens or (nats and nats.tokens):
        return
    from deadreckon.runtime.process.folder import running_folders

    found = running_folders()
    if len(found) > 1:
        fail(f"stacks run on {', '.join(map(str, found))}: say which by --data", EXIT_USAGE)
    if found and found != [DATA_DEFAULT]:
        print(f"on {found[0]}, the only stack that runs here", file=sys.stderr)
        data.append(Token(value=str(found[0]), source="running stack"))


def add(
    app: App,
    verbs: Mapping[str, Verb],
    called: str | None = None,
    panels: Mapping[str, dict[str, Any]] = MappingProxyType({}),
) -> None:
    """Add verbs that are imported only when called; without `called`, by the second argument."""
    if called is None:
        called = next(iter(sys.argv[2:]), "")
    for name, verb in verbs.items():
        line = {} if name == called else {"help": verb.help}
        app.command(verb.target, name=name, **line, **panels.get(name, {}))


def _panels() -> dict[str, dict[str, Any]]:
    """Return the panel of each verb of the front door, and its rank in it."""
    found: dict[str, dict[str, Any]] = {}
    for rank, (audience, names) in enumerate(AUDIENCES.items()):
        group = Group(audience, sort_key=rank)
        found |= {name: {"group": group, "sort_key": at} for at, name in enumerate(names)}
    return found


def call(words: list[str]) -> None:
    """Run the verb that the arguments name; wrong usage is one line on stderr and exit code 2.

    With --json, what the verb found is printed when it has ended, with how it ended.
    """
    app = front_door(next(iter(words), ""))
    if "--json" not in words:
        _run(app, words)
        return
    from deadreckon.cli.document import collected, print_outcome
    from deadreckon.contracts.outcomes import VerbError

    with collected() as found:
        try:
            _run(app, words)
        except VerbEnd as end:
            error = VerbError(end.rule, end.message, end.exit_code)
            print_outcome(found, _verb(app, words), error)
            raise
        print_outcome(found, _verb(app, words))


def _run(app: App, words: list[str]) -> None:
    try:
        app(words, print_error=False, exit_on_error=False, result_action="return_value")
    except CycloptsError as error:
        line = " ".join(str(error).split())
        if isinstance(error, MissingArgumentError) and error.keyword is None:  # it was not given
            line = line.replace("requires an argument", "is missing")
        fail(f"{line} (see --help)", EXIT_USAGE)


def _verb(app: App, words: list[str]) -> str:
    """Return the verb that the arguments name, such as `replay audit`."""
    return " ".join(app.parse_commands(words)[0]) or words[0]
