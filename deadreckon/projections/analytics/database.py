"""The file `analytics.duckdb`: only SQL views over the lake, so that no reader waits for a lock."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from deadreckon.contracts.timestamps import DAY
from deadreckon.projections.analytics import trade_views
from deadreckon.projections.analytics.analyst_views import QUESTIONS
from deadreckon.projections.analytics.asof_macros import MACROS
from deadreckon.projections.sinks.manifest import DELAY, NAME, read
from deadreckon.projections.sinks.published import STORED
from deadreckon.projections.sinks.sink import SinkError
from deadreckon.projections.table import Table
from deadreckon.projections.tables import TABLES
from deadreckon.runtime.process import durable
from deadreckon.runtime.process.source_tree import ROOT

STORAGE = "v1.0.0"  # so that older versions of DuckDB can open the file too

# The time at which a query sees the lake: one for all views of a query, and of a transaction.
_MOMENT = f"(epoch_ns(now()) - {DELAY})"
# By integers: casting the last nanosecond before midnight to a date would round it up.
_DAY = f"DATE '1970-01-01' + CAST(\"at\" // {DAY} AS INTEGER)"
_COLUMNS = (
    "{'horizon': 'BIGINT', 'moments': 'STRUCT(place BIGINT, born BIGINT)[]', "
    "'parts': 'STRUCT(\"table\" VARCHAR, file VARCHAR, born BIGINT, retired BIGINT)[]'}"
)


def version(folder: Path) -> str:
    """Hash all statements, which contain the path of the lake and the program's views."""
    return hashlib.sha256("\n".join(statements(folder)).encode()).hexdigest()[:16]


def create(analytics: Path, folder: Path) -> None:
    """Create `analytics.duckdb` for the lake in `folder`, replacing any older one atomically."""
    import duckdb  # late: writing the lake does not need it

    temporary = analytics.with_name(f".{analytics.name}.new")
    temporary.unlink(missing_ok=True)
    database = duckdb.connect(config={"autoinstall_known_extensions": False})
    try:
        database.execute(f"ATTACH {_text(str(temporary))} AS made (STORAGE_VERSION '{STORAGE}')")
        database.execute("USE made")
        database.execute("BEGIN")
        for statement in statements(folder):
            database.execute(statement)
        database.execute("COMMIT")
        database.execute("USE memory")
        database.execute("DETACH made")
    finally:
        database.close()
    durable.sync(temporary)
    durable.move(temporary, analytics)
    temporary.with_name(f"{temporary.name}.wal").unlink(missing_ok=True)


def create_apart(analytics: Path, folder: Path) -> None:
    """Create `analytics.duckdb` in a child process, so that a service that writes the lake need
    not load DuckDB. Raises SinkError with DuckDB's message."""
    program = f"from {__name__} import main; main()"
    package = str(ROOT)
    search = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-c", program, str(analytics), str(folder)],
        env=os.environ | {"PYTHONPATH": search},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SinkError(f"{analytics} was not made: {done.stderr.strip()}")


def fault(analytics: Path, folder: Path) -> str | None:
    """Return why `analytics.duckdb` does not show the lake in `folder`; None when it does, and when
    there is no lake or one without views. Raises SinkError for a damaged manifest.

    The file itself is queried: the manifest's note of its version may be about another file.
    """
    root = folder.resolve()
    lake = read(root)
    if lake is None or not lake.views:
        return None
    mending = "run `dr rebuild lake`"
    if not analytics.exists():
        return f"{analytics} is missing: {mending}"
    import duckdb

    asked = "SELECT sql FROM duckdb_views() WHERE view_name = '_manifest'"
    try:
        with duckdb.connect(str(analytics), read_only=True) as database:
            found = database.execute(asked).fetchone()
    except duckdb.Error as error:
        # Another process has it open for writing: that is not a fault.
        if "Could not set lock" in str(error):
            return None
        return f"{analytics} cannot be read ({str(error).splitlines()[0]}): {mending}"
    if found is None or _text(str(root / NAME)) not in found[0]:
        return f"{analytics} shows the lake of another folder: {mending}"
    return None


def main() -> None:
    """Run as a child process: `argv` holds the file to create and the folder of the lake."""
    create(Path(sys.argv[1]), Path(sys.argv[2]))


def statements(folder: Path) -> list[str]:
    """Return the statements that create the views, with the absolute path of the lake."""
    root = folder.resolve()
    made = [_manifest(root), _parts(root), _sequence()]
    for table in TABLES:
        made += _views(table, root)
    queries = QUESTIONS | trade_views.numbers()
    made += [f"CREATE VIEW {name} AS {query}" for name, query in queries.items()]
    return made + [f"CREATE MACRO {name}{body}" for name, body in MACROS.items()]


def _manifest(root: Path) -> str:
    source = f"read_json({_text(str(root / NAME))}, columns = {_COLUMNS})"
    return f"CREATE VIEW _manifest AS SELECT * FROM {source}"


def _parts(root: Path) -> str:
    return (
        f'CREATE VIEW _parts AS SELECT part."table", {_text(f"{root}/")} || part.file AS file '
        "FROM (SELECT unnest(parts) AS part FROM _manifest) "
        f"WHERE part.born <= {_MOMENT} AND part.retired > {_MOMENT}"
    )


def _sequence() -> str:
    return (
        "CREATE VIEW place AS SELECT coalesce(arg_max(moment.place, moment.born), 0) AS sequence "
        "FROM (SELECT unnest(moments) AS moment FROM _manifest) "
        f"WHERE moment.born <= {_MOMENT}"
    )


def _views(table: Table, root: Path) -> list[str]:
    if table.updates is None:
        return [_stored(table.name, table, root)]
    identity = ", ".join(f'"{name}"' for name in table.identity)
    latest = (
        f"CREATE VIEW {table.name} AS SELECT * FROM {table.name}_changes QUALIFY row_number() "
        f"OVER (PARTITION BY {identity} ORDER BY sequence DESC, event_index DESC) = 1"
    )
    return [_stored(f"{table.name}_changes", table, root), latest]


def _stored(name: str, table: Table, root: Path) -> str:
    """Return the view of everything stored for a table, at the time of the query.

    The files are listed when the query is planned and chosen when it runs. If a part is missing
    from that list (a statement prepared long ago), the query fails rather than omit rows.
    """
    pattern = f"{_literal(root)}/*/{table.name}/*{STORED}"
    files = f"read_parquet({_text(pattern)}, filename = true)"
    chosen = f"SELECT file FROM _parts WHERE \"table\" = '{table.name}'"
    columns = ", ".join(f'"{column.name}"' for column in table.stored)
    stale = "error('the lake moved on since this query was planned: run it again')"
    return (
        f'CREATE VIEW {name} AS SELECT {columns}, make_timestamp_ns("at") AS time, '
        f"{_DAY} AS day FROM {files} "
        f"WHERE filename IN ({chosen}) "
        f"AND (SELECT CASE WHEN count(*) = 0 THEN true ELSE {stale} END FROM ({chosen}) "
        f"WHERE file NOT IN (SELECT DISTINCT filename FROM {files})) "
        f"AND (SELECT CASE WHEN horizon <= {_MOMENT} THEN true ELSE {stale} END FROM _manifest)"
    )


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _literal(root: Path) -> str:
    """Quote a path, escaping its stars and brackets so that they are not patterns."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(root))
