#!/bin/sh
# Makes the virtual environment $1, unless there is a usable one, with $PYTHON, else with the first Python of 3.11 or newer.
set -eu

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

if new_enough "$1/bin/python" && "$1/bin/python" -m pip --version >/dev/null 2>&1; then
    exit 0
fi
found=
for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if new_enough "$name"; then
        found=$name
        break
    fi
done
if [ -z "$found" ]; then
    asked=${PYTHON:-python3}
    version=$("$asked" --version 2>/dev/null) || true
    echo "Curfew needs Python 3.11 or newer, and $asked is ${version:-not there}." >&2
    echo "Install one (Debian 12, Ubuntu 24.04 and newer: apt-get install python3 python3-venv)," >&2
    echo "or name one: make setup PYTHON=/path/to/python3.12" >&2
    exit 1
fi
if ! "$found" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "$found comes without venv." >&2
    echo "Install it (Debian and Ubuntu: apt-get install python3-venv), then try again." >&2
    exit 1
fi
echo "Making $1 with $("$found" --version) ..."
# Made anew: a half-made one, or one of a Python that is gone, helps nobody.
"$found" -m venv --clear "$1"
