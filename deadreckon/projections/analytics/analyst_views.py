"""SQL views for analysts over the tables of `analytics.duckdb`.

PnL is the difference of cumulative totals, so a day adds up to the cent. Money stays DECIMAL;
ratios, basis points and seconds are DOUBLE.
"""

from deadreckon.projections.analytics import trade_views

_PNL_DAILY = """
WITH closing AS (
  SELECT * FROM positions_changes
  QUALIFY row_number() OVER (
    PARTITION BY book, strategy, venue, instrument, day
    ORDER BY sequence DESC, event_index DESC) = 1
), daily AS (
  SELECT day, book, strategy, venue, instrument, currency, sequence, event_index,
    realised - coalesce(lag(realised) OVER past, 0) AS realised,
    fees - coalesce(lag(fees) OVER past, 0) AS fees,
    funding - coalesce(lag(funding) OVER past, 0) AS funding
  FROM closing
  WINDOW past AS (PARTITION BY book, strategy, venue, instrument ORDER BY day)
)
SELECT day, book, strategy, venue, instrument, currency, realised, fees, funding,
  realised - fees + funding AS net, sequence, event_index
FROM daily
"""

_PNL = """
SELECT {by}, currency, sum(realised) AS realised, sum(fees) AS fees, sum(funding) AS funding,
  sum(realised - fees + funding) AS net, max(sequence) AS sequence
FROM {source} GROUP BY {by}, currency ORDER BY {by}, currency
"""

_SLIPPAGE = """
SELECT event_id, time, day, book, strategy, venue, instrument, order_id, side, liquidity, quantity,
  price, reference_price, value,
  CASE WHEN reference_price = 0 THEN NULL ELSE
    (price - reference_price)::DOUBLE / reference_price::DOUBLE * 10000
    * CASE side WHEN 'buy' THEN 1 ELSE -1 END END AS slippage_bps,
  sequence, event_index
FROM fills
"""

_REFUSALS_BY_RULE = """
SELECT book, kind, rule, count(*) AS refusals, count(DISTINCT strategy) AS strategies,
  min(time) AS first_time, max(time) AS last_time,
  min(sequence) AS first_sequence, max(sequence) AS last_sequence
FROM refusals GROUP BY book, kind, rule ORDER BY refusals DESC, rule
"""

# Each hop follows `cause`: an approval answers a signal, a routing an approval, and so on.
_LATENCY_BY_HOP = """
WITH approved AS (SELECT * FROM order_events WHERE kind = 'order_approved'),
routed AS (SELECT * FROM order_events WHERE kind = 'order_routed'),
intended AS (SELECT * FROM order_events WHERE kind = 'order_submitting'),
answered AS (
  SELECT order_id, kind, min("at") AS "at", min(stored_at) AS stored_at FROM order_events
  WHERE kind IN ('order_accepted', 'order_filled') GROUP BY order_id, kind
), hops AS (
  SELECT 1 AS step, 'signal to approval' AS hop, later.book,
    later."at" - earlier."at" AS decision, later.stored_at - earlier.stored_at AS log
  FROM approved AS later JOIN signals AS earlier ON earlier.event_id = later.cause_id
  UNION ALL
  SELECT 2, 'approval to routing', later.book,
    later."at" - earlier."at", later.stored_at - earlier.stored_at
  FROM routed AS later JOIN approved AS earlier ON earlier.event_id = later.cause_id
  UNION ALL
  SELECT 3, 'routing to intent', later.book,
    later."at" - earlier."at", later.stored_at - earlier.stored_at
  FROM intended AS later JOIN routed AS earlier ON earlier.event_id = later.cause_id
  UNION ALL
  SELECT 4, 'signal to intent', later.book,
    later."at" - earlier."at", later.stored_at - earlier.stored_at
  FROM intended AS later JOIN routed ON routed.event_id = later.cause_id
    JOIN approved ON approved.event_id = routed.cause_id
    JOIN signals AS earlier ON earlier.event_id = approved.cause_id
  UNION ALL
  SELECT 5, 'intent to acceptance', earlier.book,
    later."at" - earlier."at", later.stored_at - earlier.stored_at
  FROM answered AS later JOIN intended AS earlier USING (order_id)
  WHERE later.kind = 'order_accepted'
  UNION ALL
  SELECT 6, 'intent to first fill', earlier.book,
    later."at" - earlier."at", later.stored_at - earlier.stored_at
  FROM answered AS later JOIN intended AS earlier USING (order_id)
  WHERE later.kind = 'order_filled'
)
SELECT step, hop, book, count(*) AS orders,
  quantile_cont(decision, 0.5) / 1e9 AS decision_seconds_p50,
  quantile_cont(decision, 0.99) / 1e9 AS decision_seconds_p99,
  max(decision) / 1e9 AS decision_seconds_max,
  quantile_cont(log, 0.5) / 1e9 AS log_seconds_p50,
  quantile_cont(log, 0.99) / 1e9 AS log_seconds_p99,
  max(log) / 1e9 AS log_seconds_max
FROM hops GROUP BY step, hop, book ORDER BY step, book
"""

_EXPOSURE_OVER_TIME = """
SELECT time, day, book, currency, exposure_gross, exposure_net, equity,
  CASE WHEN equity > 0 THEN exposure_gross::DOUBLE / equity::DOUBLE END AS leverage,
  sequence, event_index
FROM equity ORDER BY sequence, event_index
"""

_EQUITY_CURVE = """
SELECT time, day, book, currency, equity, cash, holdings, unrealised_perpetual, unrealised,
  realised - fees + funding AS realised_net, peak, drawdown, unpriced, sequence, event_index
FROM equity ORDER BY sequence, event_index
"""

_LIMITS_IN_FORCE = """
SELECT * FROM limits
QUALIFY row_number() OVER (PARTITION BY book ORDER BY sequence DESC, event_index DESC) = 1
"""

QUESTIONS: dict[str, str] = {
    "pnl_daily": _PNL_DAILY,
    "pnl_by_day": _PNL.format(by="day, book", source="pnl_daily"),
    "pnl_by_strategy": _PNL.format(by="book, strategy", source="positions"),
    "pnl_by_instrument": _PNL.format(by="book, venue, instrument", source="positions"),
    "slippage": _SLIPPAGE,
    "refusals_by_rule": _REFUSALS_BY_RULE,
    "latency_by_hop": _LATENCY_BY_HOP,
    "exposure_over_time": _EXPOSURE_OVER_TIME,
    "equity_curve": _EQUITY_CURVE,
    "limits_in_force": _LIMITS_IN_FORCE,
    **trade_views.VIEWS,
}

# What each view returns, for docs/analytics.md.
NOTES: dict[str, str] = {
    "pnl_daily": "PnL by UTC day, book, strategy, venue, instrument and currency",
    "pnl_by_day": "the same by UTC day, book and currency",
    "pnl_by_strategy": "PnL so far by book, strategy and currency",
    "pnl_by_instrument": "PnL so far by book, venue, instrument and currency",
    "slippage": "each fill against its undisturbed market price; positive is to our harm",
    "refusals_by_rule": "how often each rule refused what, and when first and last",
    "latency_by_hop": "decision time and log time from signal to fill",
    "exposure_over_time": "gross and net exposure and leverage at each equity mark",
    "equity_curve": "equity, its parts and the drawdown at each equity mark",
    "limits_in_force": "the limits of each book that hold now",
    **trade_views.NOTES,
}
