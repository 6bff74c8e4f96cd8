"""The answer of `dr verify` as a document: its JSON keys, in their order."""

from msgspec import Struct

from deadreckon.projections.comparison import TableDifference


class VerifyDocument(Struct, frozen=True):
    """The projections compared with a fresh fold of the log, at least up to message `sequence`.

    `agree` where nothing differs and none is behind the log; of each table that differs,
    `differences` has the first key. `reached` is how far each projection was compared: that of the
    metrics of a running stack may be behind, since it saves them seldom.
    """

    sequence: int
    agree: bool
    differences: list[TableDifference]
    reached: dict[str, int] = {}
