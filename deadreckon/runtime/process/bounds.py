"""Bounds of settings: numbers, texts and URLs that are refused by the name of the setting."""

from collections.abc import Collection
from urllib.parse import urlsplit

TEXT_MAX = 4_096  # characters; no path of a system is longer
SHOWN_MAX = 100  # characters of a text that an error repeats
FAULT_MAX = 400  # characters of the text of a fault


def check_number(name: str, value: float, least: float, most: float) -> None:
    """Raise ValueError unless a number is within its bounds, which NaN never is.

    >>> check_number("web_port", 70_000, 0, 65_535)
    Traceback (most recent call last):
    ValueError: web_port: expected 0 to 65535, found 70000
    """
    if not least <= value <= most:
        raise ValueError(f"{name}: expected {least:g} to {most:g}, found {value:g}")


def check_text(name: str, text: str, what: str) -> None:
    """Raise ValueError unless a text could be `what` it should be: not empty, printable, short."""
    if not text or len(text) > TEXT_MAX or not text.isprintable():
        raise ValueError(f"{name}: expected {what}, found {_shown(text)}")


def check_url(name: str, url: str, schemes: Collection[str]) -> None:
    """Raise ValueError unless a text is a URL of one of these schemes, with a host."""
    what = f"a URL ({', '.join(f'{scheme}://' for scheme in schemes)})"
    check_text(name, url, what)
    try:
        parts = urlsplit(url)
        sound = parts.scheme in schemes and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:  # of the port, or of an address in brackets
        sound = False
    if not sound:
        raise ValueError(f"{name}: expected {what}, found {_shown(url)}")


def shorten(fault: object) -> str:
    """Return the text of a fault; of a long one begin and end, where it is named.

    >>> len(shorten("x" * 10_000))
    400
    """
    text = str(fault)
    if len(text) <= FAULT_MAX:
        return text
    half = FAULT_MAX // 2
    return f"{text[: half - 5]} ... {text[-half:]}"


def _shown(text: str) -> str:
    return repr(text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}...")
