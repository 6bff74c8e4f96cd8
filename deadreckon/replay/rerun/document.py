"""The answer of `dr replay rerun` as a document: its JSON keys, in their order."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType, field

from deadreckon.replay.rerun.comparison import Divergence
from deadreckon.replay.rerun.states import PathChange, StateEffects


class AskedCode(Struct, frozen=True):
    """The code that was asked: its name, git revision (empty where unknown) and version."""

    name: str
    revision: str
    version: str


class ServiceResult(Struct, frozen=True):
    """The answers of one service compared with the recorded ones.

    `questions` were put and `heeded` of them are of a type that the service handles; the log has
    `answers` to them. `digest` is the SHA-256 (hex) over questions and recorded answers.
    `diverging` counts questions, `kinds` differences. `broken` names what the decider raised while
    its state moved: later questions were not compared. `due` is the (sequence, index) of a question
    whose answer the log does not have yet, `unasked` the number of later ones.
    """

    questions: int
    handled: int = field(name="heeded")
    answers: int
    digest: str
    diverging: int
    kinds: dict[str, int]
    broken: str
    due: tuple[int, int] | None
    unasked: int


class DivergenceState(Struct, frozen=True):
    """The state right before a question, as far as it concerns the things that are named.

    Keys of `before` are paths in the state. `by_recorded` and `by_said` are the changes that the
    recorded answers and those of today make; `left_out` counts paths beyond the first 200 of each.
    `remembered_otherwise` is the difference to this program's state, where other code was asked.
    """

    names: list[str]
    before: dict[str, Any]
    by_recorded: list[PathChange]
    by_today: list[PathChange] = field(name="by_said")
    left_out: int
    remembered_differently: list[PathChange] | UnsetType = field(
        name="remembered_otherwise", default=UNSET
    )


class FirstDivergence(Divergence, frozen=True):
    """The first question that is answered differently, with the state where that is known."""

    state: DivergenceState | UnsetType = UNSET


class RerunDocument(Struct, frozen=True):
    """The recorded questions of a day (UTC) or of everything ("all"), put again to each decider.

    `equal` where every answer is as recorded; `digest` combines those of the services. `edges` are
    the services in the log that decide nothing. `seconds` is the time it took.
    """

    book: str
    day: str
    code: AskedCode
    messages: int
    equal: bool
    questions: int
    handled: int = field(name="heeded")
    answers: int
    diverging: int
    digest: str
    services: dict[str, ServiceResult]
    edges: list[str]
    first: FirstDivergence | None
    seconds: float


def divergence_state(effects: StateEffects) -> DivergenceState:
    """Show the effects of a question without the paths that do not concern it."""
    return DivergenceState(
        names=effects.names,
        before=effects.before,
        by_recorded=effects.by_recorded,
        by_today=effects.by_today,
        left_out=effects.left_out,
    )
