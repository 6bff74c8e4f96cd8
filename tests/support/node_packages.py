"""The producer's example in Node with its packages, which are fetched once a session."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import PATIENCE, ROOT
from tests.support.recordings import recorded

EXAMPLES = ROOT / "docs" / "examples"
HAS_NODE = shutil.which("node") is not None and shutil.which("npm") is not None
# No audit, and no look for newer versions: both ask the registry, which may be slow.
FEW_REQUESTS = {
    "npm_config_audit": "false",
    "npm_config_fund": "false",
    "npm_config_prefer_offline": "true",
}


def example_with_packages(factory: pytest.TempPathFactory) -> Path:
    """The example's folder beside no lock file; to be read only."""

    def make(folder: Path) -> None:
        skipped = shutil.ignore_patterns("node_modules")
        shutil.copytree(EXAMPLES, folder / "examples", ignore=skipped)
        subprocess.run(
            ["npm", "install", "--no-package-lock"],
            cwd=folder / "examples",
            env=os.environ | FEW_REQUESTS,
            check=True,
            capture_output=True,
            timeout=PATIENCE,
        )

    return recorded(factory, "node-example", make)[0] / "examples"
