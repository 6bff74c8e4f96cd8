"""Opening any file as a tape: a tape as it is, any other source imported once."""

from pathlib import Path
from typing import Any

from deadreckon.marketdata.tapes.tape import Tape, TapeError, is_tape, open_tape


def load_or_import(
    path: Path | str, instrument: str | None, cache_dir: Path | str, **options: Any
) -> Tape:
    """Open a tape, or import any other source into `cache_dir` (once) and open that.

    `options` are the fields of `importing.ImportOptions`. Refused rows: `.header.refused`.
    """
    from deadreckon.marketdata.tapes.importing import import_cached  # polars takes a while

    path = Path(path)
    tape = (
        open_tape(path)
        if path.is_file() and is_tape(path)
        else import_cached(path, instrument, Path(cache_dir), options)
    )
    if instrument is not None and tape.header.instrument != instrument:
        raise TapeError(f"{path} is a tape of {tape.header.instrument}, not of {instrument}")
    return tape
