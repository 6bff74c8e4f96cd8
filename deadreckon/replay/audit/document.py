"""The statement of `dr replay audit` as a document: its JSON keys, in their order."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType, structs

from deadreckon.replay.audit.statement.parts import Chart, EvidencePiece, Table, VenueReport
from deadreckon.replay.pnl.rows import InstrumentPnl, PnlTexts, PositionRow, StrategyPnl, VenuePnl


class EquityChange(Struct, frozen=True):
    """The way from opening to closing equity, in the reporting currency.

    What equity did beyond deposits and PnL is `revaluation` of cash in other currencies; in a book
    of one currency it is `unexplained` and must be 0.
    """

    opening: str
    deposited: str
    pnl: str
    closing: str
    revaluation: str
    unexplained: str


class Setting(Struct, frozen=True):
    """A configuration event in force at the end: its id and its body."""

    set_by: str
    body: dict[str, Any]


class ProjectionCheck(Struct, frozen=True):
    """Comparison with the audit book; `agree` is null where nothing could be compared."""

    agree: bool | None
    says: str


class LogChecks(Struct, frozen=True):
    """Contradictions that an audit found in the log, each in a sentence; none in a sound log."""

    portfolio_events_compared: int
    portfolio_differences: list[str]
    log_damages: list[str]


class AuditChecks(LogChecks, frozen=True):
    """The checks of an audit; `projections` is missing where there was no data folder."""

    projections: ProjectionCheck | UnsetType = UNSET


class FullChecks(LogChecks, frozen=True):
    """The checks of a full statement.

    `evidence_compared` where figures were added up again from the events behind them;
    `evidence_differences` lists those that gave another amount.
    """

    evidence_compared: bool
    evidence_differences: list[str]


class SealStatus(Struct, frozen=True):
    """Comparison of a statement's messages with the archive: sealed or not, with which Merkle root.

    `agrees` is null where there is no sealed range of exactly these messages.
    """

    sealed: bool
    agrees: bool | None
    says: str


class WrittenFile(Struct, frozen=True):
    """A file that was written: its path, size and SHA-256 (hex)."""

    path: str
    bytes: int
    sha256: str


class DemoRun(Struct, frozen=True):
    """How far and how fast `dr demo` played its tape; `messages` and `bytes` are of the log."""

    rows: int
    rows_in_tape: int
    seconds: float
    rows_per_second: int
    messages: int
    bytes: int
    finished: bool


class AuditFigures(Struct, frozen=True):
    """The PnL statement of a day (UTC) or of everything ("all"), recomputed from the log alone.

    Amounts are decimal texts in the reporting currency. `digest` is the run digest of the events
    that were counted (docs/replay.md).
    """

    book: str
    day: str
    events: int
    signals: int
    refusals: int
    refusals_by_rule: dict[str, int]
    orders: int
    fills: int
    pnl: PnlTexts
    by_strategy: list[StrategyPnl]
    by_venue: list[VenuePnl]
    by_instrument: list[InstrumentPnl]
    positions: list[PositionRow]
    equity: EquityChange
    unpriced: list[str]
    configuration: dict[str, Setting]
    first_sequence: int
    last_sequence: int
    digest: str
    checks: LogChecks


class AuditDocument(AuditFigures, frozen=True):
    """The statement that `dr replay audit` and `dr demo` print.

    `run` is only in that of `dr demo`. The last five keys are there when files or a comparison with
    a venue's statement were asked for; `root` is the Merkle root over the statement's messages.
    """

    checks: AuditChecks
    run: DemoRun | UnsetType = UNSET
    root: str | UnsetType = UNSET
    seal: SealStatus | UnsetType = UNSET
    venue_statement: VenueReport | UnsetType = UNSET
    evidence_differences: list[str] | UnsetType = UNSET
    written: list[WrittenFile] | UnsetType = UNSET

    def with_projections(self, check: ProjectionCheck) -> "AuditDocument":
        """Return this document with a comparison with the audit book among its checks."""
        return structs.replace(self, checks=structs.replace(self.checks, projections=check))

    @property
    def is_sound(self) -> bool:
        """True when nothing in the statement contradicts the log."""
        checks, views = self.checks, self.checks.projections
        venue, seal = self.venue_statement, self.seal
        return not (
            self.evidence_differences
            or (venue is not UNSET and not venue.agrees)
            or (seal is not UNSET and seal.agrees is False)
            or checks.portfolio_differences
            or checks.log_damages
            or self.equity.unexplained != "0"
            or (views is not UNSET and views.agree is False)
        )


class FullStatement(AuditFigures, frozen=True, kw_only=True):
    """The statement that `dr replay audit --output` writes: figures, tables, charts, evidence.

    Figures of tables and charts name the piece of `evidence` that they come from. `messages`
    counts the statement's messages and `root` is the Merkle root over them.
    """

    checks: FullChecks
    currency: str
    first_at: str
    last_at: str
    messages: int
    root: str
    configuration_hash: str
    code: list[str]
    tables: list[Table]
    charts: list[Chart]
    venue_statement: VenueReport | UnsetType = UNSET
    evidence: dict[str, EvidencePiece]
