#!/bin/sh
# Prints the path of a Python 3.13 that really runs, found on PATH, under pyenv or by uv, which fetches one if it can.
# Where there is none it says how to get one, in a line.

is_313() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 13))' >/dev/null 2>&1
}

# a pyenv shim may be on PATH and yet not run, hence the try
for candidate in python3.13 python3 python "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13*/bin/python3.13; do
    if is_313 "$candidate"; then
        command -v "$candidate"
        exit
    fi
done

if command -v uv >/dev/null 2>&1; then
    if ! uv python find --no-project --system 3.13 >/dev/null 2>&1; then
        echo "No Python 3.13 here: uv fetches one." >&2
        uv python install --quiet 3.13 >&2
    fi
    candidate=$(uv python find --no-project --system 3.13 2>/dev/null)
    if [ -n "$candidate" ] && is_313 "$candidate"; then
        echo "$candidate"
        exit
    fi
fi

echo "error: no Python 3.13 here; get it with your package manager, 'pyenv install 3.13' or 'uv python install 3.13'" >&2
exit 1
