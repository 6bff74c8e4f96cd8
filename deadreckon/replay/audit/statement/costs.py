"""Section of the costs of trading: slippage by strategy and purpose, fees by kind, funding."""

from decimal import Decimal

from deadreckon.contracts.amounts import EXACT, ZERO, text
from deadreckon.replay.audit.statement.evidence import Evidence, merged
from deadreckon.replay.audit.statement.overview import StatementView, one
from deadreckon.replay.audit.statement.parts import Cell, Table, table
from deadreckon.replay.audit.statement.slippage import Costs, Group

SLIPPAGE = (
    "Positive is worse for the book. Market orders are held against the mark when their intent was "
    "recorded, orders that wait against the price they wait for; since signal: against the mark at "
    "the signal; beside market: against the undisturbed market at the moment of the fill."
)


def slippage(view: StatementView) -> Table:
    """List one row for each strategy, purpose and benchmark."""
    groups = sorted(view.gathered.slippage.groups.items())
    return table(
        "slippage",
        "Slippage",
        [
            ("strategy", "text"),
            ("purpose", "text"),
            ("against", "text"),
            ("fills", "count"),
            ("mean bps", "bps"),
            ("median bps", "bps"),
            ("worst bps", "bps"),
            ("cost", "cost"),
            ("since signal", "cost"),
            ("beside market", "cost"),
            ("", "text"),
        ],
        [_group(view, key, costs) for key, costs in groups],
        SLIPPAGE,
    )


def _group(view: StatementView, key: Group, costs: Costs) -> list[Cell]:
    figure, currency = view.appendix.figure, key[3]
    mean, median = costs.mean(), costs.median()
    worst = costs.worst
    note = "cost / notional at the benchmark"
    return [
        *key[:3],
        figure(len(costs.evidence), costs.evidence),
        "" if mean is None else figure(mean, costs.evidence, note=note),
        ""
        if median is None
        else figure(median, costs.evidence, note="the middle one of the fills"),
        "" if worst is None else figure(worst.bps or ZERO, one(worst.record)),
        figure(_total(costs.evidence), costs.evidence),
        figure(_total(costs.since_signal), costs.since_signal) if costs.since_signal else "",
        figure(_total(costs.beside_market), costs.beside_market),
        currency,
    ]


def _total(evidence: Evidence) -> Decimal:
    return sum(evidence.sums.values(), ZERO)


def fees(view: StatementView) -> Table:
    """List one row for each venue, kind and currency."""
    found = sorted(view.gathered.earning.fees.items())
    return table(
        "fees",
        "Fees by kind and currency",
        [
            ("venue", "text"),
            ("kind", "text"),
            ("charges", "count"),
            ("paid", "money"),
            ("", "text"),
        ],
        [
            [
                venue,
                kind,
                view.appendix.figure(len(paid), paid),
                view.appendix.figure(_total(paid), paid),
                currency,
            ]
            for (venue, kind, currency), paid in found
        ],
        "negative gives back",
    )


def funding(view: StatementView) -> Table:
    """List one row for each strategy and instrument that paid or received."""
    rows: list[list[Cell]] = []
    for key, sources in sorted(view.gathered.earning.sources.items()):
        for currency, amount in sorted(sources.funding.sums.items()):
            figure = view.appendix.figure
            count = figure(len(sources.funding), sources.funding)
            rows.append([*key, count, figure(amount, sources.funding), currency])
    return table(
        "funding",
        "Funding",
        [
            ("strategy", "text"),
            ("venue", "text"),
            ("instrument", "text"),
            ("payments", "count"),
            ("received", "gain"),
            ("", "text"),
        ],
        rows,
        "negative was paid",
    )


def differences(view: StatementView) -> list[str]:
    """List figures that differ from the sum of their events; a book of one currency has none."""
    if not view.closing.one_currency:
        return []
    found = []
    for key, change in sorted(view.change.items()):
        sources = view.gathered.earning.sources.get(key)
        for name in ("realised", "fees", "funding"):
            evidence = merged([getattr(sources, name)]) if sources else Evidence()
            apart = EXACT.subtract(getattr(change, name), _total(evidence))
            if apart:
                found.append(f"{'/'.join(key)}: {text(apart)} of {name} comes from no event")
    return found
