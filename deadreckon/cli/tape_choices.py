"""Options of `dr tape import` and `inspect`: what a market data file may leave open."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from cyclopts import Parameter

from deadreckon.marketdata.tapes.tape import TapeError

if TYPE_CHECKING:
    from deadreckon.marketdata.tapes.options import ImportOptions


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SourceChoices:
    """Options for what a market data file may leave open.

    Parameters
    ----------
    kind
        What the file holds, where its columns leave it open.
    columns
        Which column is what, such as time=Date,close=Last; by number from 0 without a header.
    header
        Whether the first line names the columns; by default it does when it has no number.
    stamp
        What the time of a bar means in the source; open by default, as exchanges publish it.
    volume_unit
        What volumes and sizes count, where the file does not say.
    volume
        Volume or size of rows that have none: a number, or none for 0.
    interval_seconds
        From bar to bar; by default the most common step.
    time_column
        The column to take the time from, such as Tardis's local_timestamp.
    timezone
        Of times without a zone, such as America/New_York; by default UTC.
    date_order
        Of dates such as 01/02/2025, where no day is beyond the twelfth.
    decimal
        Whether numbers have a decimal point or comma; 96,100.5 and "1,234" in a CSV need no option.
    symbol
        Which symbol to take from a file that holds several.
    only
        Which rows to take, such as exchange=kraken,interval=1m; exchange=* takes all of them.
    sort
        Put rows in time order; a file that is sorted newest first needs no option.
    price_decimals
        Round prices half-even to so many decimals, and count what was rounded.
    quantity_decimals
        Round volumes and sizes half-even to so many decimals, and count what was rounded.
    refused_max
        Share of rows that may be refused, such as 5%; with more nothing is written.
    size_max_mib
        Most MiB of text that are read.
    """

    kind: Literal["bars", "quotes", "trades"] | None = None
    columns: str | None = None
    header: bool | None = None
    stamp: Literal["open", "close"] | None = None
    volume_unit: Literal["base", "quote", "contracts", "unknown"] | None = None
    volume: str | None = None
    interval_seconds: int | None = None
    time_column: str | None = None
    timezone: str | None = None
    date_order: Literal["dmy", "mdy"] | None = None
    decimal: Literal["point", "comma"] | None = None
    symbol: str | None = None
    only: str | None = None
    sort: bool = False
    price_decimals: int | None = None
    quantity_decimals: int | None = None
    refused_max: str = "1%"
    size_max_mib: int | None = None

    def options(self) -> ImportOptions:
        """Return the import options, checked."""
        from deadreckon.marketdata.tapes.options import checked_options  # polars takes a while

        chosen = asdict(self) | {
            "columns": _pairs("--columns", self.columns),
            "only": _pairs("--only", self.only),
            "refused_max": _percent(self.refused_max),
        }
        return checked_options({name: value for name, value in chosen.items() if value is not None})


NO_CHOICES = SourceChoices()


def _pairs(option: str, text: str | None) -> dict[str, str]:
    parts = [pair.partition("=") for pair in (text or "").split(",") if pair.strip()]
    for name, equals, value in parts:
        if not (name.strip() and equals and value.strip()):
            raise TapeError(f"{option} {text}: expected NAME=VALUE,NAME=VALUE")
    return {name.strip(): value.strip() for name, _, value in parts}


def _percent(text: str) -> float:
    try:
        return float(text.removesuffix("%"))
    except ValueError as error:
        raise TapeError(f"--refused-max {text}: expected a percentage such as 5%") from error
