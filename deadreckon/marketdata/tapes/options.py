"""Options of an import: facts that a file does not state, and choices."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from deadreckon.contracts.market import VolumeUnit
from deadreckon.marketdata.tapes.digits import NUMBER, Comma
from deadreckon.marketdata.tapes.layout import ROLES
from deadreckon.marketdata.tapes.rows import TapeKind
from deadreckon.marketdata.tapes.stamps import DateOrder, Zone
from deadreckon.marketdata.tapes.tape import Stamp, TapeError
from deadreckon.marketdata.tapes.unpacking import CONTENT_MIB_MAX
from deadreckon.marketdata.tapes.values import DECIMALS_MAX, Reading

Decimals = Annotated[int, Meta(ge=0, le=DECIMALS_MAX)]

# Market data has its bad rows, but not one in a hundred: then the file is read wrongly.
REFUSED_PERCENT_MAX = 1.0


class ImportOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Facts that a file does not state; None leaves them to the format of the source."""

    kind: TapeKind | None = None
    columns: dict[str, str] = {}  # role -> the column that has it, by name or number from 0
    header: bool | None = None  # whether the first line names the columns
    stamp: Stamp | None = None  # what the time of a bar means in the source
    volume_unit: VolumeUnit | None = None
    volume: str | None = None  # of rows that say none: a number, or "none" for 0
    interval_seconds: Annotated[int, Meta(ge=1)] | None = None  # of bars; else the most common step
    time_column: str | None = None
    timezone: str | None = None  # of times without a zone; else UTC
    date_order: DateOrder | None = None  # of 01/02/2025
    decimal: Literal["point", "comma"] | None = None
    symbol: str | None = None  # which one to take from a file of several
    only: dict[str, str] = {}  # column -> the value of the rows to take; * takes them all
    sort: bool = False  # put rows in time order
    price_decimals: Decimals | None = None  # round half-even what is finer, and count it
    quantity_decimals: Decimals | None = None
    refused_max: Annotated[float, Meta(ge=0, le=100)] = REFUSED_PERCENT_MAX
    size_max_mib: Annotated[int, Meta(ge=1)] = CONTENT_MIB_MAX

    @property
    def reading(self) -> Reading:
        """Part of the options that says how texts become numbers and times."""
        zone = Zone(self.date_order, self.timezone)
        comma = None if self.decimal is None else _COMMAS[self.decimal]
        return Reading(self.price_decimals, self.quantity_decimals, comma, zone)


_COMMAS: dict[str, Comma] = {"point": "thousands", "comma": "decimal"}


def checked_options(options: Mapping[str, Any]) -> ImportOptions:
    """Return the options by name; raises if one is unknown or makes no sense."""
    try:
        checked = msgspec.convert(dict(options), ImportOptions)
    except msgspec.ValidationError as error:
        raise TapeError(f"an import option makes no sense: {error}") from error
    if unknown := checked.columns.keys() - ROLES.keys():
        raise TapeError(
            f"--columns knows no {', '.join(sorted(unknown))}; choose from: {', '.join(ROLES)}"
        )
    volume = checked.volume or "none"
    if volume != "none" and (volume.startswith("-") or not re.match(NUMBER, volume)):
        raise TapeError(f"--volume {checked.volume}: expected a number of 0 or more, or none")
    _check_timezone(checked.timezone)
    return checked


def _check_timezone(name: str | None) -> None:
    import polars
    from polars.exceptions import PolarsError

    try:
        polars.Series([0]).cast(polars.Datetime("ns")).dt.replace_time_zone(name)
    except PolarsError as error:
        raise TapeError(
            f"--timezone {name}: expected a name such as America/New_York or Etc/GMT-2"
        ) from error
