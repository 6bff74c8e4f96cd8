"""Every setting has bounds: what is beyond is refused by the setting's name when it is read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from deadreckon.node.settings import SettingsError, StackSettings, read_settings
from deadreckon.runtime.log.bus import ConfigurationError
from deadreckon.runtime.server.endpoint import ServerSettings, external_endpoint

HUGE = 10**30
NUMBERS = ["nan", "inf", "-inf", "-1", "1e300", f"{HUGE}", '"1"', "true", "[]"]
TEXTS = ['""', '"a\\u0000b"', f'"{"x" * 5_000}"', "1", "[]"]
AMOUNTS = ['"NaN"', '"Infinity"', '"-1"', '"1e999999"', '"0"', f'"{"9" * 40}"', "[]", '"x"']
RATES = ['"NaN"', '"Infinity"', '"-1"', '"1"', '"1e999999"', "[]", '"x"']
FLAGS = ['"yes"', "1", "[]"]
EMBEDDED = "[venues.sim]\nembedded = true\n"
ELSEWHERE = '[venues.sim]\nurl = "http://127.0.0.1:1"\nkey_file = "key"\n'
SYMBOL = {
    "symbol": '"BTCUSDT"', "base_price": '"1"', "tick_size": '"1"', "lot_size": '"1"',
    "quote_currency": '"USDT"', "maker_fee_rate": '"0"', "taker_fee_rate": '"0"',
}  # fmt: skip

# What a setting must not be, as TOML, and what stands around it in the file.
BEYOND: dict[str, tuple[str, list[str]]] = {
    "data": ("data = {}", TEXTS),
    "nats": ("nats = {}", TEXTS),
    "book": ("book = {}", [*TEXTS, '"../x"', '"a.b"', '"a b"', '"*"']),
    "mode": ("mode = {}", [*TEXTS, '"pretend"']),
    "services": ("services = {}", ['["nope"]', '["risk", "risk"]', "1", '"risk"', "[1]"]),
    "web_port": ("web_port = {}", [*NUMBERS, "65536", "1.5"]),
    "nats_port": ("nats_port = {}", [*(it for it in NUMBERS if it != "-1"), "0", "-2", "65536"]),
    "clock_seconds": ("clock_seconds = {}", [*NUMBERS, "0", "0.001", "3601"]),
    "processes": ("processes = {}", FLAGS),
    "tls.cert": ('[tls]\nkey = "k"\ncert = {}', TEXTS),
    "tls.key": ('[tls]\ncert = "c"\nkey = {}', TEXTS),
    "tls.ca": ('[tls]\ncert = "c"\nkey = "k"\nca = {}', TEXTS[1:]),
    "venues.sim.url": (
        '[venues.sim]\nkey_file = "key"\nurl = {}',
        [*TEXTS, '"ftp://x"', '"127.0.0.1:1"', '"http://"', '"http://h:99999"'],
    ),
    "venues.sim.key_file": ('[venues.sim]\nurl = "http://127.0.0.1:1"\nkey_file = {}', TEXTS),
    "venues.sim.embedded": ("[venues.sim]\nembedded = {}", FLAGS),
    "venues.sim.seed": (EMBEDDED + "seed = {}", TEXTS),
    "venues.sim.cash": (EMBEDDED + "cash = {{ USDT = {} }}", AMOUNTS),
    **{
        f"venues.sim.symbols.{name}": (
            EMBEDDED + "symbols = [{{ " + ", ".join(f"{k} = {v}" for k, v in SYMBOL.items()
            if k != name) + f", {name} = {{}} }}}}]",
            RATES if name.endswith("rate") else AMOUNTS if '"1"' in SYMBOL[name] else TEXTS,
        )
        for name in SYMBOL
    },
    "archive.seal": ("[archive]\nseal = {}", [*TEXTS, '"hourly"']),
    "check_views_minutes": ("check_views_minutes = {}", [*NUMBERS, "525601"]),
    "market": ("market = {}", TEXTS),
}  # fmt: skip
BEYOND_SERVER: dict[str, tuple[str, list[str]]] = {
    "url": ("url = {}", [*TEXTS, '"http://a"', '"nats://"', '"nats://h:99999"']),
    "credentials": ('url = "nats://h"\ncredentials = {}', TEXTS[1:]),
    "ca": ('url = "nats://h"\nca = {}', TEXTS[1:]),
    "replicas": ('url = "nats://h"\nreplicas = {}', [*NUMBERS, "0", "6", "2.5"]),
}


def fields_of(shape: type[msgspec.Struct], path: str = "") -> Iterator[str]:
    """The settings in a struct and in those that it holds, by their path."""
    for field in msgspec.structs.fields(shape):
        inner = [each for each in _types(field.type) if _is_struct(each)]
        if inner:
            yield from fields_of(inner[0], f"{path}{field.encode_name}.")
        else:
            yield f"{path}{field.encode_name}"


def _types(of: Any) -> Iterator[Any]:
    yield of
    for each in get_args(of):
        yield from _types(each)


def _is_struct(it: Any) -> bool:
    return isinstance(it, type) and issubclass(it, msgspec.Struct)


def test_no_setting_is_left_out_here() -> None:
    assert set(fields_of(StackSettings)) == set(BEYOND)
    assert set(fields_of(ServerSettings)) == set(BEYOND_SERVER)


@pytest.mark.parametrize("path", BEYOND)
def test_a_setting_beyond_its_bounds_is_refused_by_its_name(path: str, tmp_path: Path) -> None:
    file = tmp_path / "desk.toml"
    form, values = BEYOND[path]
    for value in values:
        file.write_text(form.format(value))
        with pytest.raises(SettingsError) as refused:
            read_settings(file)
        assert path.rpartition(".")[2] in str(refused.value), (value, str(refused.value))
        assert len(str(refused.value)) < 600


@pytest.mark.parametrize("path", BEYOND_SERVER)
def test_a_server_s_setting_beyond_its_bounds_is_refused_by_its_name(
    path: str, tmp_path: Path
) -> None:
    file = tmp_path / "server.toml"
    form, values = BEYOND_SERVER[path]
    for value in values:
        file.write_text(form.format(value))
        with pytest.raises(ConfigurationError) as refused:
            external_endpoint(str(file))
        assert path in str(refused.value), (value, str(refused.value))
        assert len(str(refused.value)) < 600


def test_settings_within_their_bounds_are_taken(tmp_path: Path) -> None:
    file = tmp_path / "desk.toml"
    symbol = ", ".join(f"{name} = {value}" for name, value in SYMBOL.items())
    file.write_text(
        f'{EMBEDDED}seed = "7"\ncash = {{ USDT = "1000.5" }}\nsymbols = [{{ {symbol} }}]\n'
    )
    assert read_settings(file).venues.sim is not None
    file.write_text(
        f'web_port = 0\nclock_seconds = 0.01\nnats_port = -1\nnats = "nats://h:4222"\n{ELSEWHERE}'
    )
    assert read_settings(file).clock_seconds == 0.01
    file.write_text('url = "tls://a:4222,nats://b"\nreplicas = 5\nca = ""\ncredentials = ""')
    assert external_endpoint(str(file)).replicas == 5
