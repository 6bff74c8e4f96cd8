"""The protocol of a strategy: what it declares, what it remembers, and what it decides at a bar."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, Protocol, TypeVar

from msgspec import Struct

from deadreckon.contracts.amounts import ZERO
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.fields import Side
from deadreckon.models.hmm.training import HmmTraining
from deadreckon.strategies.parameters import EntryParameters

P_contra = TypeVar("P_contra", bound=EntryParameters, contravariant=True)
S = TypeVar("S", bound=Struct)


class Decision(Struct, frozen=True):
    """Intent of a strategy after a bar.

    `enter` is the side to enter now, if any; `leave_long` and `leave_short` say that such a
    position should not be held any longer. `confidence` (a share of 1) is that of the entry; null
    where the strategy has none. `features` are the figures it was decided on and `model_id` names
    the model; both are written into the signal.
    """

    enter: Side | None = None
    leave_long: bool = False
    leave_short: bool = False
    confidence: Decimal | None = None
    features: Mapping[str, Decimal | str] = {}
    model_id: str = ""  # empty: the strategy's name and version

    def leaves(self, held: Decimal) -> bool:
        """Return True when a position of this size (negative: short) should be closed."""
        return self.leave_long if held > ZERO else held < ZERO and self.leave_short


NO_DECISION = Decision()


class Explanation(Struct, frozen=True):
    """Reason why a strategy does not act, for `dr replay whynot`.

    `no_view` says in a word why it cannot judge the market yet (`warming_up`, `no_model`), empty
    when it can. `no_entry` says why it enters neither side. `figures` by name: prices in quote
    currency, shares of one, bars, seconds.
    """

    no_view: str = ""
    no_entry: str = "no_entry"
    figures: Mapping[str, Decimal] = {}


class Strategy(Protocol[P_contra, S]):
    """Base of every strategy: subclass it, name the two types, write the three functions.

    A strategy is a pure function of closed bars and its parameters: no clock, no files, no network,
    no randomness, no attributes on `self`. All that it remembers is in its state, a msgspec Struct
    that snapshots can hold (numbers, text, Decimals, lists, dicts, Structs).
    """

    name: ClassVar[str]  # the `kind` of its configurations
    version: ClassVar[str]
    parameters: ClassVar[type[Any]]  # a frozen subclass of EntryParameters
    state: ClassVar[type[Any]]  # a msgspec Struct

    def initial(self, parameters: P_contra) -> S:
        """Return the state before the first bar."""
        ...

    def evolve(self, state: S, parameters: P_contra, record: Recorded[Any]) -> S:
        """Return the state after `record`: a `BarClosed` of its instrument and bar length, or a
        model that was fitted for it. May change `state` in place."""
        ...

    def decide(self, state: S, parameters: P_contra, held: Decimal) -> Decision:
        """Return what to do after the last bar. `held` is the strategy's own position in base units
        or contracts, negative when short. Must not change `state`."""
        ...

    def explain(self, state: S, parameters: P_contra) -> Explanation:
        """Return the figures it looks at and why it does not enter. Must not change `state`."""
        return Explanation()

    def adapt(self, state: S, parameters: P_contra) -> S:
        """Return the state under new parameters, at the same instrument and bar length. Starts
        over unless a strategy can keep what it has seen."""
        return self.initial(parameters)

    def training(self, parameters: P_contra) -> HmmTraining | None:
        """Return the model that the trainer shall fit for it; null when it needs none. Each fitted
        model then reaches `evolve`."""
        return None

    def model_fault(self, model: Any) -> str:
        """Return why a model that was fitted for it cannot be used; empty when it can."""
        return ""
