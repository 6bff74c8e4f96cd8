"""Exact amounts: canonical, whole in their scale, rounded half-even where a division must round."""

import re
from decimal import Decimal, InvalidOperation
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadreckon.contracts.amounts import (
    DIGITS_MAX,
    EXACT,
    SCALE_MAX,
    canonical,
    decimals,
    divide_half_even,
    from_units,
    is_sane,
    product,
    ratio,
    round_down,
    round_up,
    text,
    to_units,
)
from deadreckon.tools.docgen.schemas import CANONICAL

sane = st.decimals(
    min_value=-(10**DIGITS_MAX) + 1, max_value=10**DIGITS_MAX - 1, places=SCALE_MAX
) | st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent),
    st.integers(-(10**9), 10**9),
    st.integers(-SCALE_MAX, 6),
)
positive = sane.map(abs).filter(bool)
integers = st.integers(-(10**40), 10**40)


def test_the_pattern_of_the_schemas_takes_amounts_as_the_log_writes_them() -> None:
    found = [bool(re.fullmatch(CANONICAL, it)) for it in ("0", "-0.5", "12", "1.50", "01", "-0")]
    assert found == [True, True, True, False, False, False]


@given(sane)
def test_the_canonical_form_is_the_same_number_as_the_log_writes_it(amount: Decimal) -> None:
    plain = canonical(amount)
    assert plain == amount
    assert re.fullmatch(CANONICAL, text(plain))
    assert canonical(plain) is plain or plain == 0


@given(sane, st.integers(0, 9))
def test_equal_amounts_have_one_canonical_form(amount: Decimal, zeros: int) -> None:
    longer = amount.quantize(Decimal(1).scaleb(-SCALE_MAX - zeros), context=EXACT)
    assert text(longer) == text(amount)


@pytest.mark.parametrize("written", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_not_finite_has_no_canonical_form(written: str) -> None:
    with pytest.raises(ValueError, match="finite"):
        canonical(Decimal(written))
    assert not is_sane(Decimal(written))


@pytest.mark.parametrize("written", ["1E+150", "1.1E+150", "1E+999999"])
def test_what_needs_too_many_digits_is_refused_and_never_rounded(written: str) -> None:
    with pytest.raises(ValueError, match="100 digits"):
        canonical(Decimal(written))


def test_an_impossible_operation_is_an_error_and_never_a_silent_nan() -> None:
    with pytest.raises(InvalidOperation):
        EXACT.quantize(Decimal("1E+150"), Decimal(1))
    with pytest.raises(ArithmeticError):
        EXACT.divide(Decimal(1), Decimal(0))


@given(sane)
def test_an_amount_is_whole_in_its_own_scale_and_comes_back(amount: Decimal) -> None:
    scale = decimals(amount)
    assert from_units(to_units(amount, scale), scale) == amount
    assert to_units(amount, scale + 3) == 1_000 * to_units(amount, scale)
    if scale:
        with pytest.raises(ValueError, match="decimals"):
            to_units(amount, scale - 1)


@given(integers, integers.filter(bool))
def test_division_rounds_half_to_even(numerator: int, denominator: int) -> None:
    assert divide_half_even(numerator, denominator) == round(Fraction(numerator, denominator))


@given(sane, sane.filter(bool))
def test_a_ratio_rounds_half_to_even_at_its_scale(numerator: Decimal, denominator: Decimal) -> None:
    exact = Fraction(numerator) / Fraction(denominator)
    assert Fraction(ratio(numerator, denominator)) == Fraction(round(exact * 10**9), 10**9)


@given(positive, positive)
def test_rounding_down_never_exceeds_and_rounding_up_never_falls_short(
    amount: Decimal, step: Decimal
) -> None:
    down, up = round_down(amount, step), round_up(amount, step)
    assert down <= amount <= up
    assert Fraction(down) / Fraction(step) == int(Fraction(amount) / Fraction(step))
    assert up - down in (0, step)


@given(sane, sane)
def test_a_product_loses_nothing(left: Decimal, right: Decimal) -> None:
    assert Fraction(product(left, right)) == Fraction(left) * Fraction(right)


@pytest.mark.parametrize(
    ("written", "verdict"),
    [
        ("999999999999999", True),
        ("1000000000000000", False),
        ("0.000000000000000001", True),
        ("0.0000000000000000001", False),
        ("-999999999999999.999999999999999999", True),
        ("1E+14", True),
        ("1E+15", False),
        ("0E-30", False),
        ("0", True),
        ("1E-999999", False),
    ],
)
def test_an_amount_from_outside_has_so_many_digits_and_decimals(
    written: str, verdict: bool
) -> None:
    assert is_sane(Decimal(written)) is verdict
