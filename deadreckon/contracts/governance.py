"""What is in force and who said so: limits, halts, strategies, and the refusals of operators."""

from decimal import Decimal
from typing import Literal

from deadreckon.contracts.event import Event

HaltScope = Literal["close_only", "all"]

OBEYING = ("risk", "fill")  # who must acknowledge a halt before `dr halt` returns


class LimitsSet(Event, frozen=True):
    """Every limit of a book; setting it replaces the whole set. null (or empty) means "no rule"
    unless the field says otherwise. With no LimitsSet in the log nothing trades.

    Amounts are in the reporting currency, ages and windows in nanoseconds, shares are fractions.
    """

    actor: str
    reason: str
    trading_enabled: bool = True  # false: nothing trades, whatever the rest says
    instruments_allowed: list[str] = []  # empty: every listed instrument
    markets_allowed: tuple[str, ...] = (
        "spot",
        "perpetual",
    )  # classes of `InstrumentListed.market`; margin and options are off by default
    order_notional_min: Decimal | None = None  # least notional of an entry, reporting currency
    order_notional_max: Decimal | None = None  # most notional of an entry, reporting currency
    exposure_instrument_max: Decimal | None = None  # notional per instrument, in flight included
    exposure_strategy_max: Decimal | None = None  # notional per strategy, in flight included
    exposure_venue_max: Decimal | None = None  # notional per venue, in flight included
    exposure_gross_max: Decimal | None = None  # sum of absolute notionals, reporting currency
    exposure_net_max: Decimal | None = None  # absolute sum of signed notionals, reporting currency
    positions_max: int | None = None  # instruments held or about to be
    longs_max: int | None = None  # of them long
    shorts_max: int | None = None  # of them short
    exposure_exempt: list[str] = []  # instruments not counted in longs_max and shorts_max
    orders_in_flight_max: int | None = None  # per strategy and instrument
    leverage_max: Decimal | None = None  # gross exposure / equity
    liability_max: Decimal | None = None  # borrowed: short spot and negative cash
    margin_level_min: Decimal | None = None  # equity / (gross exposure x maintenance_margin_rate)
    maintenance_margin_rate: Decimal = Decimal("0.05")  # share of notional, for margin_level_min
    equity_floor: Decimal | None = None  # below it entries stay shut; reporting currency
    drawdown_max: Decimal | None = None  # share of the peak, e.g. 0.2
    drawdown_resets_daily: bool = False  # the peak starts anew at 00:00 UTC
    daily_loss_max: Decimal | None = None  # realised - fees + funding of the UTC day
    breaker_cooldown: int = 300_000_000_000  # floor, drawdown: entries stay shut this long after
    breaker_flattens: bool = False  # drawdown and daily loss also flatten the book
    order_gap_min: int = 0  # nanoseconds between any two entries
    entries_per_minute: int | None = 30  # entries in any 60 s, whole book
    entries_per_minute_instrument: int | None = 6  # entries in any 60 s, per instrument
    exits_per_minute: int | None = 120  # exits in any 60 s, whole book
    cancels_per_minute: int | None = 120  # cancels in any 60 s, whole book
    notional_window: int = 60_000_000_000  # nanoseconds that notional_window_max looks back
    notional_window_max: Decimal | None = None  # sum of entry notional within the window
    slippage_bps_max: Decimal | None = None  # median of the last `slippage_samples` entry fills
    slippage_samples: int = 20  # entry fills that slippage_bps_max looks at
    heat_max: Decimal | None = None  # sum of stop distance x size, as share of equity
    heat_stop_default: Decimal = Decimal("0.01")  # distance as share of price without a stop
    price_age_max: int = 120_000_000_000  # nanoseconds; an older mark refuses entries
    signal_age_max: int | None = None  # nanoseconds between a wish's own time and decision time
    confidence_min: Decimal | None = None  # 0 to 1; a wish that says less is refused
    quarantine_stops: int | None = None  # stop-losses within the window that shut an instrument
    quarantine_window: int = 3_600_000_000_000  # nanoseconds in which the stop-losses are counted
    quarantine_for: int = 14_400_000_000_000  # nanoseconds that the instrument stays shut
    performance_trades_min: int | None = None  # closed trades before it looks; null: the first
    performance_window: int = 50  # closed trades of a strategy it looks at, the latest
    profit_factor_min: Decimal | None = None  # sum of winning trades / sum of losing ones
    win_rate_min: Decimal | None = None  # share of trades that won, 0 to 1
    sharpe_min: Decimal | None = None  # mean / sample deviation of a trade's net profit
    performance_scope: HaltScope = "close_only"  # what a performance stop halts
    venue_errors_max: Decimal | None = None  # share of venue results in 60 s that failed
    venue_errors_samples: int = 10  # venue results in 60 s before the rule looks
    strategy_allocations: dict[str, Decimal] = {}  # notional cap a strategy; 0 shuts it
    order_equity_share_max: Decimal | None = None  # order notional / equity
    instrument_lock: int | None = None  # after an entry, other strategies wait this long


class HaltRequested(Event, frozen=True):
    """Stop: a `scope` of `close_only` lets exits through, `all` only protection and flattening.

    Cancels pass under both.

    In force at its place in the log. The services in `OBEYING` acknowledge it, each in its own
    domain.
    """

    actor: str
    reason: str
    scope: HaltScope = "all"


class ResumeRequested(Event, frozen=True):
    """Trade again: lifts every halt. With `reset_counters` peaks and windows start anew too."""

    actor: str
    reason: str
    reset_counters: bool = False


class HaltAcknowledged(Event, frozen=True):
    """This service obeys the halt `halt_id` (its cause); `open_orders` it still had to cancel.

    `scope` is what the halt forbids: entries alone (`close_only`) or everything (`all`).
    """

    halt_id: str
    scope: HaltScope
    open_orders: int


class ResumeAcknowledged(Event, frozen=True):
    """This service has lifted the halts, as `resume_id` (its cause) asks."""

    resume_id: str


class HaltImposed(Event, frozen=True):
    """A rule halted the book by itself; obeyed like an operator's halt.

    `scope` is what it forbids: entries alone (`close_only`) or everything (`all`). `limit` and
    `measured` are in the unit of the rule; `until` (nanoseconds UTC) is when it lifts by itself,
    null when only a resume does.
    """

    scope: HaltScope
    rule: str
    limit: Decimal | None
    measured: Decimal | None
    limit_set_by: str | None
    reason: str
    until: int | None = None


class FlattenRequested(Event, frozen=True):
    """Close positions at market, reduce-only; allowed under every halt.

    `instrument` is null for all of them.
    """

    actor: str
    reason: str
    instrument: str | None = None


class CancelRequested(Event, frozen=True):
    """An operator cancels one open order, or all of them when `order_id` is null."""

    actor: str
    reason: str
    order_id: str | None = None


class StrategyConfigured(Event, frozen=True):
    """A strategy runs with these parameters from here on (`enabled` false stops it).

    `strategy` is its name in every order, `instrument` what it trades. `kind`:
    moving_average_cross, hmm_regime. `parameters` are texts that the strategy's own decider
    reads; docs/strategies.md lists them. `notional` is the size of one entry in quote currency.
    """

    strategy: str
    kind: str
    instrument: str
    enabled: bool
    notional: Decimal
    parameters: dict[str, str]
    actor: str
    reason: str


class OperatorRefused(Event, frozen=True):
    """What came through an operator's door was not understood; nothing changed.

    `door` is the operator's name, `evidence` at most 512 characters of what was sent.
    """

    door: str
    rule: str
    reason: str
    evidence: str


class OperatorMalformed(Event, frozen=True):
    """An operator's message that could not be read; never written, answered by a refusal.

    `door` is the operator's name, `evidence` at most 512 characters of what was sent.
    """

    door: str
    rule: str
    reason: str
    evidence: str


class LogDamaged(Event, frozen=True):
    """A message in a service's own domain is undecodable or breaks its chain; never written.

    `subject` is the domain's subject. Every service meets it at the same place, and the book
    halts there.
    """

    subject: str
    reason: str
