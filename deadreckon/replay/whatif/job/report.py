"""Builds the what-if document: every variant compared with the record, and what that rests on."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from msgspec import UNSET, Struct, structs

from deadreckon.accounting import average_cost, ledger
from deadreckon.contracts.amounts import EXACT, canonical, text
from deadreckon.replay.whatif.bounds import Bounds, bounds
from deadreckon.replay.whatif.changes import Variant
from deadreckon.replay.whatif.comparison import (
    changed_fills,
    compare_fills,
    compare_signals,
    refusals,
)
from deadreckon.replay.whatif.document import (
    AssumedFills,
    BaselineRun,
    FillComparison,
    PnlDifference,
    RunSummary,
    SignalCounts,
    VariantRun,
    WhatIfDocument,
)
from deadreckon.replay.whatif.job.run import RunResult
from deadreckon.replay.whatif.log_scan import LogScan


class Reference(Struct, frozen=True):
    """The two runs that variants are compared with: the record, and the replay without a change."""

    scan: LogScan
    recorded: RunResult
    baseline: RunResult

    @property
    def equal(self) -> bool:
        """True when the replay without a change gives the recorded run digest."""
        return self.baseline.statement.digest == self.recorded.statement.digest


def report(
    found: LogScan, variants: Sequence[Variant], runs: Iterator[RunResult]
) -> WhatIfDocument:
    """Compare all runs: the record, the replay without a change, then each variant.

    `runs` are read one at a time and none is kept: a grid may have hundreds.
    """
    sides = Reference(found, recorded=next(runs), baseline=next(runs))
    compared = compare_fills(sides.recorded.outcome, sides.baseline.outcome)
    return WhatIfDocument(
        book=sides.recorded.statement.book,
        day=sides.recorded.statement.day,
        record=_summary(sides.recorded),
        baseline=BaselineRun(
            **structs.asdict(_summary(sides.baseline)),
            equal=sides.equal,
            fills_compared=compared,
            overlaid=sides.baseline.overlaid,
        ),
        honesty=list(_honesty(sides, compared)),
        variants=[
            _variant(sides, variant, run) for variant, run in zip(variants, runs, strict=True)
        ],
    )


def _summary(run: RunResult) -> RunSummary:
    statement = run.statement
    return RunSummary(
        folder=UNSET if run.folder is None else str(run.folder),
        events=statement.events,
        signals=statement.signals,
        refusals=statement.refusals,
        orders=statement.orders,
        fills=statement.fills,
        pnl=statement.pnl,
        last_sequence=statement.last_sequence,
        digest=statement.digest,
        equity=statement.equity.closing,
        drawdown_max=text(run.outcome.drawdown_max),
    )


def _variant(sides: Reference, variant: Variant, run: RunResult) -> VariantRun:
    recorded, baseline = sides.recorded, sides.baseline
    found = compare_signals(baseline.outcome, run.outcome)
    weighed = bounds(recorded.opening, recorded.outcome, baseline.outcome, run.outcome)
    return VariantRun(
        variant=variant.name,
        changes=list(variant.texts),
        **structs.asdict(_summary(run)),
        difference=_difference(weighed),
        fills_compared=compare_fills(recorded.outcome, run.outcome),
        refused_newly=refusals(found.refused, newly=True),
        allowed_newly=refusals(found.allowed, newly=False),
        signal_counts=SignalCounts(len(found.dropped), len(found.new), len(found.other)),
        fills_changed=changed_fills(recorded.outcome, run.outcome),
        overlaid=run.overlaid,
        signals_left_out=run.left_out,
        notes=list(_notes(sides, variant, run)),
    )


def _difference(weighed: Bounds) -> PnlDifference:
    return PnlDifference(
        recorded_fills_only=text(weighed.recorded),
        paper_matching=text(weighed.paper),
        low=text(weighed.low),
        high=text(weighed.high),
        assumed=AssumedFills(
            fills=weighed.assumed_fills,
            orders=weighed.assumed_orders,
            notional=text(weighed.assumed_notional),
            pnl=text(weighed.assumed),
            share=text(weighed.share),
        ),
        terms=text(weighed.terms),
        left_open=text(weighed.left_open),
    )


def _honesty(sides: Reference, found: FillComparison) -> Iterator[str]:
    digest = sides.baseline.statement.digest
    if sides.equal:
        yield (
            "Replayed without a change, the day gives exactly what was recorded: "
            f"{_traded(sides.recorded)}, digest {digest[:16]}."
        )
    else:
        yield (
            f"Replayed without a change, the day gives {_traded(sides.baseline)}; recorded were "
            f"{_traded(sides.recorded)}. Of the fills {found.kept} are the same, {found.changed} "
            f"have other terms, {found.dropped} were only recorded, {found.assumed} are only "
            "replayed."
        )
        yield from _why(sides)
    yield (
        "`recorded fills only` takes away what the change prevents and assumes nothing; `paper "
        "matching` lets the paper venue fill what the record does not have. The truth may lie "
        "beyond both where an order of ours would have moved the market."
    )
    if sides.scan.trained():
        yield "Regime models are those recorded, except where a variant changes their strategy."


def _traded(run: RunResult) -> str:
    statement = run.statement
    return f"{statement.orders} orders, {statement.fills} fills, net {statement.pnl.net}"


def _why(sides: Reference) -> Iterator[str]:
    if sides.scan.edge_sent:
        yield (
            "The recorded fills came from a venue, which cannot be asked what it would have done: "
            "every replay here is matched on paper, on the market data of the day. Orders open "
            "there when the day began stay open unanswered."
        )
    if not sides.scan.on_tape:
        yield (
            "The day was recorded live, with services side by side; here they take turns, so that "
            "some answers meet a later or an earlier price."
        )
    if sides.scan.on_tape and not sides.scan.edge_sent:
        yield (
            "A tape gives the same again, unless somebody spoke while services were answering, or "
            "the code has changed since: `dr replay rerun` tells which."
        )
    rest = EXACT.subtract(_net(sides.baseline), _net(sides.recorded))
    yield (
        f"So the replay itself is {text(canonical(rest))} off the record; variants are compared "
        "with the replay without a change, and their fills with the record."
    )


def _net(run: RunResult) -> Decimal:
    return Decimal(run.statement.pnl.net)


def _notes(sides: Reference, variant: Variant, run: RunResult) -> Iterator[str]:
    if len(run.overlaid) == len(sides.baseline.overlaid) and not run.left_out:
        yield "no fact or signal of the day speaks of this: nothing was changed"
    for name in run.refitted:
        yield f"models of {name} were fitted anew, which may differ a little between machines"
    for name in variant.without:
        held = _held(sides, name)
        if held:
            yield f"what {name} held when the day began stays held, with its stops: {held}"


def _held(sides: Reference, strategy: str) -> str:
    found = (
        f"{text(average_cost.quantity(position))} {instrument}"
        for (name, _, instrument), position in ledger.positions(sides.recorded.opening)
        if name == strategy and position.quantity
    )
    return ", ".join(found)
