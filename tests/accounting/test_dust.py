"""What of a position is too small to sell, at the boundaries of its instrument's terms."""

from decimal import Decimal

import pytest

from deadreckon.accounting.dust import Dust, dust_in
from tests.stories import listed

TERMS = listed(lot="0.001", minimum="0.003", notional=1_000)
PRICE = Decimal(110)


@pytest.mark.parametrize(
    ("held", "dust", "value"),
    [
        ("0.0005", "0.0005", "0.055"),  # less than a lot
        ("0.0029", "0.0029", "0.319"),  # two lots, below the least quantity
        ("0.0030", None, None),  # the least quantity; below the least notional an exit is sent
        ("0.0039", "0.0009", "0.099"),  # three lots, and a rest
        ("-0.0039", "-0.0009", "-0.099"),  # a short
        ("-0.002", "-0.002", "-0.22"),
        ("0", None, None),
    ],
)
def test_dust_is_what_is_below_a_lot_or_the_least_quantity(
    held: str, dust: str | None, value: str | None
) -> None:
    expected = None if dust is None else Dust(dust, value, "USDT")
    assert dust_in(Decimal(held), TERMS, PRICE) == expected


def test_dust_counts_contracts_by_their_size() -> None:
    contracts = listed(kind="perpetual", lot=1, minimum=1, contract="0.01")
    assert dust_in(Decimal("2.5"), contracts, PRICE) == Dust("0.5", "0.55", "USDT")


def test_dust_without_a_price_has_no_value() -> None:
    assert dust_in(Decimal("0.0005"), TERMS, None) == Dust("0.0005", None, "USDT")
