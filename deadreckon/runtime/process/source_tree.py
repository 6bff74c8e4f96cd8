"""The folder that holds the `deadreckon` package: what a child process needs on its path."""

from pathlib import Path

import deadreckon

ROOT = Path(deadreckon.__file__).resolve().parent.parent
