#!/usr/bin/env python3
"""What a run says of its end while it goes on, held against when it ended.

Usage: docs/benchmarks/told.py [SEEDS [CONDITION ...]], 1 seed of every condition unless given.
       RECORD=DIR docs/benchmarks/told.py ...   also writes what was read as DIR/CONDITION-SEED.csv
Needs: cargo build --release -p ingest -p goldsky-sim.

Source and engine are processes of their own, and the run's live page is open: its events hold every reading.
Nothing is set, so that a limit has to be learned. Printed for each run: how long it took; from which share of
it on everything that was told of the end lay within a tenth of the whole; of what was told from a tenth of the
way on, how much lay within; and what was told at each tenth, as a share of the whole.
"""
import csv
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.request

from projections import BINARIES, services

# Fills, requests in 10 s, milliseconds of latency.
CONDITIONS = {
    "50 in 10 s": (24_000_000, 50, 205),
    "1000 in 10 s": (40_000_000, 1000, 205),
    "unlimited": (40_000_000, None, 0),
}
# As the test of `monitor` reads them.
COLUMNS = (
    "seconds", "fills_done", "rows_in_hand", "fills_expected", "pages", "requests_in_flight",
    "requests_per_10s", "paused_seconds", "rate_limited",
)


def one(condition, seed):
    """Returns every status of a run but the last one, which is told after its end, and its seconds."""
    fills, limit, latency = CONDITIONS[condition]
    work = pathlib.Path(tempfile.mkdtemp())
    sim, source, server, engine = services(work, fills, seed, latency, limit)
    try:
        command = [BINARIES / "ingest", "--output", "json", "--endpoint", source["endpoint"]]
        command += ["--clickhouse-url", engine["url"], "--metrics-listen", "127.0.0.1:0"]
        run = subprocess.Popen(command, cwd=work, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        url = next(url for url in (json.loads(line).get("url") for line in run.stderr) if url)
        threading.Thread(target=lambda: [None for _ in run.stderr], daemon=True).start()
        with urllib.request.urlopen(f"{url}/events") as events:
            told = [json.loads(line[5:])["status"] for line in events if line.startswith(b"data:")]
        run.wait()
        return [status for status in told if status["state"] != "ended"], told[-1]["seconds"]
    finally:
        for process in (sim, server):
            process.terminate()
            process.wait()
        shutil.rmtree(work)


def off(told, end):
    """Returns how far on a run was, and by what share of the whole the end that it told was off."""
    for status in told:
        left = status["seconds_left"]
        way = status["seconds"] / end
        yield way, None if left is None else way + left / end - 1


def record(path, told, end):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for status in told:
            row = [status[column] for column in COLUMNS]
            writer.writerow("" if value is None else round(value, 2) for value in row)
        writer.writerow([round(end, 2)] + [""] * (len(COLUMNS) - 1))


def main():
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    tenths = " | ".join(f"{tenth} %" for tenth in range(10, 100, 10))
    print(f"condition | seed | seconds | within from | of those told | {tenths}")
    for condition in sys.argv[2:] or CONDITIONS:
        for seed in range(1, seeds + 1):
            told, end = one(condition, seed)
            if "RECORD" in os.environ:
                record(pathlib.Path(os.environ["RECORD"]) / f"{condition.replace(' ', '-')}-{seed}.csv", told, end)
            words = list(off(told, end))
            wrong = [way for way, by in words if by is None or abs(by) > 0.1]
            late = [by for way, by in words if way >= 0.1 and by is not None]
            within = f"{sum(abs(by) <= 0.1 for by in late) / len(late):.1%}" if late else "none"
            at = (min(words, key=lambda word: abs(word[0] - tenth / 10))[1] for tenth in range(1, 10))
            at = " | ".join("none" if by is None else f"{by:+.1%}" for by in at)
            print(
                f"{condition} | {seed} | {end:.1f} | {max(wrong, default=0):.1%} | {within} | {at}", flush=True
            )


if __name__ == "__main__":
    main()
