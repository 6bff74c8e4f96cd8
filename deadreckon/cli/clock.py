"""`dr clock`: the log's own time, and how far edges may move it at once."""

import msgspec
from cyclopts import App

from deadreckon.cli.app import EXIT_DIFFERENCE, EXIT_USAGE, UNANSWERED, VerbEnd, fail
from deadreckon.cli.operator_facts import (
    Wait,
    assigned,
    build,
    check,
    in_force,
    print_result,
    publish,
)
from deadreckon.cli.options import CommandOptions, LogOptions, UrgentOptions, absolute
from deadreckon.contracts.event import Event

clock = App(
    name="clock",
    help="The log's own time, and what may move it. Example: dr clock show --data run1",
)


@clock.command(name="show")
def show(*, options: LogOptions = LogOptions()) -> None:
    """Print how far an edge may move time at once.

    Example: dr clock show --data run1
    """
    from deadreckon.contracts.clock import ClockConfigured
    from deadreckon.formatting.field_text import format_field

    found = in_force(options.data, options.nats).clock
    names = ("step_max", "stop_max")
    text = ", ".join(
        f"{name} {format_field(ClockConfigured, name, getattr(found, name))}" for name in names
    )
    print_result(msgspec.to_builtins(found), text, options)


@clock.command(name="set")
def set_(*assignments: str, options: CommandOptions) -> None:
    """Change how far an edge may move time at once; what is not named stays as it is.

    Example: dr clock set step_max=30s stop_max=14d --reason "we stop for two weeks"

    Parameters
    ----------
    assignments
        step_max=TIME, beyond the time that passed; stop_max=TIME, for the first step after a start.
    """
    from deadreckon.contracts.clock import ClockConfigured

    if not assignments:
        fail("give NAME=VALUE, such as step_max=30s", EXIT_USAGE)
    named = assigned(assignments, ClockConfigured)
    before = msgspec.to_builtins(in_force(options.data, options.nats).clock)
    publish(build(ClockConfigured, before | named | options.signature), options)


@clock.command(name="accept")
def accept(*, wait: Wait = 10.0, options: UrgentOptions = UrgentOptions()) -> None:
    """Say that the time which an edge refused to write is right; returns when the clock goes on.

    Exits 1 when no edge has refused a time that is ahead, and when no clock answers.

    Example: dr clock accept --reason "the machine was off for a month" --data run1
    """
    from deadreckon.contracts.clock import ClockAcceptRequested

    _ask(ClockAcceptRequested(options.actor, options.reason), "accepted", wait, options)


@clock.command(name="reset")
def reset(*, to: str = "now", wait: Wait = 10.0, options: UrgentOptions = UrgentOptions()) -> None:
    """Take back the time of a log that is ahead; decision time counts anew from there.

    Exits 1 when the log is not ahead of that time, and when no clock answers.

    Example: dr clock reset --to now --reason "the clock was nine days ahead" --data run1

    Parameters
    ----------
    to
        RFC 3339, such as 2026-11-20T12:00:00Z, 2h for two hours ago, or now.
    """
    from deadreckon.contracts.clock import ClockResetRequested
    from deadreckon.contracts.timestamps import parse_timestamp

    try:
        at = parse_timestamp(absolute(to))
    except ValueError as error:
        fail(f"--to: {error}", EXIT_USAGE)
    _ask(ClockResetRequested(options.actor, options.reason, at), "reset", wait, options)


def _ask(request: Event, what: str, wait: float, options: CommandOptions) -> None:
    """Record a request and print the clock's answer; exit with 1 unless it is granted."""
    from deadreckon.cli.running import run
    from deadreckon.contracts.timestamps import format_timestamp
    from deadreckon.node.command_answers import record_clock

    check(request)
    found = run(lambda: record_clock(options.data, request, wait, options.nats))
    if found.refused is not None:
        text = f"refused by {found.refused.rule}: {found.refused.reason}"
    elif found.time is not None:
        text = f"{what}: time goes on from {format_timestamp(found.time)}"
    elif found.answered is None:
        text = "no stack runs here: its clock answers when one starts"
    else:
        text = f"NOT answered within {wait:g} s by the clock: only `dr up` has one"
    print_result(
        msgspec.to_builtins(found), f"recorded at sequence {found.sequence}; {text}", options
    )
    if found.refused is not None:
        raise VerbEnd(EXIT_DIFFERENCE, found.refused.reason, found.refused.rule)
    if found.answered is False:
        raise VerbEnd(EXIT_DIFFERENCE, text, UNANSWERED)
