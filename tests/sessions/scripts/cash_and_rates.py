"""A book in two currencies: nothing trades without a rate, and every figure follows the rate."""

from tests.sessions.script import Script, alice, ann, later, minute, opening
from tests.stories import (
    HOUR,
    bar,
    currency_rate,
    deposit,
    late_fee,
    limits,
    listed,
    venue,
    withdraw,
)

EURO = "BTCEUR.PAPER"

SCRIPT: Script = [
    *opening(
        deposit(1_000, "EUR"),
        limits(price_age_max=12 * HOUR, order_notional_max=230, drawdown_max="0.5"),
        instrument=listed(EURO, quote="EUR"),
        at=venue(taker="0.001"),
        cash=deposit(1_000),
    ),
    # No rate, no worth: the euros are missing from the equity, and it says so.
    *minute(bar(100, instrument=EURO)),
    *alice("blind", "buy", 1, instrument=EURO),
    *ann(currency_rate("EUR", "1.1")),
    # 2.1 x 100 EUR x 1.1 = 231 USDT; 2 are 220.
    *alice("big", "buy", "2.1", instrument=EURO),
    *alice("fits", "buy", 2, instrument=EURO),
    *minute(bar(100, instrument=EURO)),
    # EUR: 1,000 - 200 - 0.2 = 799.8 of cash and 2 x 110 held. USDT: 1,000 + 1.1 x 1,019.8.
    *later(6 * HOUR, bar(110, instrument=EURO)),
    # At 1.2: 1,000 + 1.2 x 1,019.8 = 2,223.76. Then 500 EUR leave, 5 EUR of fees come late.
    *ann(currency_rate("EUR", "1.2")),
    *later(6 * HOUR, bar(110, instrument=EURO)),
    *ann(withdraw(500, "EUR"), late_fee(5, "EUR", instrument=EURO)),
    # 2,223.76 - 600 - 6 = 1,617.76; the peak went along with the 600: 1,623.76.
    *later(6 * HOUR, bar(110, instrument=EURO)),
]
