"""The evidence of a statement, each piece once, under a name that figures refer to."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec

from deadreckon.contracts.amounts import canonical, text
from deadreckon.contracts.timestamps import format_timestamp
from deadreckon.replay.audit.statement.evidence import RANGES, Evidence, merged, ranges

Document = dict[str, Any]
Cell = str | Document  # a bare text, or a figure: its value and the name of its evidence


class Appendix:
    """Collects pieces of evidence; what two figures share is kept once."""

    def __init__(self) -> None:
        self.pieces: dict[str, Document] = {}
        self._names: dict[bytes, str] = {}

    def figure(
        self,
        value: Decimal | int | str,
        *evidence: Evidence,
        note: str = "",
        parts: Iterable[Cell] = (),
        kind: str = "",
    ) -> Cell:
        """A figure with the places it comes from, and the figures it is made of.

        `kind` is how it is read where that is not as its column says.
        """
        told = value if isinstance(value, str) else text(canonical(Decimal(value)))
        named = [part for part in parts if isinstance(part, dict)]
        cell = {"value": told, "evidence": self._piece(merged(evidence), note, named)}
        return cell | {"kind": kind} if kind else cell

    def _piece(self, evidence: Evidence, note: str, parts: list[Document]) -> str:
        piece = _document(evidence) | {"note": note, "parts": parts}
        key = msgspec.json.encode(piece)
        name = self._names.get(key)
        if name is None:
            name = self._names[key] = f"e{len(self.pieces) + 1}"
            self.pieces[name] = piece
        return name


def _document(evidence: Evidence) -> Document:
    places = evidence.places()
    found = ranges(places)
    return {
        "count": len(places),
        "sums": {unit: text(canonical(amount)) for unit, amount in sorted(evidence.sums.items())},
        "sequences": found[:RANGES],
        "ranges_left_out": max(0, len(found) - RANGES),
        "last": found[-1] if found else "",
        "told": [
            {
                "place": f"{line.place[0]}.{line.place[1]}",
                "id": line.id,
                "at": format_timestamp(line.at),
                "what": line.what,
                "amount": line.amount,
            }
            for line in evidence.lines
        ],
    }
