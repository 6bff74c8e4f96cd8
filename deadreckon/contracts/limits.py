"""The limits of a book, each with its unit; the rule that a limit belongs to has the same name.

The quota of producers is an event of its own: a flood concerns those who read, not what may trade.
"""

from decimal import Decimal
from typing import Annotated

from deadreckon.contracts.event import Declaration, Event
from deadreckon.contracts.fields import Actor, HaltScope, Reason
from deadreckon.contracts.units import described

Amount = Decimal | None
Count = int | None


class LimitsSet(Event, frozen=True):
    """Every limit of a book; setting it replaces the whole set.

    null (or empty) means "no limit" unless the field says differently. Without a LimitsSet in the
    log nothing trades. Amounts are in the reporting currency, ages and windows in nanoseconds,
    shares are fractions of one.
    """

    declared = Declaration("governance.limits_set", operators=True, timeline="book")

    actor: Actor
    reason: Reason
    trading_enabled: Annotated[bool, described("false: nothing trades, whatever else is set")] = (
        True
    )
    instruments_allowed: Annotated[
        list[str], described("instruments that may be entered; empty for every listed one")
    ] = []
    markets_allowed: Annotated[
        tuple[str, ...],
        described("values of `InstrumentListed.market` that may be entered"),
    ] = ("spot", "perpetual")
    order_notional_min: Annotated[
        Amount, described("least notional of an entry, in reporting currency", "reporting")
    ] = None
    order_notional_max: Annotated[
        Amount, described("greatest notional of an entry, in reporting currency", "reporting")
    ] = None
    exposure_instrument_max: Annotated[
        Amount, described("notional of an instrument, orders in flight included", "reporting")
    ] = None
    exposure_strategy_max: Annotated[
        Amount, described("notional of a strategy, orders in flight included", "reporting")
    ] = None
    exposure_venue_max: Annotated[
        Amount, described("notional at a venue, orders in flight included", "reporting")
    ] = None
    exposure_gross_max: Annotated[
        Amount, described("sum of absolute notionals, in reporting currency", "reporting")
    ] = None
    exposure_net_max: Annotated[
        Amount, described("absolute sum of signed notionals, in reporting currency", "reporting")
    ] = None
    positions_max: Annotated[
        Count, described("number of instruments held or about to be", "count")
    ] = None
    longs_max: Annotated[Count, described("number of these that are long", "count")] = None
    shorts_max: Annotated[Count, described("number of these that are short", "count")] = None
    exposure_exempt: Annotated[
        list[str], described("instruments that `longs_max` and `shorts_max` do not count")
    ] = []
    orders_in_flight_max: Annotated[
        Count, described("entries in flight of one strategy in one instrument", "count")
    ] = None
    leverage_max: Annotated[Amount, described("gross exposure / equity", "ratio")] = None
    liability_max: Annotated[
        Amount, described("amount borrowed: short spot and negative cash", "reporting")
    ] = None
    margin_level_min: Annotated[
        Amount, described("equity / (gross exposure x `maintenance_margin_rate`)", "ratio")
    ] = None
    maintenance_margin_rate: Annotated[
        Decimal, described("share of notional that `margin_level_min` assumes as margin", "share")
    ] = Decimal("0.05")
    equity_floor: Annotated[
        Amount,
        described("least equity for entries, in reporting currency", "reporting"),
    ] = None
    drawdown_max: Annotated[
        Amount, described("share of the peak equity that may be lost, e.g. 0.2", "share")
    ] = None
    drawdown_resets_daily: Annotated[bool, described("true: the peak starts anew at 00:00 UTC")] = (
        False
    )
    daily_loss_max: Annotated[
        Amount, described("loss of the UTC day: realised - fees + funding", "reporting")
    ] = None
    breaker_cooldown: Annotated[
        int,
        described(
            "nanoseconds that a breaker keeps entries shut before it looks again", "nanoseconds"
        ),
    ] = 300_000_000_000
    breaker_flattens: Annotated[
        bool, described("true: drawdown and daily loss also flatten the book")
    ] = False
    order_gap_min: Annotated[
        int, described("nanoseconds between any two entries", "nanoseconds")
    ] = 0
    entries_per_minute: Annotated[
        Count, described("entries in any 60 s, of the whole book", "count")
    ] = 30
    entries_per_minute_instrument: Annotated[
        Count, described("entries in any 60 s, in one instrument", "count")
    ] = 6
    exits_per_minute: Annotated[
        Count, described("exits in any 60 s, of the whole book", "count")
    ] = 120
    cancels_per_minute: Annotated[
        Count, described("cancels in any 60 s, of the whole book", "count")
    ] = 120
    notional_window: Annotated[
        int, described("nanoseconds that `notional_window_max` looks back", "nanoseconds")
    ] = 60_000_000_000
    notional_window_max: Annotated[
        Amount, described("sum of entry notionals within `notional_window`", "reporting")
    ] = None
    slippage_bps_max: Annotated[
        Amount,
        described("median slippage of the last `slippage_samples` entry fills", "basis_points"),
    ] = None
    slippage_samples: Annotated[
        int, described("number of entry fills that `slippage_bps_max` looks at", "count")
    ] = 20
    heat_max: Annotated[
        Amount, described("sum of stop distance x size, as a share of equity", "share")
    ] = None
    heat_stop_default: Annotated[
        Decimal, described("distance assumed for an order without a stop, share of price", "share")
    ] = Decimal("0.01")
    price_age_max: Annotated[
        int, described("nanoseconds; an older mark refuses entries", "nanoseconds")
    ] = 120_000_000_000
    signal_age_max: Annotated[
        Count,
        described("nanoseconds between a signal's own time and decision time", "nanoseconds"),
    ] = None
    confidence_min: Annotated[
        Amount, described("least confidence of a signal that gives one, 0 to 1", "share")
    ] = None
    quarantine_stops: Annotated[
        Count, described("stop-losses within the window that shut an instrument", "count")
    ] = None
    quarantine_window: Annotated[
        int, described("nanoseconds in which these stop-losses are counted", "nanoseconds")
    ] = 3_600_000_000_000
    quarantine_for: Annotated[
        int, described("nanoseconds that the instrument stays shut", "nanoseconds")
    ] = 14_400_000_000_000
    performance_trades_min: Annotated[
        Count, described("closed trades before a performance stop looks; null: the first", "count")
    ] = None
    performance_window: Annotated[
        int, described("number of a strategy's latest closed trades that count", "count")
    ] = 50
    profit_factor_min: Annotated[
        Amount, described("sum of winning trades / sum of losing ones", "ratio")
    ] = None
    win_rate_min: Annotated[Amount, described("share of trades that won, 0 to 1", "share")] = None
    sharpe_min: Annotated[
        Amount, described("mean / sample deviation of a trade's net profit", "ratio")
    ] = None
    performance_scope: Annotated[HaltScope, described("what a performance stop halts")] = (
        "close_only"
    )
    venue_errors_max: Annotated[
        Amount, described("share of venue results in 60 s that failed", "share")
    ] = None
    venue_errors_samples: Annotated[
        int, described("venue results in 60 s before `venue_errors_max` looks", "count")
    ] = 10
    strategy_allocations: Annotated[
        dict[str, Decimal],
        described("greatest notional of each strategy; 0 shuts it", "reporting"),
    ] = {}
    order_equity_share_max: Annotated[Amount, described("order notional / equity", "ratio")] = None
    instrument_lock: Annotated[
        Count,
        described(
            "nanoseconds after an entry in which other strategies may not enter the instrument",
            "nanoseconds",
        ),
    ] = None


class ProducerQuotaSet(Event, frozen=True):
    """Quota of each producer in a second of decision time; what is beyond it is not read.

    Without one in the log nothing is counted. null means "no quota", 0 that nothing is read.
    """

    declared = Declaration("governance.producer_quota_set", operators=True, timeline="book")

    actor: Actor
    reason: Reason
    producer_signals_per_second: Annotated[
        Count, described("signals of one producer a second; a batch counts each", "count")
    ] = None
    producer_bytes_per_second: Annotated[
        Count, described("bytes of one producer's messages a second", "count")
    ] = None
    is_default: Annotated[
        bool, described("true: the program's own, which replaces nothing that somebody has set")
    ] = False


# What a stack on the clock starts with: about what all services together take in a second on two
# cores, so that one producer is no more than a second ahead of the operator.
DEFAULT_QUOTA = ProducerQuotaSet(
    actor="stack",
    reason="default",
    producer_signals_per_second=5_000,
    producer_bytes_per_second=5_000_000,
    is_default=True,
)
