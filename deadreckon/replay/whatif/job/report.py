"""What a what-if says: every variant beside the record, and what its figures rest on."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from deadreckon.accounting import average_cost, ledger
from deadreckon.contracts.amounts import EXACT, canonical, text
from deadreckon.replay.whatif.bounds import Bounds, bounds
from deadreckon.replay.whatif.changes import Variant
from deadreckon.replay.whatif.comparison import (
    FillComparison,
    changed_fills,
    compare_fills,
    compare_signals,
    refusals,
)
from deadreckon.replay.whatif.job.run import RunResult
from deadreckon.replay.whatif.log_scan import LogScan

Document = dict[str, Any]

SUMMARY = ("events", "signals", "refusals", "orders", "fills", "pnl", "last_sequence", "digest")


class Reference(Struct, frozen=True):
    """What every variant is held against: the record as it is, and `baseline`, the day lived
    through anew without any change."""

    survey: LogScan
    record: RunResult
    baseline: RunResult

    @property
    def equal(self) -> bool:
        """Whether the replay without a change gives the record."""
        return bool(self.baseline.document["digest"] == self.record.document["digest"])


def report(found: LogScan, variants: Sequence[Variant], runs: Iterator[RunResult]) -> Document:
    """The whole answer; amounts are decimal texts, in the reporting currency.

    `runs` are the record, the replay without a change, and each variant; none is kept longer than
    it takes to tell of it, for a grid may have hundreds.
    """
    sides = Reference(found, record=next(runs), baseline=next(runs))
    compared = compare_fills(sides.record.deeds, sides.baseline.deeds)
    return {
        "book": sides.record.document["book"],
        "day": sides.record.document["day"],
        "record": _summary(sides.record),
        "baseline": _summary(sides.baseline)
        | {"equal": sides.equal, "fills_compared": msgspec.to_builtins(compared)}
        | {"overlaid": msgspec.to_builtins(sides.baseline.overlaid)},
        "honesty": list(_honesty(sides, compared)),
        "variants": [
            _variant(sides, variant, ran) for variant, ran in zip(variants, runs, strict=True)
        ],
    }


def _summary(ran: RunResult) -> Document:
    told: Document = {} if ran.folder is None else {"folder": str(ran.folder)}
    told |= {name: ran.document[name] for name in SUMMARY}
    told["equity"] = ran.document["equity"]["closing"]
    told["drawdown_max"] = text(ran.deeds.drawdown_max)
    return told


def _variant(sides: Reference, variant: Variant, ran: RunResult) -> Document:
    record, baseline = sides.record, sides.baseline
    found = compare_signals(baseline.deeds, ran.deeds)
    weighed = bounds(record.opening, record.deeds, baseline.deeds, ran.deeds)
    return (
        {"variant": variant.name, "changes": list(variant.said)}
        | _summary(ran)
        | {
            "difference": _difference(weighed),
            "fills_compared": msgspec.to_builtins(compare_fills(record.deeds, ran.deeds)),
            "refused_newly": refusals(found.refused, newly=True),
            "allowed_newly": refusals(found.allowed, newly=False),
            "wishes": {
                "no_more": len(found.unsaid),
                "new": len(found.new),
                "other": len(found.other),
            },
            "fills_changed": changed_fills(record.deeds, ran.deeds),
            "overlaid": msgspec.to_builtins(ran.overlaid),
            "signals_left_out": ran.left_out,
            "notes": list(_notes(sides, variant, ran)),
        }
    )


def _difference(weighed: Bounds) -> Document:
    return {
        "recorded_fills_only": text(weighed.recorded),
        "paper_matching": text(weighed.paper),
        "low": text(weighed.low),
        "high": text(weighed.high),
        "assumed": {
            "fills": weighed.assumed_fills,
            "orders": weighed.assumed_orders,
            "notional": text(weighed.assumed_notional),
            "pnl": text(weighed.assumed),
            "share": text(weighed.share),
        },
        "terms": text(weighed.terms),
        "left_open": text(weighed.left_open),
    }


def _honesty(sides: Reference, found: FillComparison) -> Iterator[str]:
    digest = sides.baseline.document["digest"]
    if sides.equal:
        yield (
            "Replayed without a change, the day gives exactly what was recorded: "
            f"{_traded(sides.record)}, digest {digest[:16]}."
        )
    else:
        yield (
            f"Replayed without a change, the day gives {_traded(sides.baseline)}; recorded were "
            f"{_traded(sides.record)}. Of the fills {found.kept} are the same, {found.changed} "
            f"have other terms, {found.dropped} were only recorded, {found.assumed} are only "
            "replayed."
        )
        yield from _why(sides)
    yield (
        "`recorded fills only` takes away what the change prevents and assumes nothing; `paper "
        "matching` lets the paper venue fill what the record does not have. The truth may lie "
        "beyond both where an order of ours would have moved the market."
    )
    if sides.survey.trained():
        yield "Regime models are those recorded, except where a variant changes their strategy."


def _traded(ran: RunResult) -> str:
    document = ran.document
    return f"{document['orders']} orders, {document['fills']} fills, net {document['pnl']['net']}"


def _why(sides: Reference) -> Iterator[str]:
    if sides.survey.edge_sent:
        yield (
            "The recorded fills came from a venue, which cannot be asked what it would have done: "
            "every replay here is matched on paper, on the market data of the day. Orders open "
            "there when the day began stay open unanswered."
        )
    if not sides.survey.on_tape:
        yield (
            "The day was recorded live, with services side by side; here they take turns, so that "
            "some answers meet a later or an earlier price."
        )
    if sides.survey.on_tape and not sides.survey.edge_sent:
        yield (
            "A tape gives the same again, unless somebody spoke while services were answering, or "
            "the code has changed since: `dr replay rerun` tells which."
        )
    rest = EXACT.subtract(_net(sides.baseline), _net(sides.record))
    yield (
        f"So the replay itself is {text(canonical(rest))} off the record; variants are compared "
        "with the replay without a change, and their fills with the record."
    )


def _net(ran: RunResult) -> Decimal:
    return Decimal(ran.document["pnl"]["net"])


def _notes(sides: Reference, variant: Variant, ran: RunResult) -> Iterator[str]:
    if len(ran.overlaid) == len(sides.baseline.overlaid) and not ran.left_out:
        yield "no fact or signal of the day speaks of this: nothing was changed"
    for name in ran.anew:
        yield f"models of {name} were fitted anew, which may differ a little between machines"
    for name in variant.without:
        held = _held(sides, name)
        if held:
            yield f"what {name} held when the day began stays held, with its stops: {held}"


def _held(sides: Reference, strategy: str) -> str:
    found = (
        f"{text(average_cost.quantity(position))} {instrument}"
        for (name, _, instrument), position in ledger.positions(sides.record.opening)
        if name == strategy and position.quantity
    )
    return ", ".join(found)
