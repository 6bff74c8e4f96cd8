"""`dr init`: a new folder that trades on paper."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from deadreckon.cli.document import print_document
from deadreckon.cli.operator_facts import Amount
from deadreckon.cli.options import ACTOR_VARIABLE, DATA_VARIABLE, Whole, person

if TYPE_CHECKING:
    from deadreckon.node.init import NewFolder

INSTRUMENT = "BTCUSDT.PAPER"


def init(
    folder: Annotated[Path, Parameter(name=("--folder", "--data"), env_var=DATA_VARIABLE)] = Path(
        "var"
    ),
    *,
    instrument: str | None = None,
    tape: Path | None = None,
    price: Whole = 60_000,
    cash: Amount | None = None,
    strategy: tuple[str, ...] = (),
    actor: Annotated[str | None, Parameter(env_var=ACTOR_VARIABLE)] = None,
    reason: str = "dr init",
    json: bool = False,
) -> None:
    """Make a folder with settings, an instrument, cash, limits, a paper venue and a market.

    `dr up` then trades on it, in real time; the market is invented, or your tape. All that is made
    can be changed with `dr instruments`, `dr cash`, `dr limits`, `dr venue`, and in the settings.

    Example: dr init paper && dr up --data paper

    Parameters
    ----------
    folder
        The folder to make; one that is in use is refused.
    instrument
        SYMBOL.VENUE; by default BTCUSDT.PAPER, or that of the tape.
    tape
        A tape, or any file that `dr tape import` reads, to play in real time instead of an invented
        market of bars of 5 seconds.
    price
        Of the invented market's first bar, in whole units of the quote currency.
    cash
        How much to deposit, in the quote currency; by default what suits the market.
    strategy
        A strategy to start with its defaults, as in `dr demo --strategy`. May be given several
        times.
    actor
        Who does this; recorded in the log. By default your user@host.
    reason
        Why; recorded in the log.
    json
        Print what was made as one JSON object.
    """
    from deadreckon.cli.app import EXIT_USAGE, fail
    from deadreckon.cli.running import run
    from deadreckon.node.init import InitOptions
    from deadreckon.node.init import init as job

    if cash is not None and not cash > 0:
        fail(f"--cash {cash}: give a positive amount", EXIT_USAGE)
    if price < 1:
        fail(f"--price {price}: give a whole number from 1 on", EXIT_USAGE)
    if tape is None and instrument is None:
        instrument = INSTRUMENT
    options = InitOptions(instrument, tape, price, cash, strategy, actor or person(), reason)
    made = run(lambda: job(folder, options))
    if json:
        print_document(made)
    else:
        _print(made)


def _print(made: "NewFolder") -> None:
    trades = f", trading {made.strategies[0]}" if made.strategies else ""
    print(f"made {made.data}: {made.instrument}, {made.cash} {made.currency}, limits{trades}")
    if made.fault:
        print(f"this market cannot trade: {made.fault}")
    data = f"--data {shlex.quote(made.data)}"
    next_commands = {
        f"dr up {data}": f"start it; settings in {made.settings}",
        f"dr signal send {shlex.quote(made.signal)} --wait {data}": "in another terminal: approved",
        f"dr positions {data}": "filled within seconds",
        f"dr status {data}": "what may be traded, and why not",
        f"dr producer add NAME {data}": "a key for a program of yours (docs/producers.md)",
    }
    width = max(map(len, next_commands))
    print("next:")
    for command, comment in next_commands.items():
        print(f"  {command:{width}}  # {comment}")
