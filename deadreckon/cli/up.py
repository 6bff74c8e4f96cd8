"""`dr up`: a stack that stays up, with time from the clock and signals from producers."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deadreckon.cli.app import EXIT_USAGE, fail
from deadreckon.cli.document import print_now
from deadreckon.cli.options import DATA_VARIABLE

if TYPE_CHECKING:
    from deadreckon.node.settings import StackSettings
    from deadreckon.node.up import StackAddresses


def up(
    *,
    config: Path | None = None,
    data: Path | None = None,
    nats: str | None = None,
    web_port: int | None = None,
    web: bool = True,
    json: bool = False,
) -> None:
    """Run services, views and the gateway until Ctrl-C or SIGTERM.

    Its log goes to stderr, as JSON unless that is a terminal. `dr init` makes a folder that trades;
    on any other nothing trades before instruments, cash and limits are set: `dr instruments`,
    `dr cash`, `dr limits`.

    Example: dr up --data run1 --web-port 8787

    Parameters
    ----------
    config
        A TOML file with data, nats, book, mode, services, web_port,
        nats_port, clock_seconds, processes, market, venues (docs/venues.md), archive
        (docs/archive.md). By default settings.toml in the folder, if it has one.
    data
        The folder this stack lives in; without it the file's, else DR_DATA's, else var.
    nats
        URLs of NATS servers (with commas between them) or a file that names them
        (docs/security.md), instead of the embedded one. Three or more keep the log three times.
    web_port
        Port of the gateway on loopback; 0 takes a free one.
    web
        Serve the gateway.
    json
        Print where things are as one JSON object.
    """
    settings = _settings(config, data=data, nats=nats, web_port=web_port, web=web)
    from deadreckon.cli.running import run
    from deadreckon.node.up import run_stack
    from deadreckon.web.serving import gateway_served

    if json:
        run(lambda: run_stack(settings, _print_json, gateway_served, _log_missing))
    else:
        run(lambda: run_stack(settings, _print, gateway_served, _print_missing))


def _settings(
    config: Path | None, *, data: Path | None, nats: str | None, web_port: int | None, web: bool
) -> "StackSettings":
    """Read the file; options of the command line override it."""
    import msgspec

    from deadreckon.node.settings import SETTINGS_FILE, SettingsError, read_settings

    folder = data or Path(os.environ.get(DATA_VARIABLE) or "var")
    if config is None and (folder / SETTINGS_FILE).exists():
        config, data = folder / SETTINGS_FILE, folder
    given: dict[str, Any] = {"data": data and str(data), "nats": nats, "web_port": web_port}
    given = {name: value for name, value in given.items() if value is not None}
    try:
        found = read_settings(config, str(folder))
        return msgspec.structs.replace(found, **(given if web else given | {"web_port": None}))
    except (SettingsError, ValueError) as error:
        fail(str(error), EXIT_USAGE)


def _print_json(found: "StackAddresses") -> None:
    print_now(found, "up")


def _print(found: "StackAddresses") -> None:
    print(f"data  {found.data}")
    how = f", credentials in {found.credentials}" if found.credentials else ""
    print(f"nats  {found.nats}{how}")
    print(f"web   {found.web or 'not served'}", flush=True)


def _print_missing(missing: list[str]) -> None:
    print("not set up to trade; `dr init FOLDER` makes a folder that is. Missing:")
    for each in missing:
        print(f"  {each}", flush=True)


def _log_missing(missing: list[str]) -> None:
    from deadreckon.runtime.process import log_lines

    log_lines.Logger().warning("setup_missing", missing=missing)
