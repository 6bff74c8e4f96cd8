"""Every real file that lies beside the checkout becomes a tape, whole."""

from pathlib import Path
from time import process_time

import pytest

from deadreckon.contracts.timestamps import parse_timestamp
from deadreckon.marketdata.tapes.loading import load_or_import
from deadreckon.marketdata.tapes.tape import BarRow, Tape

TAPES = Path(__file__).resolve().parents[2].parent / "shared" / "tapes"

# What is known about them: rows of the file, all of which must be in the tape, and the scales in
# which their markets really quote.
KNOWN = {
    "ETC_BTC-5m.feather": ("bars", 5_759, 8, 8),
    "ETH_BTC-5m.feather": ("bars", 5_760, 8, 8),
    "LTC_BTC-5m.feather": ("bars", 5_760, 8, 8),
    "TRX_BTC-5m.feather": ("bars", 5_754, 8, 8),
    "XLM_BTC-5m.feather": ("bars", 5_760, 8, 8),
    "XMR_BTC-5m.feather": ("bars", 5_758, 8, 8),
    "XRP_ETH-trades.parquet": ("trades", 12_477, 8, 0),
    "btc-perp-20211231-20220201_1m.csv": ("bars", 45_031, 3, 7),
    "btcusdt-quotes.parquet": ("quotes", 451, 2, 6),
    "btcusdt-trades.parquet": ("trades", 2_001, 2, 6),
}


@pytest.mark.slow
def test_all_of_them_import_whole(tmp_path: Path) -> None:
    files = sorted(TAPES.iterdir()) if TAPES.is_dir() else []
    if not files:
        pytest.skip(f"no real market data: {TAPES.name}/ is not beside the checkout")
    tapes = {path.name: load_or_import(path, "SYMBOL.VENUE", tmp_path) for path in files}
    for name, tape in tapes.items():
        header = tape.header
        assert header.refused == {}, name
        found = (header.kind, header.rows, header.price_scale, header.quantity_scale)
        assert found == KNOWN.get(name, found), name
        assert sum(1 for _ in tape.rows()) == header.rows
    if perpetual := tapes.get("btc-perp-20211231-20220201_1m.csv"):
        _check_perpetual(perpetual)


def _check_perpetual(tape: Tape) -> None:
    started = process_time()
    first = next(tape.rows())
    assert isinstance(first, BarRow)
    assert first.at == parse_timestamp("2021-12-31T23:02:00Z")
    assert (str(first.close), str(first.volume)) == ("46377", "2300413.7295")
    assert sum(1 for _ in tape.rows()) == 45_031
    assert process_time() - started < 1  # of this process: others may have the machine
    assert (tape.header.volume_unit, tape.header.stamp) == ("unknown", "open")
