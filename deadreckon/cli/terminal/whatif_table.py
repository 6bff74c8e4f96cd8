"""A what-if as tables: the variants next to the record, then what each of them changed."""

import textwrap
from collections import Counter
from decimal import Decimal
from typing import Any

from msgspec import UNSET
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from deadreckon.formatting.rounded import gain, money, rule_amount, share
from deadreckon.formatting.text import cell_text
from deadreckon.replay.whatif.document import (
    RefusedSignal,
    RunSummary,
    VariantRun,
    WhatIfDocument,
)

RULES_SHOWN = 8
REFUSALS_SHOWN = 10
WIDTH_ENOUGH = 1_000  # characters, to measure what a table would take
DETAILED_MAX = 3  # variants; beyond that the table is the answer, and --json has the rest


def show_whatif(document: WhatIfDocument) -> None:
    """Print the table, what it rests on, and for few variants what they changed."""
    console = Console(highlight=False)
    day = document.day
    when = "everything" if day == "all" else f"{day} (UTC)"
    console.print()
    console.print(Text.assemble((" what if ", "bold cyan"), f"{cell_text(document.book)}, {when}"))
    _show_table(console, document)
    for sentence in document.honesty:
        for line in textwrap.wrap(cell_text(sentence), max(console.width - 4, 40)):
            console.print(Text(f"   {line}", "dim"))
    variants = document.variants
    if len(variants) <= DETAILED_MAX:
        for variant in variants:
            _show_variant(console, variant)
    else:
        console.print(Text("   --json has every refusal and fill of each variant.", "dim"))
    for folder in (document.baseline.folder, *(variant.folder for variant in variants)):
        if folder is not UNSET:
            what = f" ./dr replay audit {'--all' if day == 'all' else day} --data "
            console.print(Text.assemble((what, "dim"), cell_text(folder)), soft_wrap=True)


def _show_table(console: Console, document: WhatIfDocument) -> None:
    """Print a row for each variant, by name where there is room for that, else by number."""
    names = [cell_text(variant.variant) for variant in document.variants]
    table = _table(document, names)
    wide = console.options.update(max_width=WIDTH_ENOUGH)
    if console.measure(table, options=wide).maximum < console.width:
        console.print(Padding(table, (1, 0, 0, 1)))
        return
    numbers = [str(number) for number in range(1, len(names) + 1)]
    console.print(Padding(_table(document, numbers), (1, 0, 0, 1)))
    for number, name in zip(numbers, names, strict=True):
        console.print(Padding(Text.assemble((f"{number:>2} ", "bold"), name), (0, 0, 0, 1)))
    console.print()


def _table(document: WhatIfDocument, names: list[str]) -> Table:
    table = Table(box=None, header_style="dim", padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("", no_wrap=True)
    for name in ("orders", "refused", "fills", "net PnL", "drawdown"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("by record", "on paper", "assumed"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_row("recorded", *_figures(document.record))
    same = Text("the same", "green") if document.baseline.equal else Text("differs", "yellow")
    table.add_row("no change", *_figures(document.baseline), same)
    table.add_section()
    for name, variant in zip(names, document.variants, strict=True):
        table.add_row(Text(name, "bold"), *_figures(variant), *_differences(variant))
    return table


def _figures(row: RunSummary | VariantRun) -> list[Text | str]:
    net = Decimal(row.pnl.net)
    return [
        f"{row.orders:,}",
        f"{row.refusals:,}",
        f"{row.fills:,}",
        _gain(net),
        share(Decimal(row.drawdown_max)),
    ]


def _differences(variant: VariantRun) -> list[Text | str]:
    found = variant.difference
    return [
        _gain(Decimal(found.recorded_fills_only)),
        _gain(Decimal(found.paper_matching)),
        share(Decimal(found.assumed.share), 0),
    ]


def _gain(amount: Decimal) -> Text:
    return Text(gain(amount), "green" if amount > 0 else "red" if amount < 0 else "")


def _show_variant(console: Console, variant: VariantRun) -> None:
    console.print()
    console.print(Text.assemble((" what if ", "cyan"), (cell_text(variant.variant), "bold")))
    lines = [*_bounds(variant), *_fills(variant), *_signals(variant)]
    lines += [Text(cell_text(note), "yellow") for note in variant.notes]
    lines += _overlaid(variant)
    for line in lines:
        console.print(Padding(line, (0, 0, 0, 3)))
    turned = ((variant.refused_newly, "newly refused"), (variant.allowed_newly, "newly allowed"))
    for rows, what in turned:
        if rows:
            console.print(Padding(_refusals(rows, what), (0, 0, 0, 3)))


def _bounds(variant: VariantRun) -> list[Text]:
    found = variant.difference
    assumed = found.assumed
    low, high = Decimal(found.low), Decimal(found.high)
    return [
        Text.assemble(
            ("difference in net PnL ", "dim"),
            (f"{gain(low)} to {gain(high)}" if low != high else gain(low), "bold"),
        ),
        Text(
            f"  {gain(Decimal(found.recorded_fills_only))} by recorded fills only, "
            f"{gain(Decimal(found.paper_matching))} by paper matching"
        ),
        *_left_open(Decimal(found.left_open)),
        Text(
            f"  assumed: {assumed.fills:,} fills of {assumed.orders:,} orders worth "
            f"{money(Decimal(assumed.notional))}, {gain(Decimal(assumed.pnl))} of PnL "
            f"({share(Decimal(assumed.share), 0)} of what moved); other prices and fees "
            f"{gain(Decimal(found.terms))}"
        ),
    ]


def _left_open(notional: Decimal) -> list[Text]:
    if not notional:
        return []
    what = (
        f"  the recorded fills alone would leave {money(notional)} open, or differently, at the end"
    )
    return [Text(what, "yellow")]


def _fills(variant: VariantRun) -> list[Text]:
    found = variant.fills_compared
    return [
        Text(
            f"recorded fills: {found.kept:,} kept, {found.changed:,} changed, "
            f"{found.dropped:,} dropped; {found.assumed:,} assumed besides"
        )
    ]


def _signals(variant: VariantRun) -> list[Text]:
    found = variant.signal_counts
    lines = [
        Text(
            f"signals: {len(variant.refused_newly):,} newly refused, "
            f"{len(variant.allowed_newly):,} newly allowed, {found.no_more:,} no longer "
            f"raised, {found.new:,} new, {found.other:,} different"
        )
    ]
    if variant.signals_left_out:
        lines.append(Text(f"signals left out: {variant.signals_left_out:,}"))
    return lines


def _overlaid(variant: VariantRun) -> list[Text]:
    lines = []
    for fact in variant.overlaid:
        where = f"instead of message {fact.sequence}" if fact.sequence else "at the beginning"
        fields = ", ".join(
            f"{name} {_plain(was)} -> {_plain(now)}" for name, (was, now) in fact.fields.items()
        )
        whose = f" {fact.scope}" if fact.scope else ""
        lines.append(Text(cell_text(f"published {where}: {fact.type}{whose}: {fields}"), "dim"))
    return lines


def _plain(value: Any) -> str:
    return "none" if value is None else str(value)


def _refusals(rows: list[RefusedSignal], what: str) -> Table:
    table = Table(box=None, header_style="dim", padding=(0, 1, 0, 0), pad_edge=False)
    counts = Counter(row.rule for row in rows)
    rules = ", ".join(f"{rule} {count:,}" for rule, count in counts.most_common(RULES_SHOWN))
    table.title, table.title_style, table.title_justify = f"{what}: {rules}", "bold cyan", "left"
    for column in ("at", "strategy", "signal", "rule", "limit", "measured"):
        right = column in ("limit", "measured")
        table.add_column(column, justify="right" if right else "left", no_wrap=True)
    for row in rows[:REFUSALS_SHOWN]:
        signal = f"{row.side or row.kind} {row.size}".strip()
        rule = Text(cell_text(row.rule), "yellow")
        table.add_row(
            row.at[5:19].replace("T", " "),
            cell_text(row.strategy),
            cell_text(signal),
            rule,
            _amount(row.rule, row.limit),
            _amount(row.rule, row.measured),
        )
    if len(rows) > REFUSALS_SHOWN:
        table.add_row(f"{len(rows) - REFUSALS_SHOWN:,} more", "", "", "", "", "")
    return table


def _amount(rule: str, amount: str | None) -> str:
    return rule_amount(rule, None if amount is None else Decimal(amount))
