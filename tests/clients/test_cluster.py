"""What the program relies on in a ClickHouse cluster, on two real servers and their ZooKeeper.

    python3 -m unittest discover tests/clients

needs Java, the jars that clickhouse_servers.py names, and INGEST, the path of the `ingest` binary,
with `validate` and `goldsky-sim` beside it.
"""

import concurrent.futures
import json
import os
import subprocess
import tempfile
import threading
import time
import unittest

import clickhouse_servers
from clickhouse_servers import PASSWORD, TIMEOUT_S, ClickHouseError
from commands import INGEST, VALIDATE, goldsky_sim

FILLS = 20_000
KEEPER_EXCEPTION, QUERY_WAS_CANCELLED, ACCESS_DENIED, AUTHENTICATION_FAILED = 999, 394, 497, 516
NO_RIGHT_TO_DATA = (
    "the ClickHouse user has no right to read the table of rows: "
    "GRANT SELECT ON `default`.`clob_fills_v2_data`"
)
SERVERS = []


def setUpModule():
    library = subprocess.check_output([INGEST, "engine", "path", "--output", "human"], text=True)
    pair = clickhouse_servers.pair(library.strip())
    SERVERS[:] = unittest.enterModuleContext(pair)


def on_both(sql, **parameters):
    return [server.query(sql, **parameters) for server in SERVERS]


class Cluster(unittest.TestCase):
    def assert_refused(self, code, server, *query, **parameters):
        with self.assertRaises(ClickHouseError) as refused:
            server.query(*query, **parameters)
        self.assertEqual(refused.exception.code, code, refused.exception)


class KeeperMap(Cluster):
    INSERT = "INSERT INTO facts SETTINGS keeper_map_strict_mode = 1 FORMAT TSV"

    @classmethod
    def setUpClass(cls):
        for server in SERVERS:
            server.query(
                "CREATE TABLE facts (key String, value String)"
                f" ENGINE = KeeperMap('{server.keeper}:/facts') PRIMARY KEY key"
            )

    def test_a_strict_insert_of_a_key_from_the_other_server_fails(self):
        a, b = SERVERS
        a.query(self.INSERT, "once\tof a\n")
        self.assert_refused(KEEPER_EXCEPTION, b, self.INSERT, "once\tof b\n")
        read = "SELECT value FROM facts WHERE key = 'once'"
        self.assertEqual(on_both(read), [[["of a"]]] * 2)

    def test_of_many_writers_one_wins_and_both_servers_read_its_value(self):
        writers, rounds = 8, 20
        together = threading.Barrier(writers, timeout=TIMEOUT_S)

        def write(writer):
            won = []
            for key in range(rounds):
                together.wait()
                try:
                    row = f"race {key}\twriter {writer}\n"
                    SERVERS[writer % 2].query(self.INSERT, row)
                    won.append([f"race {key}", f"writer {writer}"])
                except ClickHouseError as error:
                    self.assertEqual(error.code, KEEPER_EXCEPTION, error)
            return won

        with concurrent.futures.ThreadPoolExecutor(writers) as pool:
            won = sorted(sum(pool.map(write, range(writers)), []))
        self.assertEqual(len(won), rounds)
        read = "SELECT key, value FROM facts WHERE startsWith(key, 'race ') ORDER BY key"
        self.assertEqual(on_both(read), [won] * 2)

    def test_an_insert_with_a_key_that_exists_writes_none_of_its_keys(self):
        a, b = SERVERS
        a.query(self.INSERT, "two of three\tof a\n")
        rows = "one of three\tof b\ntwo of three\tof b\nthree of three\tof b\n"
        self.assert_refused(KEEPER_EXCEPTION, b, self.INSERT, rows)
        read = "SELECT key, value FROM facts WHERE endsWith(key, ' of three')"
        self.assertEqual(on_both(read), [[["two of three", "of a"]]] * 2)


class Distributed(Cluster):
    def test_rows_under_one_token_land_once_whichever_server_takes_them(self):
        on_both(
            "CREATE TABLE fills_local (n UInt64) ENGINE = MergeTree ORDER BY n"
            " SETTINGS non_replicated_deduplication_window = 100"
        )
        on_both(
            "CREATE TABLE fills AS fills_local"
            " ENGINE = Distributed(pair, currentDatabase(), fills_local, cityHash64(n))"
        )
        # What is left to the background stays there.
        on_both("SYSTEM STOP DISTRIBUTED SENDS fills")
        rows = [f"{n}\n" for n in range(FILLS)]
        token = {"distributed_foreground_insert": 1, "insert_deduplication_token": "one"}
        for server in SERVERS * 2:
            server.query("INSERT INTO fills FORMAT TSV", "".join(rows), **token)
            read = on_both("SELECT count(), uniqExact(n) FROM fills")
            self.assertEqual(read, [[[f"{FILLS}", f"{FILLS}"]]] * 2)
            # Of another order, they would be another block without the token.
            rows.reverse()
        parts = [int(rows) for [[rows]] in on_both("SELECT count() FROM fills_local")]
        self.assertEqual(sum(parts), FILLS)
        self.assertGreater(min(parts), FILLS / 3)

    def test_each_server_sees_the_queries_of_both(self):
        def sleep(server):
            query = "SELECT sleepEachRow(0.1) FROM numbers(10000) FORMAT Null"
            options = {"query_id": f"of {server.name}", "max_block_size": 1}
            self.assert_refused(QUERY_WAS_CANCELLED, server, query, **options)

        running = (
            "SELECT getMacro('replica'), query_id FROM clusterAllReplicas(pair, system.processes)"
            " WHERE startsWith(query_id, 'of ') ORDER BY ALL"
        )
        expected = [[["a", "of a"], ["b", "of b"]]] * 2
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            asleep = [pool.submit(sleep, server) for server in SERVERS]
            try:
                deadline = time.monotonic() + TIMEOUT_S
                while (seen := on_both(running)) != expected and time.monotonic() < deadline:
                    time.sleep(0.05)
            finally:
                on_both("KILL QUERY WHERE startsWith(query_id, 'of ') SYNC")
            self.assertEqual(seen, expected)
            for each in asleep:
                each.result()


class Users(Cluster):
    @classmethod
    def setUpClass(cls):
        cls.directory = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.endpoint = cls.enterClassContext(goldsky_sim("--fills", str(FILLS)))
        loaded = cls.run_as("owner", INGEST)
        if loaded.returncode != 0:
            raise RuntimeError(loaded.stderr)

    @classmethod
    def run_as(cls, user, *command, password=PASSWORD):
        server = SERVERS[0].url
        options = ["--endpoint", cls.endpoint, "--clickhouse-url", server]
        output = [] if "--output" in command else ["--output", "json"]
        return subprocess.run(
            [*command, *options, *output],
            cwd=cls.directory,
            env={**os.environ, "CLICKHOUSE_USER": user, "CLICKHOUSE_PASSWORD": password},
            capture_output=True,
            text=True,
        )

    @classmethod
    def validate_as(cls, user, *options):
        validated = cls.run_as(user, VALIDATE, *options)
        report = json.loads(validated.stdout) if validated.stdout else None
        return validated, report

    def assert_denied(self, command, missing, code=2):
        error = json.loads(command.stderr.splitlines()[-1])
        self.assertEqual(command.returncode, code, error)
        self.assertEqual(error["exit_code"], code)
        self.assertIn(f"Code: {ACCESS_DENIED}.", error["error"])
        self.assertIn(missing, error["error"])

    def assert_not_run(self, report, level, why):
        """All checks of a level were not run, each for this reason."""
        checks = [check for check in report["checks"] if check["level"] == level]
        self.assertEqual({check["verdict"] for check in checks}, {"not run"}, checks)
        for check in checks:
            self.assertIn(why, check["why"])

    def test_a_reader_needs_no_right_but_to_select_from_the_view(self):
        server, reader = SERVERS[0], {"user": "reader", "password": PASSWORD}
        grants = server.query("SHOW GRANTS", **reader)
        self.assertEqual(grants, [["GRANT SELECT ON default.clob_fills_v2 TO reader"]])
        read = "SELECT count(), countIf(condition_id != ''), sum(usdc) > 0 FROM clob_fills_v2"
        self.assertEqual(server.query(read, **reader), [[f"{FILLS}", f"{FILLS}", "1"]])
        for name in ("clob_fills_v2_data", "markets"):
            self.assert_refused(ACCESS_DENIED, server, f"SELECT count() FROM {name}", **reader)

    def test_a_reader_validates_what_the_view_shows(self):
        levels = ["--level", "counts", "--level", "quality"]
        validated, report = self.validate_as("reader", *levels)
        self.assertEqual(validated.returncode, 0, validated.stderr)
        fills = [check["figures"] for check in report["checks"] if check["name"] == "fills"]
        self.assertEqual([each["fills"] for each in fills], [FILLS])
        why = [check["why"] for check in report["checks"] if check["verdict"] == "not run"]
        self.assertEqual(why, [NO_RIGHT_TO_DATA] * 2)

    def test_a_reader_sees_what_was_validated_and_what_was_not(self):
        validated, report = self.validate_as("reader")
        # The source's counters are written into a table.
        self.assert_denied(validated, "CREATE TABLE", code=1)
        hint = json.loads(validated.stderr.splitlines()[-1])["mend"]
        self.assertIn("grant", hint)
        self.assertEqual(report["verdict"], "incomplete")
        self.assertEqual(report["incomplete_levels"], ["source"])
        self.assertTrue(report["summary"].startswith("incomplete: "), report["summary"])
        ok = [check for check in report["checks"] if check["verdict"] == "ok"]
        names = {(check["level"], check["name"]) for check in ok}
        self.assertLessEqual({("counts", "duplicates"), ("quality", "wallets")}, names)
        whys = [check["why"] for check in report["checks"] if check["level"] == "source"]
        self.assertEqual(len(whys), 2)
        self.assertEqual(whys[0], NO_RIGHT_TO_DATA)
        self.assertIn("CREATE TABLE", whys[1])

    def test_a_level_that_a_reader_cannot_run_is_not_ok(self):
        for level, options in [
            ("wallet", ["--level", "wallet", "--sample", "2"]),
            ("spot", ["--level", "spot", "--spot", "3"]),
        ]:
            for more in ([], ["--repair", "--dry-run"]):
                with self.subTest(level=level, more=more):
                    validated, report = self.validate_as("reader", *options, *more)
                    self.assertEqual(validated.returncode, 1, validated.stdout)
                    self.assertEqual(report["verdict"], "incomplete")
                    self.assertEqual(report["incomplete_levels"], [level])
                    self.assert_not_run(report, level, NO_RIGHT_TO_DATA)
        people = self.run_as("reader", VALIDATE, *options, "--output", "human")
        self.assertEqual(people.returncode, 1, people.stderr)
        self.assertTrue(people.stdout.startswith("incomplete: "), people.stdout)

    def test_the_documented_rights_are_enough_to_validate(self):
        validated, report = self.validate_as("validator", "--spot", "3")
        self.assertEqual(validated.returncode, 0, validated.stdout + validated.stderr)
        self.assertEqual({check["verdict"] for check in report["checks"]}, {"ok"})

    def test_a_user_who_may_not_see_the_view_is_told_the_right(self):
        validated, report = self.validate_as("stranger")
        self.assertIsNone(report)
        self.assert_denied(validated, "SELECT for at least one column on default.clob_fills_v2.")
        hint = json.loads(validated.stderr.splitlines()[-1])["mend"]
        self.assertIn("grant", hint)

    def test_a_reader_is_told_what_else_status_reads(self):
        status = self.run_as("reader", INGEST, "status")
        self.assert_denied(status, "SELECT for at least one column on default.clob_fills_v2_data")

    def test_a_wrong_password_is_refused(self):
        server = SERVERS[0]
        who = "SELECT currentUser()"
        self.assertEqual(server.query(who, user="owner", password=PASSWORD), [["owner"]])
        for password in ("", "wrong"):
            login = {"user": "owner", "password": password}
            self.assert_refused(AUTHENTICATION_FAILED, server, who, **login)
        refused = self.run_as("owner", INGEST, password="wr0ng")
        self.assertEqual(refused.returncode, 2, refused.stderr)
        self.assertIn(f"Code: {AUTHENTICATION_FAILED}.", refused.stderr)
        self.assertNotIn("wr0ng", refused.stdout + refused.stderr)


if __name__ == "__main__":
    unittest.main()
