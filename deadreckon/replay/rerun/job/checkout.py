"""The code of another revision, from a folder or from git, without touching anyone's files."""

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

# The rerun process by its module, the newest first: the last is that of version 0.1.0.
MODULES = (MODULE, "deadreckon.stack.rerun.child")
NO_HOOKS = "/dev/null"  # no hook of the repository may run


class CheckoutError(UsageError):
    """You named code that cannot be asked; the message says why."""


class Checkout(Struct, frozen=True):
    """A folder with a deadreckon in it.

    `name` is what the user calls it, empty for this program; `revision` the git commit where that
    is known, `module` the one that runs as its rerun process.
    """

    root: Path
    name: str = ""
    revision: str = ""
    module: str = MODULE
    compiled: str = ""  # a folder of its own for compiled files: nothing is written beside the code

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment that runs this code, with this interpreter and its packages."""
        more = {"PYTHONPYCACHEPREFIX": self.compiled} if self.compiled else {}
        return dict(os.environ, PYTHONPATH=str(self.root), PYTHONSAFEPATH="1", **more)


OURS = Checkout(ROOT)


@asynccontextmanager
async def checked_out(code: Path | None, revision: str | None) -> AsyncIterator[Checkout]:
    """Provide the code to ask: this program's, that of a folder, or that of a git revision.

    A revision is of this program's repository and gets a worktree that is removed at the end.
    Raises CheckoutError.
    """
    if code is None and revision is None:
        yield OURS
        return
    with tempfile.TemporaryDirectory(prefix="deadreckon-") as folder:
        compiled = str(Path(folder) / "compiled")
        if code is not None:
            module = _checked(code.resolve(), str(code))
            yield Checkout(code.resolve(), str(code), module=module, compiled=compiled)
            return
        tree, wanted = Path(folder) / "tree", str(revision)
        found = await _revision(wanted)
        await _git("worktree", "add", "--quiet", "--detach", str(tree), found)
        try:
            yield Checkout(tree, wanted, found, _checked(tree, wanted), compiled)
        finally:
            await _git("worktree", "remove", "--force", str(tree))


async def own_revision() -> str:
    """Return the git commit of this program, with `+` where files were changed since.

    Empty where the program is not in a repository of its own.
    """
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


def _checked(root: Path, name: str) -> str:
    """Find the module of the rerun process in a checkout. Raises CheckoutError."""
    if not (root / "deadreckon" / "__main__.py").is_file():
        raise CheckoutError(
            f"{name} is no checkout of deadreckon: it has no deadreckon/__main__.py"
        )
    for module in MODULES:
        if (root / _path(module)).is_file():
            return module
    raise CheckoutError(
        f"{name} is from before `dr replay rerun`: it has no {_path(MODULE)}, and cannot be asked"
    )


def _path(module: str) -> Path:
    return Path(*module.split(".")).with_suffix(".py")
