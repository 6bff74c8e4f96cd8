"""SQL views of `analytics.duckdb` on trades, prices, changed limits, and with numbers that sort."""

from deadreckon.contracts.timestamps import DAY
from deadreckon.projections import shared_views
from deadreckon.projections.shared_views import CHANGED_BY, LIMITS, TRADE_AMOUNTS
from deadreckon.projections.tables import TABLES

_CONFIDENCE = "signal.confidence"
# A repeated signal id is another event; the first was decided on.
_SIGNAL = """LEFT JOIN (
  SELECT book, producer, signal_id, confidence FROM signals WHERE kind = 'trade'
  QUALIFY row_number() OVER (
    PARTITION BY book, producer, signal_id ORDER BY sequence, event_index) = 1
) AS signal ON (signal.book, signal.producer, signal.signal_id)
  = (entering.book, entering.producer, entering.signal_id)
"""
# Both are joined twice and read once: planning a view over Parquet costs more than running it.
_READ_ONCE = """
WITH known_fills AS MATERIALIZED (SELECT event_id, order_id FROM fills),
known_orders AS MATERIALIZED (
  SELECT order_id, book, producer, signal_id, purpose FROM orders)
"""
_TIMES = (
    "make_timestamp_ns(trip.opened_at) AS opened, make_timestamp_ns(trip.closed_at) AS closed, "
    f"DATE '1970-01-01' + CAST(trip.closed_at // {DAY} AS INTEGER) AS day"
)

_PRICES = """
SELECT time, "at", book, instrument, 'bar' AS kind, close AS price, sequence, event_index FROM bars
UNION ALL
SELECT time, "at", book, instrument, kind, price, sequence, event_index FROM marks
"""

_TRADE_STATISTICS = """
WITH closed AS MATERIALIZED (
  SELECT *, net - coin_fees_value AS result FROM trades WHERE status = 'closed'
)
SELECT book, strategy, currency, count(*) AS trades, count(*) FILTER (result > 0) AS wins,
  count(*) FILTER (result > 0) / count(*) AS win_rate,
  count(*) FILTER (gross > 0) / count(*) AS win_rate_before_fees,
  sum(gross) AS gross, sum(fees + coin_fees_value) AS fees, sum(funding) AS funding,
  sum(result) AS net, avg(result::DOUBLE) AS net_average,
  sum(result::DOUBLE) FILTER (result > 0) / -nullif(sum(result::DOUBLE) FILTER (result < 0), 0)
    AS profit_factor,
  max(result) AS best, min(result) AS worst, median(seconds) AS seconds_median,
  avg(mae::DOUBLE) AS mae_average, avg(mfe::DOUBLE) AS mfe_average
FROM closed GROUP BY book, strategy, currency ORDER BY book, strategy, currency
"""

# A position at each change of any, at the price that was known; the past in one number.
_EQUITY_AT_FILLS = """
WITH placed AS MATERIALIZED (
  SELECT *, sequence * 1000000 + event_index AS moment FROM positions_changes
), moments AS (
  SELECT DISTINCT book, currency, moment, sequence, event_index, "at", time, day FROM placed
), held AS (
  SELECT moments.*, latest.realised, latest.fees, latest.funding, latest.cost,
    latest.quantity, latest.instrument
  FROM (
    SELECT moments.*, known.strategy, known.venue, known.instrument FROM moments
    JOIN (SELECT DISTINCT book, currency, strategy, venue, instrument FROM placed) AS known
      USING (book, currency)
  ) AS moments
  ASOF JOIN placed AS latest ON latest.book = moments.book AND latest.strategy = moments.strategy
    AND latest.venue = moments.venue AND latest.instrument = moments.instrument
    AND latest.moment <= moments.moment
), valued AS (
  SELECT held.*, CASE WHEN held.quantity = 0 THEN 0.0 ELSE
      held.quantity::DOUBLE * listed.contract_size::DOUBLE * prices.price::DOUBLE
      - held.cost::DOUBLE END AS unrealised
  FROM held ASOF LEFT JOIN prices
    ON prices.instrument = held.instrument AND prices.sequence <= held.sequence
  LEFT JOIN instruments AS listed
    ON listed.book = held.book AND listed.instrument = held.instrument
), summed AS (
  SELECT book, currency, moment, sequence, event_index, "at", time, day,
    sum(realised - fees + funding) AS realised_net,
    CASE WHEN count(unrealised) = count(*) THEN sum(unrealised) END AS unrealised
  FROM valued GROUP BY ALL
), paid AS (
  SELECT book, currency, sequence * 1000000 + event_index AS moment,
    sum(amount) OVER (PARTITION BY book, currency ORDER BY sequence, event_index) AS deposited
  FROM cash WHERE kind IN ('deposit', 'withdrawal')
), curve AS (
  SELECT summed.*, coalesce(paid.deposited, 0) AS deposited,
    coalesce(paid.deposited, 0) + realised_net AS balance
  FROM summed ASOF LEFT JOIN paid ON paid.book = summed.book AND paid.currency = summed.currency
    AND paid.moment <= summed.moment
)
SELECT time, day, book, currency, balance, unrealised, balance::DOUBLE + unrealised AS equity,
  deposited, realised_net, sequence, event_index
FROM curve ORDER BY sequence, event_index
"""


def _limits_changes() -> str:
    plain = "rtrim(rtrim(CAST(\"{0}\" AS VARCHAR), '0'), '.')"
    texts = ", ".join(
        f'{shared_views.text_of(limit, plain, _FLAG)} AS "{limit.name}"' for limit in LIMITS
    )
    names = shared_views.columns([limit.name for limit in LIMITS])
    who = shared_views.columns(CHANGED_BY)
    return f"""
WITH texts AS (SELECT {who}, time, day, {texts} FROM limits),
rows AS (FROM texts UNPIVOT INCLUDE NULLS (new FOR name IN ({names}))),
pairs AS (
  SELECT {who}, time, day, name, lag(new) OVER (
    PARTITION BY book, name ORDER BY sequence, event_index) AS old, new FROM rows
)
SELECT * FROM pairs WHERE old IS DISTINCT FROM new ORDER BY sequence, event_index, name
"""


def _numbers(source: str, amounts: tuple[str, ...]) -> str:
    """Return the query of a view with DOUBLE for DECIMAL. By way of text, whose conversion is the
    nearest double: 0.1 stays 0.1."""
    if not amounts:
        return f"SELECT * FROM {source}"
    numbers = ", ".join(
        f'CAST(CAST("{name}" AS VARCHAR) AS DOUBLE) AS "{name}"' for name in amounts
    )
    return f"SELECT * REPLACE ({numbers}) FROM {source}"


_FLAG = 'CAST("{}" AS VARCHAR)'
_PNL = ("realised", "fees", "funding", "net")
_VIEWS_WITH_AMOUNTS = {
    "trades": TRADE_AMOUNTS,
    "trade_statistics": ("gross", "fees", "funding", "net", "best", "worst"),
    "pnl_daily": _PNL,
    "pnl_by_day": _PNL,
    "pnl_by_strategy": _PNL,
    "pnl_by_instrument": _PNL,
    "slippage": ("quantity", "price", "reference_price", "value"),
    "exposure_over_time": ("exposure_gross", "exposure_net", "equity"),
    "equity_curve": (
        "equity",
        "cash",
        "holdings",
        "unrealised_perpetual",
        "unrealised",
        "realised_net",
        "peak",
        "drawdown",
    ),
    "equity_at_fills": ("balance", "deposited", "realised_net"),
}


def numbers() -> dict[str, str]:
    """Return the query of every view with numbers, by its name."""
    found = {table.name: shared_views.amounts_of(table) for table in TABLES}
    return {
        f"{source}_numbers": _numbers(source, amounts)
        for source, amounts in (found | _VIEWS_WITH_AMOUNTS).items()
    }


VIEWS: dict[str, str] = {
    "prices": _PRICES,
    "trades": _READ_ONCE
    + shared_views.trades(_CONFIDENCE, _TIMES, "known_fills", "known_orders").lstrip()
    + _SIGNAL,
    "trade_statistics": _TRADE_STATISTICS,
    "limits_changes": _limits_changes(),
    "equity_at_fills": _EQUITY_AT_FILLS,
}

NOTES: dict[str, str] = {
    "trades": shared_views.NOTES["trades"],
    "trade_statistics": "closed trades by book, strategy and currency: win rate, profit factor and "
    "averages, net of all fees",
    "prices": "what the market cost: each bar's close, and the marks where no bars come",
    "limits_changes": shared_views.NOTES["limits_changes"],
    "equity_at_fills": "balance and equity of each currency at every change of a position, at the "
    "last of `prices`",
}
