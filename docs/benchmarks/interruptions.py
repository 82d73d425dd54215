#!/usr/bin/env python3
"""How long a stop takes at full speed, and how soon a resumed run asks for its first page.

Usage: docs/benchmarks/interruptions.py [FILLS], 12,000,000 unless given.
Needs: cargo build --release -p ingest -p goldsky-sim.

1. A run is sent SIGTERM in the middle: the time until it has ended, and how many rows are in the
   table that its checkpoint does not promise, so that the next run fetches them again.
2. The next run is killed when ten of twelve fills are loaded. The run after that: the time from its
   start to its first request for pages, and to its end.
"""
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

FILLS = int(sys.argv[1]) if len(sys.argv) > 1 else 12_000_000
BINARIES = pathlib.Path(__file__).resolve().parents[2] / "target/release"
BATCH, WORKERS = 131_072, 128
# Lists that a survey asks for: the first and the last fill.
SURVEY = 2


def service(*command):
    process = subprocess.Popen(
        [str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    return process, json.loads(process.stdout.readline())


def get(url, body=None):
    return urllib.request.urlopen(url, body).read().decode()


def main():
    work = pathlib.Path(tempfile.mkdtemp())
    sim, source = service(
        BINARIES / "goldsky-sim", "--listen", "127.0.0.1:0", "--fills", FILLS, "--markets", 20_000
    )
    server, engine = service(
        BINARIES / "ingest", "engine", "serve", "--listen", "127.0.0.1:0", "--output", "json",
        "--data-dir", work / "data",
    )
    stats = source["endpoint"].split("/subgraphs")[0] + "/stats"

    def pages():
        return json.loads(get(stats))["pages"]

    def rows():
        try:
            return int(get(engine["url"], b"SELECT count() FROM clob_fills_v2"))
        except OSError:
            return 0

    def promised():
        # Three lines of text, then the progress as JSON.
        checkpoint = (work / "run/checkpoint-clob_fills_v2").read_bytes()
        return json.loads(checkpoint.split(b"\n", 3)[3])["fills"]

    def start():
        return subprocess.Popen(
            [
                str(BINARIES / "ingest"), "--output", "json", "--strategy", "scan",
                "--workers", str(WORKERS), "--insert-batch-size", str(BATCH),
                "--data-dir", str(work / "run"), "--endpoint", source["endpoint"],
                "--clickhouse-url", engine["url"],
            ],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )

    def wait_for(condition):
        while not condition():
            time.sleep(0.005)

    try:
        run = start()
        wait_for(lambda: rows() > FILLS // 4)
        run.send_signal(signal.SIGTERM)
        begin = time.monotonic()
        summary = json.loads(run.communicate()[0])
        print(f"SIGTERM with {summary['fills_inserted']} fills loaded: ended with {run.returncode} "
              f"after {time.monotonic() - begin:.2f} s, "
              f"{rows() - promised()} rows are looked up again by the next run")

        before = pages()
        begin = time.monotonic()
        run = start()
        wait_for(lambda: pages() > before + SURVEY)
        print(f"first request {time.monotonic() - begin:.2f} s after the start")
        wait_for(lambda: rows() > FILLS * 10 // 12)
        run.kill()
        run.wait()
        loaded = rows()

        before = pages()
        begin = time.monotonic()
        run = start()
        wait_for(lambda: pages() > before + SURVEY)
        first = time.monotonic() - begin
        summary = json.loads(run.communicate()[0])
        print(f"killed with {loaded} fills loaded: first request {first:.2f} s after the start, "
              f"{summary['fills_found']} found and not sent again, complete: "
              f"{summary['complete']} after {time.monotonic() - begin:.1f} s")
        total = get(engine["url"], b"SELECT count(), uniqExact(fill_id) FROM clob_fills_v2")
        print(f"rows, distinct: {total.strip()}, expected {source['fills']}")
    finally:
        for process in (run, sim, server):
            process.send_signal(signal.SIGTERM)
            process.wait()


main()
