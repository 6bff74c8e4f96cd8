"""What a refusal measured fits every table, however fine or large it was."""

from decimal import Decimal

import pytest

from deadreckon.contracts.signals import SignalRefused
from deadreckon.services.risk.refusals import Violation, refuse
from tests.stories import exact, signal

LIMIT = exact("7500")


def refused(limit: Decimal | None, measured: Decimal | None) -> SignalRefused:
    breach = Violation(limit, measured, "too much")
    return refuse(signal(quantity=1), "BTCUSDT.PAPER", "some_rule", breach, None)


def test_what_fits_stays_as_it_was_measured() -> None:
    assert refused(LIMIT, exact("7500.1")).measured == exact("7500.1")
    assert refused(LIMIT, None).measured is None


@pytest.mark.parametrize(
    ("measured", "record"),
    [
        ("7500.0000000000000000001", "7500.000000000000000001"),
        ("7499.9999999999999999999", "7499.999999999999999999"),
    ],
)
def test_what_is_finer_than_18_decimals_still_lies_beyond_the_limit(
    measured: str, record: str
) -> None:
    assert refused(LIMIT, exact(measured)).measured == exact(record)


def test_what_is_wider_than_20_digits_is_said_in_the_reason() -> None:
    no = refused(LIMIT, Decimal(10) ** 29)
    assert no.measured is None
    assert no.reason == "too much: 1" + "0" * 29
