"""Reference pages of tables, views and metrics, generated from their definitions."""

from deadreckon.projections.analytics.analyst_views import NOTES
from deadreckon.projections.analytics.asof_macros import MACRO_NOTES
from deadreckon.projections.columns import SEQUENCE_COLUMNS, Column
from deadreckon.projections.metrics.definitions import METRICS, SERIES_MAX, MetricDefinition
from deadreckon.projections.table import Table
from deadreckon.projections.tables import TABLES

_SQLITE = {"text": "TEXT", "integer": "INTEGER", "flag": "INTEGER 0/1", "amount": "TEXT"}
_DUCKDB = {"text": "VARCHAR", "integer": "BIGINT", "flag": "BOOLEAN", "amount": "DECIMAL(38,18)"}

METRICS_OF_THE_PAST = """\
## A past day

A Prometheus that was not there can be given any day: `./dr replay metrics 2026-11-20 -o day.om`
folds the log and writes every series once a minute of log time (`--step` seconds) as OpenMetrics
with timestamps; then

```sh
promtool tsdb create-blocks-from openmetrics day.om /var/lib/prometheus
```

puts it into a Prometheus (tried with Debian's 2.42; its retention must reach back that far)."""

METRICS_OF_A_PROCESS = """\
## Of the process, not of the log

These begin anew with every start. [cluster.md](cluster.md#while-the-log-is-away) explains them.

| metric | kind | labels | what |
|---|---|---|---|
| `deadreckon_log_available` | gauge |  | 1 while the log takes what this process writes; at 0 nothing is traded |
| `deadreckon_log_acknowledged_seconds` | gauge |  | since the log last acknowledged a write; NaN: never |
| `deadreckon_log_writes_missed_total` | counter |  | attempts to write without an answer of the log |
| `deadreckon_service_behind` | gauge | `service` | messages of the log that a service has not answered yet; grows for one that does not answer (`/health` says which) |
| `deadreckon_service_ends_total` | counter | `service` | with a process for every service: those that ended and were started again |
| `deadreckon_snapshots_refused_total` | counter | `service` | snapshots that could not be used when this process started; the reason is in its log |"""  # noqa: E501

METRICS_INTRODUCTION = f"""\
Every figure here is a fold of the log: it continues after a restart, and a rebuild gives the same.
They are on `/metrics`, next to the metrics of the process.
Prometheus shows money as floating point and does not account for it: for exact figures ask the
tables ([analytics](analytics.md)). A metric has at most {SERIES_MAX} series; counts beyond them go
to the label `other`, gauges beyond them are left out, and both are counted in
`metric_series_omitted_total`.

All times are decision time unless the name says so.

A histogram with buckets below zero (`exec_slippage_bps`) has no `_sum` and no `_count`, as the
format requires: its count is the bucket `+Inf`."""


def tables_part() -> str:
    """Render every table with its columns as Markdown."""
    common = _columns(TABLES[0].columns[:4]) + _columns(SEQUENCE_COLUMNS)
    parts = ["Columns of every table:\n\n" + _header() + common]
    parts += [_table(table) for table in TABLES]
    return "\n\n".join(parts)


def questions_part() -> str:
    """Render every view over the tables as Markdown."""
    lines = ["| view | answers |", "|---|---|"]
    lines += [f"| `{name}` | {note} |" for name, note in NOTES.items()]
    return "\n".join(lines)


def macros_part() -> str:
    """Render every macro over the tables as Markdown."""
    lines = ["| macro | answers |", "|---|---|"]
    lines += [f"| `{name}` | {note} |" for name, note in MACRO_NOTES.items()]
    return "\n".join(lines)


def metrics_page() -> str:
    """Render docs/metrics.md."""
    generated = "*Generated from `deadreckon/projections/metrics/definitions.py`; do not edit.*"
    lines = ["| metric | kind | labels | what |", "|---|---|---|---|"]
    lines += [_measure(measure) for measure in METRICS]
    buckets = [
        f"- `{measure.name}`: {', '.join(str(edge) for edge in measure.edges)}"
        for measure in METRICS
        if measure.edges
    ]
    parts = ["# Metrics", generated, METRICS_INTRODUCTION, "\n".join(lines)]
    parts += ["Upper bounds of the buckets:", "\n".join(buckets)]
    parts += [METRICS_OF_A_PROCESS, METRICS_OF_THE_PAST]
    return "\n\n".join(parts) + "\n"


def _table(table: Table) -> str:
    rows = "one row an event" if table.updates is None else f"one row a {_key(table)}"
    changes = f", every change in `{table.name}_changes`" if table.updates else ""
    heading = f"### {table.name}\n\n{table.note} ({rows}{changes}.)\n\n"
    return heading + _header() + _columns(table.columns[4:])


def _key(table: Table) -> str:
    names = [f"`{name}`" for name in table.identity]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _header() -> str:
    return "| column | SQLite | DuckDB | meaning |\n|---|---|---|---|\n"


def _columns(columns: tuple[Column, ...]) -> str:
    return "".join(
        f"| `{column.name}` | {_SQLITE[column.kind]} | {_DUCKDB[column.kind]} | {column.note}"
        f"{'; may be null' if column.nullable and 'null' not in column.note else ''} |\n"
        for column in columns
    )


def _measure(measure: MetricDefinition) -> str:
    labels = ", ".join(f"`{label}`" for label in measure.labels)
    return f"| `{measure.name}` | {measure.kind} | {labels} | {measure.note} |"
