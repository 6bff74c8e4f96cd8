"""The answer of `dr replay whatif` as a document: its JSON keys, in their order."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType, field

from deadreckon.replay.pnl.rows import PnlTexts
from deadreckon.replay.whatif.overlay import ChangedFact


class FillComparison(Struct):
    """Counts of a run's fills, compared with the record by order and by number within the order.

    `kept` have the same terms in both, `changed` others; `dropped` are only in the record,
    `assumed` only in the run.
    """

    kept: int = 0
    changed: int = 0
    dropped: int = 0
    assumed: int = 0


class RunSummary(Struct, frozen=True, kw_only=True):
    """A run of the day in few figures; amounts are decimal texts in the reporting currency.

    `drawdown_max` is a share of the peak, `folder` holds the log of the run where one was kept.
    """

    folder: str | UnsetType = UNSET
    events: int
    signals: int
    refusals: int
    orders: int
    fills: int
    pnl: PnlTexts
    last_sequence: int
    digest: str
    equity: str
    drawdown_max: str


class BaselineRun(RunSummary, frozen=True, kw_only=True):
    """The day replayed without a change; `equal` where that gives the recorded run digest."""

    equal: bool
    fills_compared: FillComparison
    overlaid: list[ChangedFact]


class RefusedSignal(Struct, frozen=True):
    """A signal that one of two runs refuses, with the rule and the numbers of the refusal.

    `limit` and `measured` are in the unit of the rule (docs/risk.md).
    """

    sequence: int
    at: str
    signal_id: str
    producer: str
    strategy: str
    instrument: str
    kind: str
    side: str
    size: str
    refused_by: str
    rule: str
    limit: str | None
    measured: str | None
    reason: str


class FillTexts(Struct, frozen=True):
    """A fill with its terms as decimal texts, and the sequence of its message."""

    sequence: int
    at: str
    side: str
    quantity: str
    price: str
    fee: str
    fee_currency: str


class ChangedFill(Struct, frozen=True):
    """A fill that is not the same in record and variant; null where one of them lacks it."""

    order_id: str
    strategy: str
    instrument: str
    became: Literal["changed", "dropped", "assumed"]
    recorded: FillTexts | None
    supposed: FillTexts | None


class AssumedFills(Struct, frozen=True):
    """The part of a variant that neither the record nor its replay has; `share` of what moved."""

    fills: int
    orders: int
    notional: str
    pnl: str
    share: str


class PnlDifference(Struct, frozen=True):
    """A variant's difference in net PnL, by recorded fills alone and by paper matching.

    docs/replay.md explains the figures; amounts are in the reporting currency.
    """

    recorded_fills_only: str
    paper_matching: str
    low: str
    high: str
    assumed: AssumedFills
    terms: str
    left_open: str


class SignalCounts(Struct, frozen=True):
    """How many signals are no longer raised, are new, or have other content."""

    no_more: int
    new: int
    other: int


class VariantRun(Struct, frozen=True, kw_only=True):
    """One variant: its changes, its run in few figures, and how it differs.

    Refusals and `wishes` are compared with the replay without a change, fills with the record.
    """

    variant: str
    changes: list[str]
    folder: str | UnsetType = UNSET
    events: int
    signals: int
    refusals: int
    orders: int
    fills: int
    pnl: PnlTexts
    last_sequence: int
    digest: str
    equity: str
    drawdown_max: str
    difference: PnlDifference
    fills_compared: FillComparison
    refused_newly: list[RefusedSignal]
    allowed_newly: list[RefusedSignal]
    signal_counts: SignalCounts = field(name="wishes")
    fills_changed: list[ChangedFill]
    overlaid: list[ChangedFact]
    signals_left_out: int
    notes: list[str]


class WhatIfDocument(Struct, frozen=True):
    """A day (UTC) or everything ("all") replayed under each variant, compared with the record.

    `honesty` says in sentences what the figures rest on.
    """

    book: str
    day: str
    record: RunSummary
    baseline: BaselineRun
    honesty: list[str]
    variants: list[VariantRun]
