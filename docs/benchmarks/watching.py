#!/usr/bin/env python3
"""What watching costs: the same run unwatched, and watched by everybody at once.

Usage: docs/benchmarks/watching.py [ROUNDS [FILLS]], 9 rounds of four million simulated fills unless given.
Needs: cargo build --release -p ingest -p goldsky-sim.

Unwatched is a run without --metrics-listen. Watched is one whose live page is open (its events are read to
the end), that is scraped every second (Prometheus asks every fifteen) and whose progress is logged. Source
and engine are processes of their own. Runs take turns, and which of a pair comes first alternates. Printed:
each pair, then the medians of the fills a second, of the run's own processor time, and of the ratios within
pairs, of which the median is given, and between which of them it lies with a confidence of 95 %. At the end the
processor time of two runs that follow a source which stands still, for five minutes, and of their engines: there
nothing else takes time. With 0 ROUNDS that alone.
"""
import json
import math
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from projections import BINARIES, service

MINUTES = 5


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def follow(url, counts):
    """Reads the live page's events until the run has ended."""
    with urllib.request.urlopen(f"{url}/events") as events:
        for line in events:
            counts["events"] += line.startswith(b"data:")


def scrape(url, counts, ended):
    while not ended.wait(1.0):
        try:
            with urllib.request.urlopen(f"{url}/metrics") as metrics:
                counts["bytes"] += len(metrics.read())
        except OSError:
            return


def run(endpoint, watched):
    """Returns the fills a second, the run's processor seconds, and how much was seen."""
    work = pathlib.Path(tempfile.mkdtemp())
    server, engine = service(
        BINARIES / "ingest", "engine", "serve", "--listen", "127.0.0.1:0", "--output", "json",
        "--data-dir", work / "data",
    )
    command = [BINARIES / "ingest", "--output", "json", "--endpoint", endpoint, "--clickhouse-url", engine["url"]]
    command += ["--metrics-listen", "127.0.0.1:0"] if watched else []
    counts, ended, watchers = {"events": 0, "bytes": 0}, threading.Event(), []
    try:
        before = cpu_seconds()
        process = subprocess.Popen(command, cwd=work, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for line in process.stderr:
            url = json.loads(line).get("url")
            if url and watched and not watchers:
                watchers = [
                    threading.Thread(target=follow, args=(url, counts)),
                    threading.Thread(target=scrape, args=(url, counts, ended)),
                ]
                for watcher in watchers:
                    watcher.start()
        told = json.loads(process.stdout.read())
        process.wait()
        cpu = cpu_seconds() - before
        ended.set()
        for watcher in watchers:
            watcher.join()
        return told["fills_total"] / told["seconds"], cpu, counts
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(work)
        time.sleep(0.5)


def seconds_of(process):
    """Returns the processor time of a process that runs, that of threads which have ended included."""
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def following(endpoint, work):
    """Starts a run that follows, and returns it with its engine and its address once all is loaded."""
    server, engine = service(
        BINARIES / "ingest", "engine", "serve", "--listen", "127.0.0.1:0", "--output", "json",
        "--data-dir", work / "data",
    )
    command = [BINARIES / "ingest", "--output", "json", "--endpoint", endpoint, "--clickhouse-url", engine["url"]]
    command += ["--follow", "--metrics-listen", "127.0.0.1:0"]
    process = subprocess.Popen(command, cwd=work, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    url = next(url for url in (json.loads(line).get("url") for line in process.stderr) if url)
    threading.Thread(target=lambda: [None for _ in process.stderr], daemon=True).start()
    while json.loads(urllib.request.urlopen(f"{url}/status.json").read())["status"]["state"] != "following":
        time.sleep(0.5)
    return process, server, url


def idle(source, minutes):
    """Prints what runs and engines take in minutes of following, unwatched and watched."""
    work, counts, ended = pathlib.Path(tempfile.mkdtemp()), {"events": 0, "bytes": 0}, threading.Event()
    runs = []
    try:
        for name in ("unwatched", "watched"):
            (work / name).mkdir()
            runs.append(following(source["endpoint"], work / name))
        url = runs[1][2]
        threading.Thread(target=follow, args=(url, counts), daemon=True).start()
        threading.Thread(target=scrape, args=(url, counts, ended), daemon=True).start()
        # Until merges are over and whatever else follows a load.
        time.sleep(60)
        processes = [process for run in runs for process in run[:2]]
        before, events = [seconds_of(process) for process in processes], counts["events"]
        time.sleep(60 * minutes)
        took = [(seconds_of(process) - then) / minutes for process, then in zip(processes, before)]
        for name, (run, engine) in zip(("unwatched", "watched"), (took[:2], took[2:])):
            print(f"a minute of following, {name}: run {run:.3f} s, engine {engine:.3f} s of processor time")
        more = sum(took[2:]) - sum(took[:2])
        print(f"watched by {(counts['events'] - events) / minutes:.0f} events a minute: {more / 60:+.3%} of a processor")
    finally:
        ended.set()
        for process in [process for run in runs for process in run[:2]]:
            process.terminate()
            process.wait()
        shutil.rmtree(work)


def bounds(values):
    """Returns the values that the median lies between with a confidence of 95 %: a sign test turned round."""
    ordered, count, below, least = sorted(values), len(values), 0.0, 0
    while (below := below + math.comb(count, least) / 2**count) <= 0.025:
        least += 1
    return ordered[max(least, 1) - 1], ordered[-max(least, 1)]


def tell(pairs):
    """Prints the medians of the pairs' figures and ratios."""
    for index, name in enumerate(("fills/s", "processor seconds")):
        plain = statistics.median(pair[False][index] for pair in pairs)
        watched = statistics.median(pair[True][index] for pair in pairs)
        ratios = [pair[True][index] / pair[False][index] for pair in pairs]
        within, (low, high) = statistics.median(ratios) - 1, bounds(ratios)
        print(
            f"{name}: unwatched {plain:,.2f}, watched {watched:,.2f}, within pairs {within:+.2%} "
            f"({low - 1:+.2%} to {high - 1:+.2%})"
        )


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    fills = int(sys.argv[2]) if len(sys.argv) > 2 else 4_000_000
    sim, source = service(
        BINARIES / "goldsky-sim", "--listen", "127.0.0.1:0", "--fills", fills, "--markets", fills // 210,
    )
    pairs = []
    try:
        for number in range(rounds):
            order = (False, True) if number % 2 else (True, False)
            pair = {watched: run(source["endpoint"], watched) for watched in order}
            pairs.append(pair)
            (rate, cpu, _), (watched_rate, watched_cpu, seen) = pair[False], pair[True]
            print(
                f"{number + 1} | unwatched {rate:,.0f} fills/s, {cpu:.2f} s | watched {watched_rate:,.0f} fills/s, "
                f"{watched_cpu:.2f} s | {seen['events']} events, {seen['bytes']:,} bytes scraped",
                flush=True,
            )
        if pairs:
            tell(pairs)
        idle(source, MINUTES)
    finally:
        sim.terminate()
        sim.wait()


if __name__ == "__main__":
    main()
