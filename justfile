# Thin calls of ./dr: everything here can be typed without just.

# Lists the recipes.
[private]
default:
    @just --list

# All services on a synthetic tape, with the web page; Ctrl-C stops.
demo *args:
    ./dr demo {{ args }}

# Everything CI runs; with arguments, pytest alone.
test *args:
    ./dr test {{ args }}

# The fast tests.
quick *args:
    ./dr test --quick {{ args }}

# Tells the narrated sessions anew; review the diff.
retell:
    DR_RETELL=1 ./dr test -k session

# Ruff and mypy, as CI asks them.
lint:
    ./dr tool ruff check
    ./dr tool ruff format --check
    ./dr tool mypy

# Formats, and repairs what ruff can repair.
format:
    ./dr tool ruff format
    ./dr tool ruff check --fix

# Writes the generated documents.
docs:
    ./dr contracts generate

# Resolves the pins anew; `just pins --upgrade` takes the newest of all.
pins *args:
    #!/bin/sh
    set -eu
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    uv=$(command -v uv) || {
        python3 -m venv "$scratch"
        "$scratch/bin/python" -m pip install --quiet --disable-pip-version-check 'uv>=0.8'
        uv="$scratch/bin/uv"
    }
    # Universal: one file serves Linux and macOS from Python 3.11 on. No index is named in it.
    pin() {
        "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
            --no-emit-index-url --no-annotate --custom-compile-command 'just pins' "$@"
    }
    pin pyproject.toml --output-file requirements/runtime.txt {{ args }}
    pin pyproject.toml --group dev --constraints requirements/runtime.txt \
        --output-file requirements/dev.txt {{ args }}
