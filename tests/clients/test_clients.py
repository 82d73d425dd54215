"""The embedded server as researchers reach it: Python clients with their default settings.

    python3 -m unittest discover tests/clients

needs what requirements.txt names, and INGEST, the path of the `ingest` binary, with `goldsky-sim`
beside it.
"""

import io
import json
import os
import re
import subprocess
import tempfile
import time
import unittest
import urllib.parse
import urllib.request

import clickhouse_connect
import clickhouse_driver
import duckdb
import ibis
import polars
import pyarrow.ipc

from commands import INGEST, goldsky_sim

FILLS = 20_000
COUNT = "SELECT count() FROM clob_fills_v2"
SELECT = """
    SELECT fill_id AS id, timestamp, side, proxy_wallet, price::Nullable(Decimal(38, 18)) AS price,
        usdc::Decimal(38, 6) AS usdc
    FROM clob_fills_v2 ORDER BY fill_id
"""


class Server:
    """`ingest engine serve` on the data of a demo."""

    def __init__(self, directory, **environment):
        self.process = subprocess.Popen(
            [INGEST, "engine", "serve", "--listen", "127.0.0.1:0", "--output", "json", "--demo"],
            cwd=directory,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        ready = json.loads(self.process.stdout.readline())
        self.url = ready["url"]
        self.port = urllib.parse.urlsplit(self.url).port
        self.native_port = int(ready["native"].rsplit(":", 1)[1])

    def stop(self):
        self.process.terminate()
        self.process.stdout.close()
        if self.process.wait(60) != 0:
            raise RuntimeError(f"engine serve ended with {self.process.returncode}")


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)
        demo = [INGEST, "--demo", "--demo-fills", str(FILLS), "--demo-markets", "50"]
        subprocess.run(demo, cwd=cls.directory.name, check=True, capture_output=True)
        cls.server = Server(cls.directory.name)
        cls.addClassCleanup(cls.server.stop)

    def read(self, query, output_format):
        url = f"{self.server.url}/?default_format={output_format}"
        with urllib.request.urlopen(url, query.encode()) as answer:
            return answer.read()

    def test_clickhouse_connect_with_default_settings(self):
        client = clickhouse_connect.get_client(host="127.0.0.1", port=self.server.port)
        self.assertEqual(client.query(COUNT).result_rows, [(FILLS,)])
        self.assertEqual(len(client.query_df("SELECT fill_id FROM clob_fills_v2 LIMIT 10")), 10)

    def test_a_session_keeps_its_temporary_table(self):
        client = clickhouse_connect.get_client(
            host="127.0.0.1", port=self.server.port, session_id="one"
        )
        client.command("CREATE TEMPORARY TABLE kept AS SELECT 7 AS n")
        self.assertEqual(client.query("SELECT n FROM kept").result_rows, [(7,)])

    def test_ibis(self):
        connection = ibis.clickhouse.connect(host="127.0.0.1", port=self.server.port)
        table = connection.table("clob_fills_v2")
        self.assertEqual(table.count().execute(), FILLS)
        self.assertEqual(set(table.side.topk(5).execute()["side"]), {"BUY", "SELL"})

    def test_native_protocol(self):
        client = clickhouse_driver.Client("127.0.0.1", port=self.server.native_port)
        self.assertEqual(client.execute(COUNT), [(FILLS,)])

    def test_parquet_in_duckdb_and_polars(self):
        parquet = self.read(SELECT, "Parquet")
        with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
            file.write(parquet)
            file.flush()
            rows = duckdb.sql(
                f"SELECT count(DISTINCT id), sum(usdc), typeof(any_value(usdc)) FROM '{file.name}'"
            ).fetchall()[0]
        frame = polars.read_parquet(io.BytesIO(parquet))
        self.assertEqual(rows[0], FILLS)
        self.assertEqual(rows[2], "DECIMAL(38,6)")
        self.assertEqual(frame.height, FILLS)
        self.assertEqual(frame["usdc"].sum(), rows[1])

    def test_arrow_in_pyarrow_and_polars(self):
        arrow = self.read(SELECT, "ArrowStream")
        table = pyarrow.ipc.open_stream(arrow).read_all()
        self.assertEqual(table.num_rows, FILLS)
        self.assertEqual(polars.from_arrow(table)["id"].n_unique(), FILLS)


class WhileLoading(unittest.TestCase):
    def test_the_address_that_ingest_prints_needs_no_credentials(self):
        # About 50 s of fills.
        fills = 200_000
        slowly = ["--requests-per-10s", "20", "--max-pages-per-request", "2"]
        with (
            tempfile.TemporaryDirectory() as directory,
            goldsky_sim("--fills", str(fills), *slowly) as endpoint,
            subprocess.Popen(
                [INGEST, "--endpoint", endpoint, "--output", "json"],
                cwd=directory,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            ) as ingest,
        ):
            try:
                printed = re.compile("query it while it runs: curl http://127.0.0.1:([0-9]+) ")
                port = int(next(filter(None, map(printed.search, ingest.stderr)))[1])
                client = clickhouse_connect.get_client(host="127.0.0.1", port=port)
                deadline = time.monotonic() + 30
                while not (count := client.query(COUNT).result_rows[0][0]):
                    self.assertLess(time.monotonic(), deadline, "no fills after 30 s")
                    time.sleep(0.1)
            finally:
                ingest.terminate()
                output, errors = ingest.communicate(timeout=60)
        self.assertEqual(ingest.returncode, 130, errors)
        summary = json.loads(output)
        self.assertTrue(summary["interrupted"])
        self.assertLessEqual(count, summary["fills_total"])
        self.assertLess(summary["fills_total"], fills)


class Password(unittest.TestCase):
    def test_clients_need_the_password_that_is_set(self):
        with tempfile.TemporaryDirectory() as directory:
            for user in ("default", "researcher"):
                server = Server(directory, CLICKHOUSE_USER=user, CLICKHOUSE_PASSWORD="r'ight")
                try:
                    self.check(server, user)
                finally:
                    server.stop()

    def check(self, server, user):
        address = {"host": "127.0.0.1", "port": server.port}
        client = clickhouse_connect.get_client(username=user, password="r'ight", **address)
        self.assertEqual(client.query("SELECT 1").result_rows, [(1,)])
        native = clickhouse_driver.Client(
            "127.0.0.1", port=server.native_port, user=user, password="r'ight"
        )
        self.assertEqual(native.execute("SELECT 1"), [(1,)])
        for wrong in ({}, {"username": user, "password": "wrong"}):
            with self.assertRaisesRegex(Exception, "Authentication failed"):
                clickhouse_connect.get_client(**address, **wrong).query("SELECT 1")


if __name__ == "__main__":
    unittest.main()
