"""`dr exchange`: the simulated exchange, as a process of its own."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deadreckon.venues.simulated.adapter import ExchangeAddress


def exchange(
    *, data: Path = Path("var/exchange"), seed: str = "1", port: int | None = None
) -> None:
    """Run a small exchange on loopback whose faults can be configured (docs/venues.md).

    It prints one JSON line with its addresses when it is ready, and runs until it is stopped.

    Example: dr exchange --data run1/exchange --seed 7

    Parameters
    ----------
    data
        The folder of its book, its key and its address; used again, it goes on with them.
    seed
        What its market is derived from.
    port
        The port of the traders' door; the last one of the folder, or a free one, unless given.
    """
    from deadreckon.cli.running import run
    from deadreckon.venues.simulated.exchange.http_server import serve_exchange

    run(lambda: serve_exchange(data, seed, port, _tell))


def _tell(address: "ExchangeAddress") -> None:
    import msgspec

    print(msgspec.json.encode(address).decode(), flush=True)
