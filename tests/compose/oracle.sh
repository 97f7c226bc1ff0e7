#!/bin/sh
# Asks `docker compose config` what each case means, and writes it to its expected.json.
# The plugin is Debian's docker-compose package, unpacked to a cache folder and never installed; it needs no engine.
#
#   tests/compose/oracle.sh             all cases
#   tests/compose/oracle.sh CASE...     these
#   tests/compose/oracle.sh --to FOLDER to FOLDER/CASE.json instead
#   tests/compose/oracle.sh --plugin    only tells where the plugin is
#   COMPOSE=/path/to/docker-compose     another plugin
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/stackctl/compose-oracle
suite=trixie

# Two tests may want it at once: one fetches and the other waits, and what is unpacked gets its name when it is whole.
fetch() (
    mkdir -p "$cache/lists/partial" "$cache/archives/partial"
    exec 9>"$cache/lock"
    flock 9
    [ ! -x "$compose" ] || exit 0
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $suite main" \
        >"$cache/sources.list"
    set -- -o "Dir::Etc::SourceList=$cache/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o "Dir::State::Lists=$cache/lists" -o "Dir::Cache=$cache" -o APT::Sandbox::User=root
    cd "$cache"
    rm -rf unpacking unpacked
    (apt-get "$@" update && apt-get "$@" download docker-compose) >&2
    dpkg-deb -x docker-compose_*.deb unpacking
    mv unpacking unpacked
)

compose=${COMPOSE:-$cache/unpacked/usr/libexec/docker/cli-plugins/docker-compose}
[ -x "$compose" ] || fetch

to=
case ${1:-} in
--plugin)
    echo "$compose"
    exit
    ;;
--to)
    to=$2
    shift 2
    ;;
esac
[ $# -gt 0 ] || set -- "$here"/*/compose.yaml
for case in "$@"; do
    case=$(basename "${case%/compose.yaml}")
    folder=$here/$case
    said=$(mktemp)
    # Nothing of this machine's environment: the test gives the same home and no other variable.
    if ! (cd "$folder" && env -i HOME=/home/tester PATH="$PATH" "$compose" config --format json) >"$said"; then
        echo "oracle: $case is refused" >&2
        rm -f "$said"
        exit 1
    fi
    told=$folder/expected.json
    [ -z "$to" ] || told=$to/$case.json
    sed "s|$here/|/project/|g; s|\"$here\"|\"/project\"|g" "$said" >"$told"
    rm -f "$said"
done
