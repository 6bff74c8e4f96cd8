"""Registry of the strategies that this process knows: by kind of configuration, and by code.

Filled at the edge (`loading`) before a configuration reaches a decider; deciders only look up.
"""

from typing import Any

from msgspec import Struct

from deadreckon.contracts.governance import StrategyConfigured
from deadreckon.strategies.builtin import ENTRY_POINTS
from deadreckon.strategies.builtin.hmm_regime import HmmRegime
from deadreckon.strategies.builtin.moving_average_cross import MovingAverageCross
from deadreckon.strategies.parameters import EntryParameters, parse_parameters
from deadreckon.strategies.strategy import Strategy

UNKNOWN = "unknown_strategy_kind"
OTHER_CODE = "other_strategy_code"
NO_CODE = "no_strategy_code"
BAD_PARAMETER = "bad_parameter"
CODE_RULES = frozenset({OTHER_CODE, NO_CODE, UNKNOWN})
CONFIGURATION_RULES = CODE_RULES | {BAD_PARAMETER}

AnyStrategy = Strategy[Any, Any]


class Implementation(Struct, frozen=True):
    """A strategy that can run here.

    `kind` is what configurations call it, `reference` says where it came from ("module:Class"),
    `code` is the SHA-256 (hex) of its source; `origin` is the distribution or file it lies in.
    """

    kind: str
    strategy: AnyStrategy
    reference: str
    code: str
    origin: str

    @property
    def version(self) -> str:
        """The version that the strategy gives itself."""
        return self.strategy.version


class Setup(Struct, frozen=True):
    """A configuration that can run: the strategy and its parameters, parsed."""

    strategy: AnyStrategy
    parameters: Any  # of the strategy's own type


class ConfigurationFault(Struct, frozen=True):
    """Fault of a configuration that cannot run: `rule` for machines, `reason` for people."""

    rule: str
    reason: str


# Without a code (configurations of version 0.1.0) these are meant, as this program has them.
BUILT_IN: dict[str, AnyStrategy] = {
    MovingAverageCross.name: MovingAverageCross(),
    HmmRegime.name: HmmRegime(),
}


class Registry:
    """Implementations by kind and code. With `accepts_any_code` the code of a configuration does
    not count, for questions about other code (`dr replay rerun --code`)."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], Implementation] = {}
        self.accepts_any_code = False

    def add(self, implementation: Implementation) -> None:
        """Register an implementation, next to others of its kind with other code."""
        self._found.pop((implementation.kind, implementation.code), None)
        self._found[implementation.kind, implementation.code] = implementation

    def clear(self) -> None:
        """Forget everything but the built-in strategies."""
        self._found.clear()
        self.accepts_any_code = False

    def has(self, kind: str, code: str) -> bool:
        """Return True when exactly this code is known."""
        return (kind, code) in self._found

    def newest(self, kind: str) -> Implementation | None:
        """Return the implementation of a kind that was added last."""
        found = [each for each in self._found.values() if each.kind == kind]
        return found[-1] if found else None

    def find(self, kind: str, code: str) -> AnyStrategy | ConfigurationFault:
        """Return the strategy of this kind and code, or the fault that names what is missing."""
        if (exact := self._found.get((kind, code))) is not None:
            return exact.strategy
        built_in, newest = BUILT_IN.get(kind), self.newest(kind)
        if built_in is not None and (not code or self.accepts_any_code):
            return built_in
        if newest is not None and self.accepts_any_code:
            return newest.strategy
        if not code and newest is None:
            return ConfigurationFault(UNKNOWN, f"{kind!r} is none of {', '.join(ENTRY_POINTS)}")
        if newest is None:
            return ConfigurationFault(UNKNOWN, f"no strategy {kind!r} is registered here")
        if not code:
            return ConfigurationFault(NO_CODE, f"{kind}: its configuration names no code")
        return ConfigurationFault(
            OTHER_CODE,
            f"{kind} was configured with code {code[:12]}, and has code {newest.code[:12]} here;"
            " configure it again to trade by this code",
        )


REGISTRY = Registry()


def read_setup(configured: StrategyConfigured) -> Setup | ConfigurationFault:
    """Return the strategy and parameters of a configuration, or what is wrong with it."""
    strategy = REGISTRY.find(configured.kind, configured.code)
    if isinstance(strategy, ConfigurationFault):
        return strategy
    if configured.notional <= 0:
        return ConfigurationFault(BAD_PARAMETER, f"notional: {configured.notional} is not positive")
    if "kind" in configured.parameters:
        return ConfigurationFault(BAD_PARAMETER, "kind: is a field of its own, not a parameter")
    try:
        parameters: EntryParameters = parse_parameters(strategy.parameters, configured.parameters)
    except ValueError as error:
        return ConfigurationFault(BAD_PARAMETER, str(error))
    return Setup(strategy, parameters)
