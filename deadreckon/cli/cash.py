"""`dr limits`, `instruments`, `venue`, `cash`, `strategy`: what may trade, with what, how far."""

import json as codec
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter, Token

from deadreckon.cli.app import EXIT_USAGE, fail
from deadreckon.cli.halt import Actor, Data, Json, Reason, Url
from deadreckon.contracts.event import Event


def _amount(_: Any, tokens: Sequence[Token]) -> Decimal:
    try:
        return Decimal(tokens[0].value)
    except InvalidOperation:
        raise ValueError(f"{tokens[0].value[:40]!r} is no decimal number") from None


Amount = Annotated[Decimal, Parameter(converter=_amount)]
Signed = Annotated[Decimal, Parameter(converter=_amount, allow_leading_hyphen=True)]
Effective = Annotated[str | None, Parameter(help="When it was due (RFC 3339), if not just now.")]

limits = App(
    name="limits", help="Show or set the limits in force. Example: dr limits show --data run1"
)
instruments = App(
    name="instruments",
    help="List, add and remove what may trade. Example: dr instruments list --data run1",
)
venue = App(
    name="venue",
    help="Show or set how a venue fills and charges. Example: dr venue list --data run1",
)
cash = App(name="cash", help="Show, deposit and withdraw cash. Example: dr cash show --data run1")
strategy = App(
    name="strategy", help="List, start and stop strategies. Example: dr strategy list --data run1"
)


def _in_force(data: Path, nats: str | None) -> Any:
    from deadreckon.cli.running import run
    from deadreckon.node.operator_commands import in_force

    return run(lambda: in_force(data, nats))


def _say(event: Event, data: Path, nats: str | None, as_json: bool) -> None:
    """Refuse here what the door would refuse, then record it."""
    from deadreckon.cli.running import run
    from deadreckon.contracts.catalogue import NAMES
    from deadreckon.contracts.governance import OperatorMalformed
    from deadreckon.contracts.inbound import read_fact, write_fact
    from deadreckon.node.operator_commands import record_facts

    try:
        written = write_fact("check", NAMES[type(event)], event)
    except ValueError as error:  # NaN or an infinity, which no amount is
        fail(str(error), EXIT_USAGE)
    judged = read_fact("cli", written)[2]
    if isinstance(judged, OperatorMalformed):
        fail(f"{judged.rule}: {judged.reason}", EXIT_USAGE)
    (sequence,) = run(lambda: record_facts(data, [event], nats))
    print(codec.dumps({"sequence": sequence}) if as_json else f"recorded at sequence {sequence}")


def _print(rows: Any, as_json: bool) -> None:
    plain = msgspec.to_builtins(rows)
    if as_json:
        print(codec.dumps(plain))
        return
    for row in plain if isinstance(plain, list) else [plain]:
        for name, value in row.items():
            if value not in (None, "", [], {}):
                print(f"{name:30} {value}")
        print()


def _build(shape: type[Event], fields: dict[str, Any]) -> Event:
    """An event from texts; exits with 2 and the field's name when one does not fit."""
    try:
        return msgspec.convert(fields, shape, strict=False)
    except (ValueError, ArithmeticError) as error:  # msgspec's own are ValueErrors
        fail(str(error), EXIT_USAGE)


def _pairs(assignments: tuple[str, ...], known: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for text in assignments:
        name, sign, value = text.partition("=")
        if not sign or name not in known:
            fail(f"{text!r}: give NAME=VALUE with a name out of {', '.join(known)}", EXIT_USAGE)
        found[name] = _value(value)
    return found


def _value(text: str) -> Any:
    if text in ("none", "null", "off"):
        return None
    if text.startswith(("[", "{")):
        try:
            return codec.loads(text)
        except ValueError as error:
            fail(f"{text!r} is no JSON: {error}", EXIT_USAGE)
    return text


@limits.command(name="show")
def limits_show(*, data: Data = Path("var"), nats: Url = None, json: Json = False) -> None:
    """Print every limit in force and the event that set it.

    Example: dr limits show --data run1
    """
    found = _in_force(data, nats).limits
    if found is None:
        fail("no limits have been set: nothing trades. `dr limits set` sets them", 1)
    _print({"set_by": found[0]} | msgspec.to_builtins(found[1]), json)


@limits.command(name="set")
def limits_set(
    *assignments: str,
    actor: Actor,
    reason: Reason,
    data: Data = Path("var"),
    nats: Url = None,
    json: Json = False,
) -> None:
    """Change limits; what is not named stays as it is. "off" removes a rule.

    Example: dr limits set order_notional_max=5000 drawdown_max=0.1 --actor ann --reason "smaller"

    Parameters
    ----------
    assignments
        NAME=VALUE pairs; docs/risk.md lists the names with their units.
    """
    from deadreckon.contracts.governance import LimitsSet

    known = tuple(n for n in LimitsSet.__struct_fields__ if n not in ("actor", "reason"))
    named = _pairs(assignments, known)
    found = _in_force(data, nats).limits
    before = msgspec.to_builtins(found[1]) if found else {}
    _say(_build(LimitsSet, before | named | _who(actor, reason)), data, nats, json)


def _who(actor: str, reason: str) -> dict[str, str]:
    return {"actor": actor, "reason": reason}


@instruments.command(name="list")
def instruments_list(*, data: Data = Path("var"), nats: Url = None, json: Json = False) -> None:
    """Print every listed instrument with its steps and minima.

    Example: dr instruments list --data run1
    """
    _print(list(_in_force(data, nats).instruments.values()), json)


@instruments.command(name="add")
def instruments_add(
    instrument: str,
    *specifications: str,
    actor: Actor,
    reason: Reason,
    data: Data = Path("var"),
    nats: Url = None,
    json: Json = False,
) -> None:
    """List an instrument, or list it anew with other specifications.

    Example: dr instruments add BTCUSDT.PAPER kind=spot base_currency=BTC quote_currency=USDT
    tick_size=0.01 lot_size=0.0001 minimum_notional=10 --actor ann --reason "opening"

    Parameters
    ----------
    instrument
        SYMBOL.VENUE.
    specifications
        NAME=VALUE pairs of InstrumentListed; docs/events.md lists them.
    """
    from deadreckon.contracts.instruments import InstrumentListed

    known = tuple(n for n in InstrumentListed.__struct_fields__ if n not in ("actor", "reason"))
    symbol, _, place = instrument.partition(".")
    named = _pairs(specifications, known)
    lot = named.get("lot_size", "0.0001")
    defaults = {
        "instrument": instrument,
        "symbol": symbol,
        "venue": place,
        "kind": "spot",
        "minimum_quantity": lot,
        "minimum_notional": "0",
        "contract_size": "1",
        "market": named.get("kind", "spot"),
    }
    _say(_build(InstrumentListed, defaults | named | _who(actor, reason)), data, nats, json)


@instruments.command(name="remove")
def instruments_remove(
    instrument: str,
    *,
    actor: Actor,
    reason: Reason,
    data: Data = Path("var"),
    nats: Url = None,
    json: Json = False,
) -> None:
    """Let an instrument trade no longer; what is held stays held.

    Example: dr instruments remove BTCUSDT.PAPER --actor ann --reason "delisted"
    """
    from deadreckon.contracts.instruments import InstrumentDelisted

    _say(InstrumentDelisted(instrument, actor, reason), data, nats, json)


@venue.command(name="list")
def venue_list(*, data: Data = Path("var"), nats: Url = None, json: Json = False) -> None:
    """Print every venue's fees, slippage, latency and participation.

    Example: dr venue list --data run1
    """
    _print(list(_in_force(data, nats).venues.values()), json)


@venue.command(name="set")
def venue_set(
    name: str,
    *settings: str,
    actor: Actor,
    reason: Reason,
    data: Data = Path("var"),
    nats: Url = None,
    json: Json = False,
) -> None:
    """Say how a paper venue fills and charges; what is not named stays as it is.

    Example: dr venue set PAPER taker_fee_rate=0.0004 --actor ann --reason "new tier"

    Parameters
    ----------
    name
        The venue, as in SYMBOL.VENUE.
    settings
        NAME=VALUE pairs of VenueConfigured; docs/events.md lists them.
    """
    from deadreckon.contracts.instruments import VenueConfigured

    known = tuple(n for n in VenueConfigured.__struct_fields__ if n not in ("actor", "reason"))
    defaults = {
        "venue": name,
        "maker_fee_rate": "0",
        "taker_fee_rate": "0",
        "fee_currency": "",
        "slippage_bps": "0",
        "latency": "0",
        "participation": "1",
    }
    before = _in_force(data, nats).venues.get(name)
    kept = msgspec.to_builtins(before) if before else defaults
    event = _build(VenueConfigured, kept | _pairs(settings, known) | _who(actor, reason))
    _say(event, data, nats, json)


@cash.command(name="show")
def cash_show(*, data: Data = Path("var"), nats: Url = None, json: Json = False) -> None:
    """Print deposits and withdrawals, as recorded.

    Example: dr cash show --data run1
    """
    _print(_in_force(data, nats).cash_moves, json)


@cash.command(name="deposit")
def cash_deposit(
    currency: str,
    amount: Amount,
    *,
    actor: Actor,
    reason: Reason,
    data: Data = Path("var"),
    nats: Url = None,
    json: Json = False,
) -> None:
    """Put money into the book; an opening balance is a deposit.

    Example: dr cash deposit USDT 100000 --actor ann --reason "opening balance"
    """
    from deadreckon.contracts.portfolio import CashDeposited

    _say(CashDeposited(currency, amount, actor, reason), data, nats, json)


@cash.command(name="withdraw")
def cash_withdraw(
    currency: str,
    amount: Amount,
    *,
    actor: Actor,
    reason: Reason,
    data: Data = Path("var"),
    nats: Url = None,
    json: Json = False,
) -> None:
    """Take money out of the book.

    Example: dr cash withdraw USDT 500 --actor ann --reason "payout"
    """
    from deadreckon.contracts.portfolio import CashWithdrawn

    _say(CashWithdrawn(currency, amount, actor, reason), data, nats, json)


@cash.command(name="fee")
def cash_fee(
    currency: str,
    amount: Signed,
    *,
    strategy: str,
    instrument: str,
    effective: Effective = None,
    actor: Actor,
    reason: Reason,
    data: Data = Path("var"),
    nats: Url = None,
    json: Json = False,
) -> None:
    """Book a fee that no fill told of; a negative one gives back.

    It changes the book from here on. `dr replay asof` shows it at its own time as well.

    Example: dr cash fee USDT 1.25 --strategy ext --instrument BTCUSDT.PAPER
    --effective 2026-11-20T12:00:00Z --actor ann --reason "invoice 17"

    Parameters
    ----------
    strategy
        Whose fee it is.
    instrument
        On which position.
    """
    from deadreckon.contracts.portfolio import FeeCharged

    due = _moment(effective)
    event = FeeCharged(strategy, instrument, amount, currency, actor, reason, due)
    _say(event, data, nats, json)


@cash.command(name="funding")
def cash_funding(
    instrument: str,
    rate: Signed,
    mark: Amount,
    *,
    effective: Effective = None,
    data: Data = Path("var"),
    nats: Url = None,
    json: Json = False,
) -> None:
    """Tell a funding rate that the market's feed left out: longs pay RATE x notional at MARK.

    It is booked on what is held now. `dr replay asof` shows it at its own time as well.

    Example: dr cash funding BTCUSDT.PAPER 0.0001 50000 --effective 2026-11-20T08:00:00Z
    """
    from deadreckon.contracts.market import FundingRatePublished

    _say(FundingRatePublished(instrument, rate, mark, _moment(effective)), data, nats, json)


def _moment(text: str | None) -> int:
    """Nanoseconds UTC; 0 for no time."""
    from deadreckon.contracts.timestamps import parse_timestamp

    if text is None:
        return 0
    try:
        return parse_timestamp(text)
    except ValueError as error:
        fail(str(error), EXIT_USAGE)


@cash.command(name="report")
def cash_report(
    currency: str,
    *,
    actor: Actor,
    reason: Reason,
    every: int = 3600,
    data: Data = Path("var"),
    nats: Url = None,
    json: Json = False,
) -> None:
    """Set the reporting currency, and how often equity is marked.

    Example: dr cash report USDT --every 3600 --actor ann --reason "opening"

    Parameters
    ----------
    every
        Seconds of event time between two marks of equity.
    """
    from deadreckon.contracts.event import NANOSECONDS
    from deadreckon.contracts.portfolio import ReportingConfigured

    _say(ReportingConfigured(currency, every * NANOSECONDS, actor, reason), data, nats, json)


@strategy.command(name="list")
def strategy_list(*, data: Data = Path("var"), nats: Url = None, json: Json = False) -> None:
    """Print every strategy with its parameters.

    Example: dr strategy list --data run1
    """
    _print(list(_in_force(data, nats).strategies.values()), json)


@strategy.command(name="set")
def strategy_set(
    name: str,
    *parameters: str,
    kind: str | None = None,
    instrument: str | None = None,
    notional: Amount | None = None,
    enabled: bool | None = None,
    actor: Actor,
    reason: Reason,
    data: Data = Path("var"),
    nats: Url = None,
    json: Json = False,
) -> None:
    """Start, change or stop a strategy; what is not named stays as it is.

    Example: dr strategy set cross fast=9 slow=21 --kind moving_average_cross
    --instrument BTCUSDT.PAPER --notional 1000 --actor ann --reason "try it"

    Parameters
    ----------
    name
        The strategy's name in signals, orders and PnL.
    parameters
        NAME=VALUE pairs of its kind; docs/strategies.md lists them.
    kind
        moving_average_cross or hmm_regime.
    notional
        Size of one entry in quote currency.
    """
    from deadreckon.contracts.governance import StrategyConfigured

    before = _in_force(data, nats).strategies.get(name)
    fields: dict[str, Any] = msgspec.to_builtins(before) if before else {"parameters": {}}
    wished = {"kind": kind, "instrument": instrument, "notional": notional, "enabled": enabled}
    fields |= {key: value for key, value in wished.items() if value is not None}
    fields["parameters"] |= dict(text.partition("=")[::2] for text in parameters)
    fields = {"strategy": name, "enabled": True} | fields | _who(actor, reason)
    _say(_build(StrategyConfigured, fields), data, nats, json)
