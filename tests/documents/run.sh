#!/usr/bin/env bash
# Validates schemas/asyncapi.json and schemas/openapi.json with the tools of
# these formats' own worlds; `make documents` installs Node.js where it is missing.
set -euo pipefail
cd "$(dirname "$0")/../.."

tools=build/documents
source=tests/documents

# The tools go into build/, by the versions that the lock file names, and
# without running scripts of theirs.
install_tools() {
    cmp -s "$source/package-lock.json" "$tools/installed.json" && return
    echo "documents: installing the validators into $tools (half a minute, once)"
    mkdir -p "$tools"
    cp "$source"/package.json "$source"/package-lock.json "$source"/.npmrc "$tools"
    if ! (cd "$tools" && npm ci --ignore-scripts) >"$tools/install.log" 2>&1; then
        tail -n 20 "$tools/install.log" >&2
        echo "documents: npm could not install the validators, see above; try again" >&2
        exit 1
    fi
    cp "$source/package-lock.json" "$tools/installed.json"
}

install_tools
cp "$source/validate.js" "$tools"
if ! node "$tools/validate.js" schemas/asyncapi.json schemas/openapi.json; then
    echo "documents: mend what is named above and run it again" >&2
    exit 1
fi
