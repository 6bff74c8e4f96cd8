"""The code of another revision, where it lies or from git, without touching anybody's files."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

from deadreckon.contracts.errors import UsageError
from deadreckon.replay.rerun.job.protocol import MODULE
from deadreckon.runtime.process.source_tree import ROOT

ENTRY = Path(*MODULE.split(".")).with_suffix(".py")
NO_HOOKS = "/dev/null"  # no hook of the repository may run


class CheckoutError(UsageError):
    """You named code that cannot be asked; the message says why."""


class Checkout(Struct, frozen=True):
    """A folder with a deadreckon in it. `name` is what the user calls it, empty for this program;
    `revision` the git commit where that is known."""

    root: Path
    name: str = ""
    revision: str = ""
    compiled: str = ""  # a folder of its own for compiled files: nothing is written beside the code

    @property
    def environment(self) -> dict[str, str]:
        """The same interpreter and packages, and that code."""
        more = {"PYTHONPYCACHEPREFIX": self.compiled} if self.compiled else {}
        return dict(os.environ, PYTHONPATH=str(self.root), PYTHONSAFEPATH="1", **more)


OURS = Checkout(ROOT)


@asynccontextmanager
async def checked_out(code: Path | None, revision: str | None) -> AsyncIterator[Checkout]:
    """The code to ask: this program's, that of a folder, or that of a git revision of this
    program's repository, in a worktree that goes away. Raises CheckoutError."""
    if code is None and revision is None:
        yield OURS
        return
    with tempfile.TemporaryDirectory(prefix="deadreckon-") as folder:
        compiled = str(Path(folder) / "compiled")
        if code is not None:
            yield Checkout(_checked(code.resolve(), str(code)), str(code), compiled=compiled)
            return
        tree, wanted = Path(folder) / "tree", str(revision)
        found = await _revision(wanted)
        await _git("worktree", "add", "--quiet", "--detach", str(tree), found)
        try:
            yield Checkout(_checked(tree, wanted), wanted, found, compiled)
        finally:
            await _git("worktree", "remove", "--force", str(tree))


async def own_revision() -> str:
    """The git commit of this program, with `+` where files were changed since; empty where it
    does not lie in a repository of its own."""
    try:
        head = await _revision("HEAD")
        changed = await _git("status", "--porcelain", "--untracked-files=no", "--", "deadreckon")
    except CheckoutError:
        return ""
    return f"{head}+" if changed else head


async def _revision(wanted: str) -> str:
    if not (ROOT / ".git").exists():
        raise CheckoutError(f"--git needs a checkout with its history, and {ROOT} has none: --code")
    try:
        return await _git(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{wanted}^{{commit}}"
        )
    except CheckoutError:
        raise CheckoutError(f"git knows no revision {wanted!r} in {ROOT}") from None


async def _git(*words: str) -> str:
    try:
        process = await asyncio.create_subprocess_exec(
            *("git", "-C", str(ROOT), "-c", f"core.hooksPath={NO_HOOKS}", *words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except FileNotFoundError:
        raise CheckoutError("there is no git here: name a folder with --code") from None
    output, errors = await process.communicate()
    if process.returncode:
        raise CheckoutError(f"git {words[0]}: {errors.decode('utf-8', 'replace').strip()}")
    return output.decode().strip()


def _checked(root: Path, name: str) -> Path:
    if not (root / "deadreckon" / "__main__.py").is_file():
        raise CheckoutError(
            f"{name} is no checkout of deadreckon: it has no deadreckon/__main__.py"
        )
    if not (root / ENTRY).is_file():
        raise CheckoutError(
            f"{name} is from before `dr replay rerun`: it has no {ENTRY}, and cannot be asked"
        )
    return root
