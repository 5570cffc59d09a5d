#!/bin/sh
# Prints the path of a Chromium or Chrome that really runs: what $CHROMIUM names, on PATH, or among macOS's applications.
# Where there is none it says how to get one; it installs nothing.

find_one() {
    applications=${APPLICATIONS:-/Applications}
    for candidate in "${CHROMIUM:-chromium}" chromium-browser google-chrome google-chrome-stable chrome \
        "$applications/Google Chrome.app/Contents/MacOS/Google Chrome" "$applications/Chromium.app/Contents/MacOS/Chromium"; do
        # Ubuntu's chromium-browser may be a script that only says that it is a snap, hence the try
        if command -v "$candidate" >/dev/null 2>&1 && "$candidate" --version >/dev/null 2>&1; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

find_one && exit

echo "error: no Chromium or Chrome here, which the console's tests drive; get one with your package manager, say" \
    "'sudo apt-get install chromium' or 'brew install --cask chromium', or name one with CHROMIUM=/path" >&2
exit 1
