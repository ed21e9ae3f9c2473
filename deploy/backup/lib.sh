# shellcheck shell=sh
# What backup and restore share: words for people, the connection, and how far a program has come.

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "$(basename "$0"): $*"
    exit 1
}

require() {
    for program in "$@"; do
        command -v "$program" >/dev/null || fail "there is no $program on PATH"
    done
}

# The text of a file named by a variable, as containers mount secrets.
secret() {
    [ -r "$2" ] || fail "$1: $2 cannot be read"
    cat "$2"
}

# %41 is A, as in every URL.
decode() {
    printf '%s' "$1" | LC_ALL=C awk '{
        while (match($0, /%[0-9A-Fa-f][0-9A-Fa-f]/)) {
            high = index("0123456789abcdef", tolower(substr($0, RSTART + 1, 1))) - 1
            low = index("0123456789abcdef", tolower(substr($0, RSTART + 2, 1))) - 1
            printf "%s%c", substr($0, 1, RSTART - 1), high * 16 + low
            $0 = substr($0, RSTART + 3)
        }
        printf "%s", $0
    }'
}

# DATABASE_URL becomes libpq's own variables: an argument would be everybody's to read.
use_url() {
    case $1 in
    postgresql://*@*/?* | postgres://*@*/?*) ;;
    *) fail "DATABASE_URL must be postgresql://user:password@host:port/database" ;;
    esac
    rest=${1#*://}
    parameters=
    case $rest in *\?*) parameters=${rest#*\?} rest=${rest%%\?*} ;; esac
    who=${rest%@*} where=${rest##*@}
    PGDATABASE=$(decode "${where#*/}") where=${where%%/*}
    PGUSER=$(decode "${who%%:*}")
    case $who in *:*) PGPASSWORD=$(decode "${who#*:}") && export PGPASSWORD ;; esac
    PGPORT=5432
    case $where in
    \[*\]:*) PGPORT=${where##*:} where=${where%:*} ;;
    \[*\]) ;;
    *:*) PGPORT=${where##*:} where=${where%:*} ;;
    esac
    where=${where#\[} PGHOST=${where%\]}
    export PGHOST PGPORT PGUSER PGDATABASE
    while [ -n "$parameters" ]; do
        one=${parameters%%&*}
        case $parameters in *\&*) parameters=${parameters#*&} ;; *) parameters= ;; esac
        case $one in
        sslmode=*) PGSSLMODE=$(decode "${one#*=}") && export PGSSLMODE ;;
        sslrootcert=*) PGSSLROOTCERT=$(decode "${one#*=}") && export PGSSLROOTCERT ;;
        *) fail "DATABASE_URL: only sslmode and sslrootcert may follow its ?" ;;
        esac
    done
}

# The database: DATABASE_URL or DATABASE_URL_FILE, else libpq's variables (PGHOST, PGDATABASE, PGPASSFILE, …).
connect() {
    [ -z "${DATABASE_URL_FILE:-}" ] || DATABASE_URL=$(secret DATABASE_URL_FILE "$DATABASE_URL_FILE")
    [ -z "${DATABASE_URL:-}" ] || use_url "$DATABASE_URL"
    unset DATABASE_URL
    if [ -n "${PGPASSWORD_FILE:-}" ]; then
        PGPASSWORD=$(secret PGPASSWORD_FILE "$PGPASSWORD_FILE")
        export PGPASSWORD
    fi
    [ -n "${PGDATABASE:-}" ] || fail "set DATABASE_URL, DATABASE_URL_FILE, or PGHOST, PGUSER and PGDATABASE"
    export PGCONNECT_TIMEOUT="${PGCONNECT_TIMEOUT:-10}"
    # What a row reads as must not depend on who asks.
    export PGTZ=UTC PGDATESTYLE=ISO PGOPTIONS="-c extra_float_digits=1 -c bytea_output=hex ${PGOPTIONS:-}"
    server=$(query "SHOW server_version_num") || exit 1
    server=$((server / 10000))
}

# Runs SQL and prints its rows. By way of stdin, where psql puts its variables into the text (`:'name'`).
query() {
    text=$1
    shift
    printf '%s\n' "$text" | psql -X -A -t -q -v ON_ERROR_STOP=1 "$@" -f -
}

# Version of a program of PostgreSQL's, which must not be older than the server it serves.
version() { "$1" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/'; }

# Show each table a program begins with, and keep all it says for when it fails. Reads a pipe made here.
watch_tables() {
    mkfifo "$1/progress"
    awk -v log_file="$1/said" '{
        print > log_file
        fflush(log_file)
        if (match($0, /(contents of|data for) table ".*"/)) {
            sub(/.* table /, "  ")
            print > "/dev/stderr"
        }
    }' <"$1/progress" &
    # shellcheck disable=SC2034 # backup and restore wait for it
    watcher=$!
}

# The lines in which a program told why it failed.
reasons() { grep -E 'error|ERROR|FATAL|DETAIL|detail|HINT|hint' "$1/said" | tail -n 5 >&2 || true; }

free_bytes() { df -Pk "$1" | awk 'NR == 2 { printf "%d", $4 * 1024 }'; }

megabytes() { echo "$((($1 + 1048575) / 1048576)) MB"; }
