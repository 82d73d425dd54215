#!/usr/bin/env bash
# One run of the backfill between a simulated source and an engine, each in a process of its own.
# Usage: docs/benchmarks/one-run.sh FILLS MARKETS scan|markets [further flags of ingest]
# Needs: cargo build --release -p ingest -p goldsky-sim, GNU time and python3.
set -euo pipefail
fills=$1 markets=$2 strategy=$3
shift 3
bin=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../target/release" && pwd)
work=$(mktemp -d)
cd "$work"
started=()
trap 'kill -TERM "${started[@]}" 2>/dev/null; wait; rm -rf "$work"' EXIT

# Starts a service and waits for the line that says it is ready.
serve() {
  local name=$1
  shift
  "$@" >"$name.json" 2>"$name.log" &
  started+=($!)
  until [[ -s $name.json ]]; do sleep 0.1; done
}
field() { python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$@"; }

serve source "$bin/goldsky-sim" --listen 127.0.0.1:0 --fills "$fills" --markets "$markets"
serve engine "$bin/ingest" engine serve --listen 127.0.0.1:0 --output json --data-dir "$work/data"
/usr/bin/time -f 'client: %U s user, %S s system, %M kB at most' \
  "$bin/ingest" --output json --strategy "$strategy" --data-dir "$work/run" \
  --endpoint "$(field source.json endpoint)" --clickhouse-url "$(field engine.json url)" \
  "$@" >run.json 2>run.log
python3 - <<'PYTHON'
import json
run = json.load(open("run.json"))
for key in ("strategy", "complete", "fills_total", "requests", "pages", "seconds",
            "fills_per_second", "bytes_received", "bytes_on_disk"):
    print(f"{key:18} {run[key]}")
PYTHON
tail -n 1 run.log
