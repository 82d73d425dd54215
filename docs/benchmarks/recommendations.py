#!/usr/bin/env python3
"""How fast a run is with the settings that profile-fills recommends, against every combination.

Usage: docs/benchmarks/recommendations.py [SEED], the first one unless given.
Needs: cargo build --release -p ingest -p goldsky-sim -p profile-fills.

A million simulated fills without a limit, and behind 1000 requests in 10 s and 205 ms of latency. Each
combination of workers, pages and batch is run once, then the three fastest and the recommended one three
more times each, in turn. Printed: the fills a second of all, and the recommended median by the best one.
"""
import itertools
import pathlib
import shutil
import statistics
import sys
import tempfile

from projections import BINARIES, service, told

FILLS, MARKETS = 1_000_000, 4_750
WORKERS, PAGES, BATCHES = (4, 16, 64, 128), (1, 8, 32), (32_768, 131_072)
CONDITIONS = {"unlimited": (None, 0), "1000 in 10 s": (1000, 205)}
ROUNDS = 3


def run(source, limited, settings):
    """Returns the fills a second of a run into an empty database."""
    workers, pages, batch = settings
    work = pathlib.Path(tempfile.mkdtemp())
    flags = ["--workers", workers, "--pages-per-request", pages, "--insert-batch-size", batch]
    try:
        ran = told("ingest", "--endpoint", source["endpoint"], *limited, *flags, work=work)
        return ran["fills_total"] / ran["seconds"]
    finally:
        shutil.rmtree(work)


def one(condition, seed):
    limit, latency = CONDITIONS[condition]
    limited = ["--requests-per-10s", limit] if limit else []
    sim, source = service(
        BINARIES / "goldsky-sim", "--listen", "127.0.0.1:0", "--fills", FILLS, "--markets", MARKETS,
        "--seed", seed, "--latency-ms", latency, *limited,
    )
    work = pathlib.Path(tempfile.mkdtemp())
    try:
        profile = told("profile-fills", "--endpoint", source["endpoint"], *limited, work=work)
        names = ("workers", "pages_per_request", "insert_batch_size")
        recommended = tuple(profile["recommended"][name] for name in names)
        once = {}
        for settings in itertools.product(WORKERS, PAGES, BATCHES):
            once[settings] = run(source, limited, settings)
            print(f"{condition} | {settings} | {once[settings]:,.0f} fills/s", flush=True)
        fastest = sorted(once, key=once.get, reverse=True)[:3]
        candidates = dict.fromkeys([*fastest, recommended])
        rounds = {settings: [] for settings in candidates}
        for _ in range(ROUNDS):
            for settings in candidates:
                rounds[settings].append(run(source, limited, settings))
        medians = {settings: statistics.median(rates) for settings, rates in rounds.items()}
        best = max(medians.values())
        for settings, median in medians.items():
            mark = " (recommended)" if settings == recommended else ""
            print(f"{condition} | {settings}{mark} | {median:,.0f} fills/s | {median / best:.0%}", flush=True)
    finally:
        shutil.rmtree(work)
        sim.terminate()
        sim.wait()


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    for condition in CONDITIONS:
        one(condition, seed)


if __name__ == "__main__":
    main()
