"""What a difference rests on: recorded fills kept, taken away, cut, and those that are assumed."""

from decimal import Decimal

from deadreckon.accounting import ledger
from deadreckon.accounting.ledger_state import Ledger
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.orders import OrderFilled
from deadreckon.replay.whatif.bounds import Bounds, bounds
from deadreckon.replay.whatif.outcome import RunOutcome
from deadreckon.replay.whatif.supported_fills import part
from tests.stories import START, at, bar, deposit, filled, listed, reporting

LAST = 110


def book() -> Ledger:
    found = ledger.initial()
    for event in (listed(), reporting(), deposit()):
        found = ledger.evolve(found, at(event))
    return found


def run(*fills: OrderFilled, exits: tuple[str, ...] = ()) -> RunOutcome:
    """A run that traded this; the last price is 110."""
    deeds = RunOutcome(exits=dict.fromkeys(exits))
    for number, fill in enumerate(fills):
        record: Recorded[OrderFilled] = at(fill, START + number, id=f"{fill.order_id}-{number}")
        deeds.fold(record)
    deeds.fold(at(bar(LAST)))
    return deeds


def entry(quantity: int, price: int = 100, *, order: str = "in", fee: int = 0) -> OrderFilled:
    return filled("buy", quantity, price, order=order, id=f"{order}{quantity}{price}", fee=fee)


def leaving(quantity: int, price: int = 105, *, order: str = "out") -> OrderFilled:
    return filled("sell", quantity, price, order=order, id=f"{order}{quantity}{price}")


def figures(found: Bounds) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    return found.recorded, found.assumed, found.terms, found.paper


def exactly(*amounts: int) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, amounts))


def test_the_same_run_makes_no_difference() -> None:
    same = run(entry(5), leaving(5), exits=("out",))

    found = bounds(book(), same, same, same)

    assert figures(found) == exactly(0, 0, 0, 0)
    assert (found.share, found.left_open) == exactly(0, 0)


def test_a_fill_that_is_taken_away_costs_what_it_earned() -> None:
    record = run(entry(5), entry(2, order="other"))

    found = bounds(book(), record, record, run(entry(2, order="other")))

    assert figures(found) == exactly(-50, 0, 0, -50)


def test_a_smaller_fill_keeps_its_share_of_the_recorded_one() -> None:
    record = run(entry(4, fee=8))

    found = bounds(book(), record, record, run(entry(1, fee=2)))

    assert figures(found) == exactly(-24, 0, 0, -24)
    assert found.assumed_fills == 0


def test_a_bigger_fill_is_assumed_as_far_as_it_is_bigger() -> None:
    record = run(entry(4))

    found = bounds(book(), record, record, run(entry(6)))

    assert figures(found) == exactly(0, 20, 0, 20)
    assert (found.assumed_fills, found.assumed_orders) == (1, 1)
    assert found.assumed_notional == 200


def test_another_price_is_no_assumed_fill() -> None:
    record = run(entry(4))

    found = bounds(book(), record, record, run(entry(4, 101)))

    assert figures(found) == exactly(0, 0, -4, -4)
    assert found.share == 0


def test_an_exit_without_its_entry_closes_nothing() -> None:
    """Live, an exit may have another id than in its replay; it goes with what it would close."""
    record = run(entry(5), leaving(5), exits=("out",))
    baseline = run(entry(5), leaving(5, order="out later"), exits=("out later",))

    found = bounds(book(), record, baseline, run())

    assert figures(found)[0] == -25
    assert found.left_open == 0


def test_an_entry_that_would_stay_open_is_told() -> None:
    record = run(entry(5), leaving(5), exits=("out",))
    variant = run(entry(5), leaving(5, 103, order="earlier"), exits=("earlier",))

    found = bounds(book(), record, record, variant)

    assert found.left_open == 5 * LAST
    assert found.paper == -10
    assert sum(figures(found)[:3]) == found.paper


def test_what_the_replay_itself_misses_is_not_blamed_on_the_change() -> None:
    record = run(entry(5), entry(3, order="only recorded"))
    replayed = run(entry(5), entry(4, order="only replayed"))

    found = bounds(book(), record, replayed, replayed)

    assert figures(found) == exactly(0, 0, 0, 0)
    assert found.assumed_orders == 0


def test_a_part_of_a_fill_pays_its_share_of_the_fee() -> None:
    whole = filled("buy", 3, 100, fee=1)

    assert part(whole, Decimal(1)).fee == Decimal("0.333333333333333333")
    assert part(whole, Decimal(1)).quantity == 1
