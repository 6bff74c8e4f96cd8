"""Text page of `whynot`: a window's summary, and its gaps, events and outcome groups."""

from collections.abc import Iterator
from decimal import Decimal
from textwrap import wrap

from deadreckon.contracts.timestamps import DAY
from deadreckon.formatting.exact import number, rule_amount
from deadreckon.formatting.text import safe_text
from deadreckon.formatting.times import moment, span
from deadreckon.replay.why.page import ID_SHOWN, WIDTH, StyledLine
from deadreckon.replay.whynot.grouping import EventReference, OutcomeGroup
from deadreckon.replay.whynot.tracker import PriceGap, WindowEvent, WindowTracker

OUTCOME_TEXTS = {
    "entry": "raised an entry",
    "exit": "raised an exit",
    "exit_and_entry": "raised an exit, and an entry the other way",
    "off": "is switched off",
    "faulty": "has parameters that cannot be read, and is off",
    "other_code": "has other code here than its configuration names, and is off",
    "other_bars": "looks at bars of another length",
    "warming_up": "has too few bars yet",
    "no_model": "has no fitted model yet",
    "new_model": "has a new model, and filters from the next bar on",
    "no_price": "met a close that is no price",
    "no_cross": "saw no cross of its averages",
    "too_unsure": "was not sure enough",
    "in_position": "holds a position without an exit signal",
    "exit_underway": "asked to exit a moment ago, and waits",
    "no_reverse": "leaves, and may not turn around at once",
    "long_only": "would sell short, and may not",
    "cooldown": "entered a moment ago, and waits",
    "at_its_venue": "is working at its venue, without a reported trade",
    "on_its_way": "is on its way to the venue",
    "ends_now": "ends before the event can trade it",
    "limit_not_reached": "waits: the market did not reach its limit",
    "stop_not_reached": "waits: the market did not reach its stop",
    "no_volume": "waits: nothing traded",
    "meets_its_price": "meets its price",
    "price_too_bad": "waits: with slippage a trade would be beyond its limit",
}


def _text_of(outcome: str) -> str:
    """Describe an outcome; strategies of third parties may have outcomes of their own."""
    return OUTCOME_TEXTS.get(outcome, outcome.replace("_", " "))


def page(tracker: WindowTracker, width: int = WIDTH) -> Iterator[StyledLine]:
    """Format the window's summary, then its gaps, events and groups in log order."""
    window = tracker.window
    end = window.end + 1 if (window.end + 1) % DAY == 0 else window.end  # a day to its end
    title = f"{window.instrument} from {moment(window.start)} to {moment(end)}"
    yield StyledLine("", "", title, "bold")
    for text, style in _heads(tracker):
        yield from _wrapped("", text, style, width)
    yield StyledLine("", "", "")
    for reference, kind, entry in _entries(tracker):
        yield from _entry(tracker, reference, kind, entry, width)


def _entries(
    tracker: WindowTracker,
) -> list[tuple[EventReference, int, OutcomeGroup | WindowEvent | PriceGap]]:
    found: list[tuple[EventReference, int, OutcomeGroup | WindowEvent | PriceGap]] = []
    found += [(group.first, 1, group) for group in tracker.groups]
    found += [(event.reference, 2, event) for event in tracker.events]
    end = EventReference(2**62, 0, "", tracker.window.end)
    found += [(gap.before or end, 0, gap) for gap in tracker.gaps]
    return sorted(found, key=lambda entry: entry[:2])


def _entry(
    tracker: WindowTracker,
    reference: EventReference,
    kind: int,
    entry: OutcomeGroup | WindowEvent | PriceGap,
    width: int,
) -> Iterator[StyledLine]:
    gutter = f"{reference.sequence}.{reference.index}".rjust(9) + f"  {reference.id[:ID_SHOWN]}"
    match entry:
        case PriceGap():
            yield from _wrapped(
                "" if entry.before is None else gutter,
                _gap(entry, tracker.window.start),
                "red",
                width,
            )
        case WindowEvent():
            when = moment(entry.reference.at, tracker.window.start)
            yield from _wrapped(gutter, f"{when} {entry.who}: {entry.text}", _style(entry), width)
        case OutcomeGroup():
            yield from _wrapped(gutter, group_text(tracker, entry), _group_style(entry), width)


def _gap(gap: PriceGap, start: int) -> str:
    when = f"{moment(gap.start, start)} to {moment(gap.end, start)}"
    what = f"{gap.missing} bars are missing" if gap.missing else "no price"
    if gap.is_first:
        what = "no price yet, the log's first one comes here"
    return f"{when}: {what} ({span(gap.end - gap.start)})"


def _style(event: WindowEvent) -> str:
    if event.type in (
        "SignalRefused",
        "MessagesRefused",
        "OrderRejected",
        "HaltImposed",
        "HaltRequested",
    ):
        return "red"
    return "green" if event.type == "OrderFilled" else "yellow"


def _group_style(group: OutcomeGroup) -> str:
    return "red" if group.kind == "rule" else ""


def group_text(tracker: WindowTracker, group: OutcomeGroup) -> str:
    """Describe a group: `05:01 to 05:40, 40 times, cross: saw no cross of its averages; fast 1
    to 2`."""
    when = moment(group.first.at, tracker.window.start)
    if group.count > 1:
        when = f"{when} to {moment(group.last.at, group.first.at)}, {group.count:,} times"
    return f"{when}, {_who(tracker, group)} {_outcome(tracker, group)}"


def _who(tracker: WindowTracker, group: OutcomeGroup) -> str:
    if group.kind == "rule":
        return f"rule {group.who}"
    if group.kind == "order":
        return f"{tracker.names.order(group.who)} ({group.note})"
    return safe_text(group.who)


def _outcome(tracker: WindowTracker, group: OutcomeGroup) -> str:
    figures = ", ".join(
        f"{name.replace('_', ' ')} {_range(group, name, *ends)}"
        for name, ends in group.ranges.items()
    )
    if group.kind != "rule":
        return _text_of(group.outcome) + (f"; {figures}" if figures else "")
    setter = tracker.references.get(group.rests_on)
    by = f" (set by {tracker.names.of('fact', group.rests_on)}"  # a limit or a halt
    by += f" at {setter.sequence}.{setter.index})" if setter else ")"
    note = safe_text(tracker.names.shorten(group.note))
    would = f"would refuse any entry: {note}{by if group.rests_on else ''}"
    return would + (f"; {figures}" if figures else "")


def _range(group: OutcomeGroup, name: str, least: Decimal, most: Decimal) -> str:
    def shown(amount: Decimal) -> str:
        return rule_amount(group.who, amount) if group.kind == "rule" else number(amount)

    return shown(least) if least == most else f"{shown(least)} to {shown(most)}"


def _heads(tracker: WindowTracker) -> Iterator[tuple[str, str]]:
    gaps = len(tracker.gaps)
    yield f"{tracker.prices:,} prices, {gaps} gap{'' if gaps == 1 else 's'} between them", ""
    if not tracker.prices:
        yield "the market had no price of it in this window", "red"
    yield from _strategies(tracker)
    counts = ", ".join(f"{safe_text(name)} {count}" for name, count in tracker.producers.items())
    yield f"signals of producers: {counts or 'none'}", ""
    raised = sum(event.type == "SignalRaised" for event in tracker.events)
    refused = [event for event in tracker.events if event.type == "SignalRefused"]
    filled = sum(event.type == "OrderFilled" for event in tracker.events)
    yield f"signals raised {raised}, refused {len(refused)}; fills {filled}", ""


def _strategies(tracker: WindowTracker) -> Iterator[tuple[str, str]]:
    window = tracker.window
    here = {
        name: it
        for name, it in tracker.strategies.items()
        if it.instrument == window.instrument and window.strategy in (None, name)
    }
    if not here:
        others = ", ".join(f"{name} on {it.instrument}" for name, it in tracker.strategies.items())
        sought = f"no strategy {window.strategy}" if window.strategy else "no strategy"
        yield f"{sought} is configured for it; configured: {others or 'none'}", "red"
    for name in here:
        groups = [one for one in tracker.groups if one.kind == "strategy" and one.who == name]
        counts: dict[str, int] = {}
        for group in groups:
            counts[group.outcome] = counts.get(group.outcome, 0) + group.count
        shown = ", ".join(f"{_text_of(outcome)} {count:,}" for outcome, count in counts.items())
        bars = sum(counts.values())
        yield f"{safe_text(name)} ({here[name].kind}), {bars:,} bars: {shown or 'saw none'}", ""


def _wrapped(gutter: str, text: str, style: str, width: int) -> Iterator[StyledLine]:
    room = width - 9 - 2 - ID_SHOWN - 2
    for line, part in enumerate(wrap(text, room if gutter else width - 2) or [""]):
        left = gutter if line == 0 else " " * len(gutter)
        yield StyledLine(left, "  " if not gutter or line else "", part, style)
