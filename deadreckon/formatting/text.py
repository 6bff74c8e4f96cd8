"""Text from outside made safe to show: no control characters, bounded length, fixed columns."""

import re
import unicodedata

TEXT_MAX = 240  # characters shown of a text from outside

# Control characters, zero widths, bidirectional overrides, line separators, lone surrogates;
# spelled out, because character tables differ between versions of Python.
UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]"
)


def visible_text(text: str, mark: str = "·") -> str:
    """Replace characters that would move a cursor, break a line or reverse the text around them.

    >>> visible_text("fire\\x1b[2J drill"), visible_text("two\\nlines", " ")
    ('fire·[2J drill', 'two lines')
    """
    return UNSEEN.sub(mark, text)


def safe_text(text: str) -> str:
    """Make a text from outside printable on one line, at most TEXT_MAX characters."""
    shown = visible_text(text)
    return shown if len(shown) <= TEXT_MAX else shown[: TEXT_MAX - 1] + "…"


def cell_text(text: str) -> str:
    """Make a text from outside safe for a column: every character is one column wide."""
    return "".join(letter if _is_one_column(letter) else "·" for letter in visible_text(text))


def _is_one_column(letter: str) -> bool:
    return letter.isascii() or (
        letter.isprintable()
        and not unicodedata.combining(letter)
        and unicodedata.east_asian_width(letter) not in "WF"
    )


def join_parts(*parts: str) -> str:
    """Join parts with commas, omitting empty ones."""
    return ", ".join(part for part in parts if part)
