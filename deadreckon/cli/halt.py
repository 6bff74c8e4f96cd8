"""`dr halt`, `resume`, `flatten`, `cancel`: what an operator does when it matters."""

import json as codec
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from deadreckon.contracts.event import Event

Data = Annotated[Path, Parameter(help="The folder of the stack.")]
Actor = Annotated[str, Parameter(help="Who does this; it stands in the log.")]
Reason = Annotated[str, Parameter(help="Why; it stands in the log.")]
Url = Annotated[str | None, Parameter(help="A NATS server in place of the folder's own.")]
Json = Annotated[bool, Parameter(help="Print one JSON object.")]
Wait = Annotated[float, Parameter(help="Seconds to wait for acknowledgements.")]


def halt(
    *,
    actor: Actor,
    reason: Reason,
    scope: Literal["close_only", "all"] = "all",
    data: Data = Path("var"),
    wait: Wait = 10.0,
    nats: Url = None,
    json: Json = False,
) -> None:
    """Stop trading now; returns when risk and fill have acknowledged it in the log.

    Exits 1 naming who did not answer in time; the halt is in the log all the same.

    Example: dr halt --actor ann --reason "feed looks wrong" --data run1

    Parameters
    ----------
    scope
        "all" stops all but protection and flatten; "close_only" lets exits through.
    """
    from deadreckon.contracts.governance import HaltRequested

    _wait_for("halt", HaltRequested(actor, reason, scope), data, wait, nats, json)


def resume(
    *,
    actor: Actor,
    reason: Reason,
    reset_counters: bool = False,
    data: Data = Path("var"),
    wait: Wait = 10.0,
    nats: Url = None,
    json: Json = False,
) -> None:
    """Lift every halt; returns when risk and fill have acknowledged it in the log.

    Example: dr resume --actor ann --reason "feed checked" --data run1

    Parameters
    ----------
    reset_counters
        Start peaks, daily losses and windows anew.
    """
    from deadreckon.contracts.governance import ResumeRequested

    _wait_for("resume", ResumeRequested(actor, reason, reset_counters), data, wait, nats, json)


def _wait_for(
    verb: str, event: Event, data: Path, wait: float, nats: str | None, as_json: bool
) -> None:
    from deadreckon.cli.running import run
    from deadreckon.node.operator_commands import record_and_wait

    outcome = run(lambda: record_and_wait(data, event, wait, nats))
    said: dict[str, Any] = {name: getattr(outcome, name) for name in outcome.__struct_fields__}
    if as_json:
        print(codec.dumps(said))
    elif outcome.refused:
        print(f"{verb} refused: {outcome.refused}")
    else:
        print(f"{verb} recorded at sequence {outcome.sequence}")
        print(f"acknowledged by: {', '.join(outcome.acknowledged) or 'nobody'}")
        if outcome.missing:
            print(f"NOT acknowledged within {wait:g} s by: {', '.join(outcome.missing)}")
    if outcome.missing or outcome.refused:
        raise SystemExit(1)


def flatten(
    *,
    actor: Actor,
    reason: Reason,
    instrument: str | None = None,
    data: Data = Path("var"),
    nats: Url = None,
    json: Json = False,
) -> None:
    """Close positions at market with reduce-only orders; allowed while halted.

    Example: dr flatten --instrument BTCUSDT.PAPER --actor ann --reason "end of test" --data run1

    Parameters
    ----------
    instrument
        Only this one; all of them when absent.
    """
    from deadreckon.contracts.governance import FlattenRequested

    _record("flatten", FlattenRequested(actor, reason, instrument), data, nats, json)


def cancel(
    order: str | None = None,
    /,
    *,
    actor: Actor,
    reason: Reason,
    all_orders: Annotated[bool, Parameter(name="--all", negative="")] = False,
    data: Data = Path("var"),
    nats: Url = None,
    json: Json = False,
) -> None:
    """Cancel one open order by its id, or every one with --all.

    Protective orders are orders too: what they protected is unprotected then. `dr flatten` closes
    positions.

    Example: dr cancel --all --actor ann --reason "maintenance" --data run1

    Parameters
    ----------
    order
        The order's id, as `dr orders` shows it.
    all_orders
        Every open order.
    """
    from deadreckon.cli.app import EXIT_USAGE, fail
    from deadreckon.contracts.governance import CancelRequested

    if (order is None) != all_orders:
        fail("name one order, or --all", EXIT_USAGE)
    _record("cancel", CancelRequested(actor, reason, order), data, nats, json)


def _record(verb: str, event: Event, data: Path, nats: str | None, as_json: bool) -> None:
    from deadreckon.cli.running import run
    from deadreckon.node.operator_commands import record_facts

    (sequence,) = run(lambda: record_facts(data, [event], nats))
    if as_json:
        print(codec.dumps({"sequence": sequence}))
    else:
        print(f"{verb} recorded at sequence {sequence}; `dr tail --data {data}` shows what follows")
