"""Most events are encoded without taking their amounts apart: to the same bytes, for any amount."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as any_of

from deadreckon.contracts.amounts import EXACT, canonical, decimals, is_canonical_text, text
from deadreckon.contracts.codec import canonical_event, encode_event, plain_body, written_fields
from deadreckon.contracts.event import Declaration, Event
from deadreckon.contracts.portfolio import FeeCharged, PositionChanged

amounts = any_of.one_of(
    any_of.decimals(allow_nan=False, allow_infinity=False, places=None),
    any_of.builds(
        lambda sign, digits, exponent: Decimal((sign, digits, exponent)),
        any_of.integers(0, 1),
        any_of.lists(any_of.integers(0, 9), min_size=1, max_size=20).map(tuple),
        any_of.integers(-20, 20),
    ),
)


@given(amounts)
def test_what_passes_as_canonical_text_is_the_canonical_text(amount: Decimal) -> None:
    assert text(amount) == format(EXACT.plus(canonical(amount)), "f")
    if is_canonical_text(str(amount)):
        assert str(amount) == text(amount)
        assert canonical(amount) is amount


@given(amounts)
def test_an_amount_has_as_many_decimals_as_its_canonical_text(amount: Decimal) -> None:
    assert Decimal(text(amount)) == amount
    assert decimals(amount) == len(text(amount).partition(".")[2])


@pytest.mark.slow
@given(amounts, any_of.dictionaries(any_of.text(max_size=5), amounts, max_size=4))
def test_an_event_encodes_alike_with_the_shortcut_and_without(
    amount: Decimal, others: dict[str, Decimal]
) -> None:
    event = PositionChanged(
        strategy="s",
        venue="v",
        instrument="i.v",
        quantity=amount,
        cost=Decimal(1),
        average_price=Decimal("0.5"),
        realised=amount,
        fees=Decimal(0),
        funding=Decimal(0),
        currency="USD",
        fees_other=others,
    )
    assert encode_event(event) == msgspec.json.encode(plain_body(event))
    assert encode_event(canonical_event(event)) == encode_event(event)


class Grown(Event, frozen=True):
    """An event that was released with one field that has a default, and got two more since."""

    declared = Declaration("test.grown", late=("limit", "names"))

    amount: Decimal | None = None
    limit: Decimal | None = None
    names: list[str] = []


@given(amounts)
def test_a_late_field_changes_no_byte_of_what_does_not_use_it(amount: Decimal) -> None:
    grown = Grown(amount, limit=amount)
    assert encode_event(Grown()) == b'{"amount":null}'
    assert encode_event(Grown(names=["a"])) == b'{"amount":null,"names":["a"]}'
    assert encode_event(grown) == msgspec.json.encode(plain_body(grown))
    assert msgspec.json.decode(encode_event(grown), type=Grown) == grown
    assert written_fields(Grown()) == {"amount": None}
    assert list(written_fields(grown)) == ["amount", "limit"]


@given(amounts, any_of.integers(0, 2**63 - 1))
def test_a_field_that_was_added_later_is_left_out_while_it_says_nothing(
    amount: Decimal, effective_at: int
) -> None:
    fee = FeeCharged("s", "i.v", amount, "USD", "ann", "late")
    later = FeeCharged("s", "i.v", amount, "USD", "ann", "late", effective_at)
    assert b"effective_at" not in encode_event(fee)
    assert encode_event(later) == msgspec.json.encode(plain_body(later))
    assert (b"effective_at" in encode_event(later)) == bool(effective_at)
