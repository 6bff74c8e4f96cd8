"""Tables of activity: orders, refusals, fills, interventions, and the configuration in force."""

from functools import partial
from typing import Any

import msgspec

from deadreckon.contracts.amounts import text
from deadreckon.contracts.timestamps import format_timestamp
from deadreckon.replay.audit.audit import Audit
from deadreckon.replay.audit.statement.counting import RuleRefusals
from deadreckon.replay.audit.statement.evidence import Evidence, event_line
from deadreckon.replay.audit.statement.executions import Execution
from deadreckon.replay.audit.statement.overview import StatementView, one
from deadreckon.replay.audit.statement.parts import Cell, Table, table
from deadreckon.replay.audit.statement.pnl_section import RealisedFill


def counts(view: StatementView, audit: Audit) -> Table:
    """Count the events of each kind."""
    figure, counting = view.appendix.figure, view.gathered.counting
    refused = [found.evidence for _, found in sorted(counting.refusals.items())]
    tally = audit.tally
    every = f"sequences {tally.first_sequence} to {tally.last_sequence}, all of them"
    rows: list[list[Cell]] = [
        ["events", figure(tally.events, note=every)],
        ["signals, cancels, replaces", figure(tally.signals, counting.signals)],
        ["refusals", figure(tally.refusals, *refused)],
        ["orders sent", figure(tally.orders, counting.intents)],
        ["fills", figure(tally.fills, counting.fills)],
        ["marks of equity", figure(len(view.gathered.curves.marks), view.gathered.curves.evidence)],
    ]
    curves = view.gathered.curves
    if curves.deepest is not None and curves.widest is not None:
        drawdown = figure(curves.deepest.event.drawdown, one(curves.deepest), kind="share")
        gross = figure(curves.widest.event.exposure_gross, one(curves.widest), kind="money")
        rows.append(["greatest drawdown from the peak", drawdown])
        rows.append([f"greatest gross exposure, {view.currency}", gross])
    columns: list[Any] = [("", "text"), ("", "count")]
    return table("counts", "What was counted", columns, rows)


def orders(view: StatementView) -> Table:
    """Count how orders ended, and how many did not."""
    found = sorted(view.gathered.counting.outcomes.items())
    rows: list[list[Cell]] = [
        [outcome, rule, view.appendix.figure(len(evidence), evidence)]
        for (outcome, rule), evidence in found
    ]
    waiting = Evidence()
    for record in view.gathered.counting.open.values():
        waiting.add(record, partial(event_line, record))
    if waiting:
        rows.append(["open at the end", "", view.appendix.figure(len(waiting), waiting)])
    columns: list[Any] = [("outcome", "text"), ("rule", "text"), ("orders", "count")]
    return table("orders", "Orders by outcome", columns, rows)


def refusals(view: StatementView) -> Table:
    """List one row for each service and rule, with the numbers of its last refusal."""
    found = sorted(view.gathered.counting.refusals.items())
    return table(
        "refusals",
        "Refusals by rule",
        [
            ("said by", "text"),
            ("rule", "text"),
            ("refusals", "count"),
            ("last measured", "quantity"),
            ("against", "quantity"),
            ("limit set by", "id"),
            ("its reason", "more"),
        ],
        [_refusal(view, refused) for _, refused in found],
        "in the unit of the rule (docs/risk.md); every one is told with its numbers",
    )


def _refusal(view: StatementView, refused: RuleRefusals) -> list[Cell]:
    figure, last = view.appendix.figure, refused.last.event
    limit, measured = getattr(last, "limit", None), getattr(last, "measured", None)
    position = one(refused.last)
    set_by = getattr(last, "limit_set_by", None)
    setting = view.gathered.configured.get(set_by or "")
    return [
        refused.service,
        refused.rule,
        figure(len(refused.evidence), refused.evidence),
        "" if measured is None else figure(measured, position),
        "" if limit is None else figure(limit, position),
        figure(set_by[:8], one(setting)) if set_by and setting else (set_by or "")[:8],
        last.reason,
    ]


def fills(view: StatementView) -> Table:
    """List the first fills one by one, each with its benchmark."""
    shown, every = view.gathered.fills, len(view.gathered.counting.fills)
    left = every - len(shown)
    note = f"the first {len(shown)} of {every}; the figures above count all" if left > 0 else ""
    return table(
        "fills",
        "Fills",
        [
            ("place", "id"),
            ("time", "time"),
            ("strategy", "text"),
            ("instrument", "text"),
            ("purpose", "text"),
            ("side", "text"),
            ("quantity", "quantity"),
            ("price", "price"),
            ("benchmark", "price"),
            ("known at", "id"),
            ("bps", "bps"),
            ("cost", "cost"),
            ("fee", "money"),
            ("realised", "gain"),
        ],
        [_fill(view, execution, earned) for execution, earned in shown],
        note or "all of them",
    )


def _fill(view: StatementView, execution: Execution, earned: RealisedFill) -> list[Cell]:
    fill, benchmark = execution.record.event, execution.benchmark
    return [
        f"{execution.record.sequence}.{execution.record.index}",
        format_timestamp(execution.record.at),
        fill.strategy,
        fill.instrument,
        execution.purpose,
        fill.side,
        text(fill.quantity),
        text(fill.price),
        "" if benchmark is None else text(benchmark.price),
        "" if benchmark is None else f"{benchmark.position[0]}.{benchmark.position[1]}",
        "" if execution.bps is None else text(execution.bps),
        text(execution.cost),
        text(fill.fee),
        text(earned.realised),
    ]


def interventions(view: StatementView) -> Table:
    """List what people and rules did besides trading, and what was out of order."""
    found = sorted(view.gathered.counting.interventions.items())
    rows: list[list[Cell]] = []
    for name, evidence in found:
        first = evidence.lines[0]
        count = view.appendix.figure(len(evidence), evidence)
        rows.append([name, count, format_timestamp(first.at), first.what.partition(": ")[2]])
    columns: list[Any] = [("what", "text"), ("times", "count"), ("first", "time")]
    columns.append(("the first in words", "more"))
    return table("interventions", "Interventions and alarms", columns, rows)


def configuration(view: StatementView, audit: Audit) -> Table:
    """List the configuration in force at the end, with who set each part, why and where."""
    rows: list[list[Cell]] = []
    for name, setting in sorted(audit.configuration.items()):
        body = setting.body
        record = view.gathered.configured.get(setting.set_by)
        by = setting.set_by[:8]
        rows.append(
            [
                name,
                str(body.get("actor", "")),
                str(body.get("reason", "")),
                "" if record is None else format_timestamp(record.at),
                by if record is None else view.appendix.figure(by, one(record)),
                _settings(body),
            ]
        )
    columns: list[Any] = [("what", "text"), ("set by", "text"), ("reason", "text")]
    columns += [("at", "time"), ("event", "id"), ("settings", "more")]
    return table("configuration", "Configuration in force at the end", columns, rows)


def _settings(body: dict[str, Any]) -> str:
    """Format every setting that is not empty, as name and value."""
    skipped = ("actor", "reason")
    record = {name: value for name, value in body.items() if name not in skipped and value != ""}
    return "; ".join(
        f"{name} {_plain(value)}" for name, value in record.items() if value is not None
    )


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value, order="sorted").decode()


def code(view: StatementView) -> Table:
    """List the program that decided, service by service."""
    found = sorted(view.gathered.origin.codes.items())
    rows: list[list[Cell]] = [
        [service, version, f"{code.commits}", f"{code.first}-{code.last}"]
        for (service, version), code in found
    ]
    columns: list[Any] = [("service", "text"), ("code", "text"), ("commits", "count")]
    columns.append(("sequences", "text"))
    return table("code", "Programs that decided", columns, rows)
