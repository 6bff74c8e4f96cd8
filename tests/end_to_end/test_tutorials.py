"""The tutorials, followed literally: every block of commands in order, with what it should print.

In a block of output `...` stands for any text, within a line or for any lines.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PATIENCE, ROOT

TUTORIALS = ROOT / "docs" / "tutorials"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = "-- block"


def blocks(page: str) -> list[tuple[str, str]]:
    """The commands of a tutorial in order, each with the output that the page shows for it."""
    found: list[tuple[str, str]] = []
    for language, text in BLOCK.findall((TUTORIALS / page).read_text("utf-8")):
        if language == "sh":
            found.append((text, ""))
        elif language == "text":
            assert not found[-1][1], "two outputs for one block of commands"
            found[-1] = (found[-1][0], text)
        else:
            assert language == "console", f"a block of {language} is neither run nor compared"
    return found


def pattern(shown: str) -> re.Pattern[str]:
    """What the output shown on the page stands for, line by line."""
    lines = [".*".join(map(re.escape, line.split("..."))) for line in shown.splitlines()]
    lines = [r"(?:.*\n)*?" if line == ".*" else line + "\n" for line in lines]
    return re.compile("".join(lines), re.MULTILINE)


def checkout(folder: Path, page: str) -> Path:
    """What a reader has before the first command: the checkout, or a clone where it is changed."""
    if page == "contributor.md":
        left_out = shutil.ignore_patterns(".git", ".venv*", "*_cache", "__pycache__", "var")
        return shutil.copytree(ROOT, folder / "clone", ignore=left_out)
    for name in ("dr", "docs"):
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").symlink_to(Path(sys.prefix))
    return folder


@pytest.mark.parametrize("page", sorted(path.name for path in TUTORIALS.glob("*.md")))
def test_a_tutorial_followed_literally(page: str, tmp_path: Path) -> None:
    steps = blocks(page)
    assert steps
    script = ["set -e", "trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT"]
    for number, (commands, _) in enumerate(steps):
        # On a port of its own: other tests run stacks as well, and one of them has 8787.
        alone = commands.replace("./dr up ", "./dr up --web-port 0 ")
        script += [f"echo '{MARK} {number}'", alone]
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=checkout(tmp_path, page),
        env={**os.environ, "DR_VENV": sys.prefix, "COLUMNS": "120"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    lines = "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())
    printed = re.split(rf"^{MARK} \d+\n", lines, flags=re.MULTILINE)[1:]
    assert len(printed) == len(steps)
    for (commands, shown), text in zip(steps, printed, strict=True):
        assert pattern(shown).search(text), f"{commands}\nshows\n{shown}\nand printed\n{text}"
