"""Pages of --help: whole words and commands at any width, and examples that can be pasted."""

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cyclopts.help import HelpEntry, HelpPanel
    from rich.console import Console, ConsoleOptions

WORD = re.compile(r"""(?:`[^`]*`|"[^"]*"|'[^'\s][^']*'|\S)+""")  # code and quotes are one word
ARGUMENT = re.compile(rf"(?:--?\w[\w-]*\s+(?!-))?{WORD.pattern}")  # an option and its value are one
EXAMPLE = "Example: "
INDENT = "  "


def wrapped(
    words: list[str], width: int, indent: str = "", more: str = "", end: str = ""
) -> list[str]:
    """Fill lines with words; all but the first begin with `more`, all but the last end with `end`.

    >>> wrapped(WORD.findall("`dr flatten` closes positions"), 14)
    ['`dr flatten`', 'closes', 'positions']
    """
    lines: list[str] = []
    line = indent
    for word in words:
        joined = f"{line} {word}" if line.strip() else line + word
        if len(joined) + len(end) > width and line.strip():
            lines.append(line + end)
            joined = more + word
        line = joined
    return [*lines, line]


def page_lines(text: str, width: int) -> list[str]:
    """Lay out a description: paragraphs joined and wrapped, each example as a command of its own.

    A command that takes several lines has a backslash at the end of each, for the shell.
    """
    lines: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        words, *commands = re.split(f"(?:^|\\s){EXAMPLE}", " ".join(paragraph.split()))
        if words:
            lines += [*wrapped(WORD.findall(words), width), ""]
        for command in commands:
            example = wrapped(ARGUMENT.findall(command), width, INDENT, 2 * INDENT, " \\")
            lines += [EXAMPLE.strip(), *example, ""]
    return lines


class HelpPages:
    """Formatter of help pages, in the form that cyclopts asks for."""

    def __call__(self, console: "Console", options: "ConsoleOptions", panel: "HelpPanel") -> None:
        """Print a panel of commands or options."""
        from cyclopts.help import DefaultFormatter

        entries = [_entry(entry) for entry in panel.entries]
        DefaultFormatter()(console, options, panel.copy(entries=entries))

    def render_usage(self, console: "Console", options: "ConsoleOptions", usage: Any) -> None:
        """Print the line of usage."""
        from rich.text import Text

        words = ["Usage:", *str(usage).split()]
        lines = wrapped(words, console.width, "", 2 * INDENT)
        console.print(Text("\n".join([*lines, ""]), "bold"), soft_wrap=True)

    def render_description(self, console: "Console", options: "ConsoleOptions", text: Any) -> None:
        """Print what a verb does, and its examples."""
        plain = getattr(getattr(text, "primary_renderable", None), "plain", "")
        for line in page_lines(plain, console.width):
            console.print(line, markup=False, highlight=False, soft_wrap=True)


def _entry(entry: "HelpEntry") -> "HelpEntry":
    """Join the lines of a description; a switch that is off needs neither its default nor its
    negative."""
    text = getattr(entry.description, "primary_renderable", None)
    if text is not None:
        text.plain = " ".join(text.plain.split())
    if entry.default == "False":
        return entry.copy(default=None, negative_names=(), negative_shorts=())
    return entry
