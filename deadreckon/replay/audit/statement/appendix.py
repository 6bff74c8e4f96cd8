"""The evidence of a statement, each piece once, under a name that figures refer to."""

from collections.abc import Iterable
from decimal import Decimal

import msgspec
from msgspec import UNSET

from deadreckon.contracts.amounts import canonical, text
from deadreckon.contracts.timestamps import format_timestamp
from deadreckon.replay.audit.statement.evidence import RANGES, Evidence, merged, ranges
from deadreckon.replay.audit.statement.parts import Cell, EvidenceEvent, EvidencePiece, Figure


class Appendix:
    """Collects pieces of evidence; what two figures share is kept once."""

    def __init__(self) -> None:
        self.pieces: dict[str, EvidencePiece] = {}
        self._names: dict[bytes, str] = {}

    def figure(
        self,
        value: Decimal | int | str,
        *evidence: Evidence,
        note: str = "",
        parts: Iterable[Cell] = (),
        kind: str = "",
    ) -> Figure:
        """Build a figure with the events it comes from, and the figures it is made of.

        `kind` says how it is read where that is not as its column says.
        """
        written = value if isinstance(value, str) else text(canonical(Decimal(value)))
        named = [part for part in parts if isinstance(part, Figure)]
        piece = self._piece(merged(evidence), note, named)
        return Figure(written, piece, kind or UNSET)

    def _piece(self, evidence: Evidence, note: str, parts: list[Figure]) -> str:
        piece = _piece(evidence, note, parts)
        key = msgspec.json.encode(piece)
        name = self._names.get(key)
        if name is None:
            name = self._names[key] = f"e{len(self.pieces) + 1}"
            self.pieces[name] = piece
        return name


def _piece(evidence: Evidence, note: str, parts: list[Figure]) -> EvidencePiece:
    positions = evidence.positions()
    found = ranges(positions)
    return EvidencePiece(
        count=len(positions),
        sums={unit: text(canonical(amount)) for unit, amount in sorted(evidence.sums.items())},
        sequences=found[:RANGES],
        ranges_left_out=max(0, len(found) - RANGES),
        last=found[-1] if found else "",
        events=[
            EvidenceEvent(
                position=f"{line.position[0]}.{line.position[1]}",
                id=line.id,
                at=format_timestamp(line.at),
                what=line.what,
                amount=line.amount,
            )
            for line in evidence.lines
        ],
        note=note,
        parts=parts,
    )
