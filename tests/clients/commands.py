"""The commands under test: `ingest`, which INGEST names, and those beside it."""

import contextlib
import json
import os
import subprocess

INGEST = os.path.abspath(os.environ.get("INGEST", "target/debug/ingest"))
GOLDSKY_SIM = os.path.join(os.path.dirname(INGEST), "goldsky-sim")
VALIDATE = os.path.join(os.path.dirname(INGEST), "validate")


@contextlib.contextmanager
def goldsky_sim(*options):
    """Runs a simulated source, and gives its endpoint."""
    process = subprocess.Popen([GOLDSKY_SIM, *options], stdout=subprocess.PIPE, text=True)
    try:
        yield json.loads(process.stdout.readline())["endpoint"]
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()
