"""The header of a tape."""

import re
from typing import Any, Literal

from msgspec import Struct

from deadreckon.contracts.errors import UsageError
from deadreckon.contracts.market import VolumeUnit
from deadreckon.marketdata.tapes.rows import TapeKind

FORMAT = 1

_INSTRUMENT = re.compile(r"[A-Za-z0-9_/:.-]+\.[A-Z0-9_-]+")

Stamp = Literal["open", "close"]


class TapeError(UsageError):
    """You named a file that cannot be used as a tape; the message says what to do."""


class TapeHeader(Struct, frozen=True, kw_only=True):
    """The contents of a tape, and where they came from."""

    format: int = FORMAT
    instrument: str  # SYMBOL.VENUE
    kind: TapeKind
    interval_seconds: int | None = None  # bars only
    stamp: Stamp | None = None  # what the source's stamp of a bar meant; ours is always the close
    volume_unit: VolumeUnit = "unknown"
    price_scale: int  # decimals: a stored price is an integer of 10**-price_scale
    quantity_scale: int
    source: str = ""  # name of the file it was made from, without its folder
    source_sha256: str = ""
    rows: int = 0
    first_at: int = 0  # nanoseconds UTC
    last_at: int = 0
    refused: dict[str, int] = {}  # rule -> rows of the source that are not in the tape
    adjusted: dict[str, int] = {}  # noise taken off, rounding asked for -> rows
    synthetic: dict[str, Any] | None = None  # seed and shape, when nobody recorded it


def checked_instrument(instrument: str | None) -> str:
    """Return the instrument if it has the form SYMBOL.VENUE."""
    if instrument is None or not _INSTRUMENT.fullmatch(instrument):
        raise TapeError(
            f"{instrument or 'no instrument'} given; say --instrument SYMBOL.VENUE, "
            "such as BTCUSDT.BINANCE"
        )
    return instrument
