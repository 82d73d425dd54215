#!/usr/bin/env python3
"""What profile-fills projects, held against the run that follows with the settings it recommends.

Usage: docs/benchmarks/projections.py [SEEDS [CONDITION ...]], 10 seeds of every condition unless given.
Needs: cargo build --release -p ingest -p goldsky-sim -p profile-fills.

For each condition and seed: two million simulated fills, an engine in a process of its own,
profile-fills with --max-requests as below, then ingest into an empty database as recommended. One line
each, and for each condition how many runs lay within their range. A limit is one that the user knows of
and sets: where a sample does not meet it, nothing tells that the run will.
"""
import http.client
import http.server
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

FILLS, MARKETS = 2_000_000, 9_500
BINARIES = pathlib.Path(__file__).resolve().parents[2] / "target/release"
# Requests in 10 s, milliseconds of latency, seconds that each insert waits, requests to measure by.
CONDITIONS = {
    "unlimited": (None, 0, 0, 2000),
    "50 in 10 s": (50, 205, 0, 300),
    "1000 in 10 s": (1000, 205, 0, 2000),
    "slow engine": (None, 0, 0.5, 2000),
}


class Slow(http.server.BaseHTTPRequestHandler):
    """Passes requests on to the engine, inserts after a delay."""

    protocol_version = "HTTP/1.1"
    delay = 0.0
    upstream = ""

    def do_POST(self):
        body = self.body()
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        if "INSERT INTO" in query.get("query", [""])[0] or body[:11] == b"INSERT INTO":
            time.sleep(self.delay)
        connection = http.client.HTTPConnection(self.upstream)
        dropped = ("host", "transfer-encoding", "content-length", "connection")
        headers = {name: value for name, value in self.headers.items() if name.lower() not in dropped}
        connection.request("POST", self.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST

    def body(self):
        length = self.headers.get("Content-Length")
        if length is not None:
            return self.rfile.read(int(length))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def log_message(self, *_):
        pass


def service(*command):
    process = subprocess.Popen(
        [str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    return process, json.loads(process.stdout.readline())


def services(work, fills, seed, latency, limit):
    """Starts a source of so many fills and an engine, and returns each with what it said of itself."""
    limited = ["--requests-per-10s", limit] if limit else []
    sim, source = service(
        BINARIES / "goldsky-sim", "--listen", "127.0.0.1:0", "--fills", fills, "--markets", MARKETS,
        "--seed", seed, "--latency-ms", latency, *limited,
    )
    server, engine = service(
        BINARIES / "ingest", "engine", "serve", "--listen", "127.0.0.1:0", "--output", "json",
        "--data-dir", work / "data",
    )
    return sim, source, server, engine


def told(name, *arguments, work):
    command = [str(part) for part in (BINARIES / name, "--output", "json", *arguments)]
    ended = subprocess.run(command, capture_output=True, cwd=work)
    if ended.returncode != 0:
        sys.exit(f"{name}: {ended.returncode}\n{ended.stderr.decode()}")
    return json.loads(ended.stdout)


def proxied(url, delay):
    """Returns a URL of the engine whose inserts take so much longer."""
    if not delay:
        return url
    handler = type("Handler", (Slow,), {"delay": delay, "upstream": urllib.parse.urlsplit(url).netloc})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


def one(condition, seed):
    limit, latency, delay, requests = CONDITIONS[condition]
    limited = ["--requests-per-10s", limit] if limit else []
    work = pathlib.Path(tempfile.mkdtemp())
    sim, source, server, engine = services(work, FILLS, seed, latency, limit)
    try:
        where = ["--endpoint", source["endpoint"], "--clickhouse-url", proxied(engine["url"], delay)]
        profile = told("profile-fills", *where, *limited, "--max-requests", requests, work=work)
        settings = profile["recommended"]
        flags = [
            "--workers", settings["workers"],
            "--insert-batch-size", settings["insert_batch_size"],
            "--pages-per-request", settings["pages_per_request"],
        ]
        if settings["requests_per_10s"]:
            flags += ["--requests-per-10s", settings["requests_per_10s"]]
        run = told("ingest", *where, *flags, work=work)
        return profile, run
    finally:
        for process in (sim, server):
            process.terminate()
            process.wait()
        shutil.rmtree(work)


def main():
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    print("condition | seed | bottleneck | workers, batch, pages, rate | projected s | actual s | off | within")
    for condition in sys.argv[2:] or CONDITIONS:
        within, widest = 0, 0.0
        for seed in range(1, seeds + 1):
            profile, run = one(condition, seed)
            projection, actual = profile["projection"], run["seconds"]
            low, likely, high = (projection[key] for key in ("seconds_low", "seconds", "seconds_high"))
            inside = low <= actual <= high
            within += inside
            widest = max(widest, 1 - low / likely, high / likely - 1)
            settings = ", ".join(str(value) for value in profile["recommended"].values())
            print(
                f"{condition} | {seed} | {profile['bottleneck']} | {settings} | {low} to {high} | "
                f"{actual:.1f} | {actual / likely - 1:+.1%} | {'yes' if inside else 'no'}",
                flush=True,
            )
        print(f"{condition}: {within} of {seeds} within, widest range {widest:.1%} to a side", flush=True)


if __name__ == "__main__":
    main()
