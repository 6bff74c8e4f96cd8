"""The answer of `dr verify` as a document: its JSON keys, in their order."""

from msgspec import Struct

from deadreckon.projections.comparison import TableDifference


class VerifyDocument(Struct, frozen=True):
    """The projections compared with a fresh fold of the log up to message `sequence`.

    `agree` where nothing differs; of each table that differs, `differences` has the first key.
    """

    sequence: int
    agree: bool
    differences: list[TableDifference]
