"""Two ClickHouse servers and the ZooKeeper that they share, on free ports of this machine.

The servers are the pinned library of the embedded server, whose `query_stable` is the main function
of `clickhouse-local`. It listens like a server, and has users with grants, `KeeperMap` and
`Distributed`. It has no `ON CLUSTER`, no writable `ReplicatedMergeTree` and no `CREATE USER`.

ZOOKEEPER_JARS is the directory with ZooKeeper's jars, by default the one that `.ci/run` fills.
"""

import contextlib
import ctypes
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

JARS = pathlib.Path(os.environ.get("ZOOKEEPER_JARS", "target/zookeeper/usr/share/java")).absolute()
JAR_NAMES = "zookeeper zookeeper-jute metrics-core slf4j-api slf4j-simple snappy-java".split()
TIMEOUT_S = 60
PASSWORD = "r'ight"

# The query, and with it the server, ends when standard input is closed.
LISTEN = """
    SYSTEM START LISTEN HTTP; SYSTEM START LISTEN TCP;
    SELECT count() FROM file('-', 'LineAsString', 'line String') FORMAT Null
"""
# ClickHouse ends ZooKeeper's sessions of a former life, which it knows by the server's UUID and the
# name of the ZooKeeper. Both servers have the nil UUID, so that each uses another name.
CONFIG = """<clickhouse>
    <log-level>warning</log-level>
    <logger><console>0</console><log>{directory}/server.log</log></logger>
    <listen_host>127.0.0.1</listen_host>
    <http_port>{http}</http_port>
    <tcp_port>{native}</tcp_port>
    <users_config>{directory}/users.xml</users_config>
    <auxiliary_zookeepers>
        <{keeper}><node><host>127.0.0.1</host><port>{keeper_port}</port></node></{keeper}>
    </auxiliary_zookeepers>
    <keeper_map_path_prefix>/keeper_map</keeper_map_path_prefix>
    <macros><replica>{name}</replica></macros>
    <remote_servers><pair>{shards}</pair></remote_servers>
</clickhouse>"""
SHARD = "<shard><replica><host>127.0.0.1</host><port>{}</port></replica></shard>"
# `default` is the user of the server's own session, which has no password.
USER = """<{name}>
    <password>{password}</password><networks><ip>127.0.0.1</ip></networks>{rights}
    <profile>default</profile><quota>default</quota>
</{name}>"""
EVERYTHING = "<access_management>1</access_management>"
READ_THE_VIEW = "GRANT SELECT ON default.clob_fills_v2"
# What docs/VALIDATING.md says that a validation without repair needs.
VALIDATE = [
    READ_THE_VIEW,
    "GRANT SELECT ON default.clob_fills_v2_data",
    "GRANT SELECT ON default.clob_fills_v2_markets_data",
    "GRANT SELECT ON default.clob_fills_v2_dead_letters",
    "GRANT SELECT ON default.clob_fills_v2_quarantine",
    "GRANT dictGet ON default.clob_fills_v2_markets_dictionary",
    "GRANT CREATE TABLE, SELECT, INSERT, ALTER DELETE ON default.clob_fills_v2_orderbooks",
    "GRANT TABLE ENGINE ON MergeTree",
]


def grants(*queries):
    return f"<grants>{''.join(f'<query>{query}</query>' for query in queries)}</grants>"


USERS = "".join(
    USER.format(name=name, password=password, rights=rights)
    for name, password, rights in [
        ("default", "", EVERYTHING),
        ("owner", PASSWORD, EVERYTHING),
        ("reader", PASSWORD, grants(READ_THE_VIEW)),
        ("validator", PASSWORD, grants(*VALIDATE)),
        ("stranger", PASSWORD, grants("GRANT SELECT ON default.facts")),
    ]
)
USERS = f"""<clickhouse>
    <profiles><default/></profiles><quotas><default/></quotas><users>{USERS}</users>
</clickhouse>"""


class ClickHouseError(Exception):
    """What a server refused, with its code."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Server:
    """The HTTP interface of one server."""

    def __init__(self, name, http, native):
        self.name, self.http, self.native = name, http, native
        self.keeper = f"keeper_{name}"
        self.url = f"http://127.0.0.1:{http}"

    def query(self, sql, data="", **parameters):
        """Returns the rows of the answer, as texts. `data` are the rows of an insert, as TSV."""
        parameters = {"query": sql, "default_format": "TSV", **parameters}
        url = f"{self.url}/?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, data.encode(), timeout=TIMEOUT_S) as answer:
                return [line.split("\t") for line in answer.read().decode().splitlines()]
        except urllib.error.HTTPError as error:
            code = int(error.headers.get("X-ClickHouse-Exception-Code", 0))
            raise ClickHouseError(code, error.read().decode()) from None

    def is_ready(self):
        with urllib.request.urlopen(f"{self.url}/ping", timeout=1) as answer:
            return answer.read() == b"Ok.\n"


@contextlib.contextmanager
def pair(library):
    """Starts both servers and their ZooKeeper, and ends them."""
    with contextlib.ExitStack() as stack:
        top = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        keeper_port, *ports = free_ports(5)
        stack.enter_context(zookeeper(make_directory(top / "zookeeper"), keeper_port))
        servers = [Server("a", *ports[:2]), Server("b", *ports[2:])]
        shards = "".join(SHARD.format(server.native) for server in servers)
        for server in servers:
            directory = make_directory(top / server.name)
            config = {"directory": directory, "keeper_port": keeper_port, "shards": shards}
            (directory / "config.xml").write_text(CONFIG.format(**config, **vars(server)))
            (directory / "users.xml").write_text(USERS)
            options = ["--path", directory / "data", "--config-file", directory / "config.xml"]
            command = [sys.executable, __file__, library, *options, "--query", LISTEN]
            stack.enter_context(process(command, directory, server.is_ready))
        yield servers


def zookeeper(directory, port):
    config = directory / "zoo.cfg"
    config.write_text(
        f"tickTime=500\ndataDir={directory}\nclientPort={port}\nclientPortAddress=127.0.0.1\n"
        "admin.enableServer=false\n4lw.commands.whitelist=srvr\n"
    )
    jars = [JARS / f"{name}.jar" for name in JAR_NAMES]
    for jar in jars:
        if not jar.exists():
            raise FileNotFoundError(f"{jar}: ZOOKEEPER_JARS is not where ZooKeeper's jars are")
    main = "org.apache.zookeeper.server.ZooKeeperServerMain"
    command = ["java", "-Xmx128m", "-cp", ":".join(map(str, jars)), main, config]

    # `ruok` is answered even where the start has failed. `srvr` never is if it comes too early.
    def is_ready():
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"srvr")
            return b"Mode: standalone" in connection.makefile("rb").read()

    return process(command, directory, is_ready)


@contextlib.contextmanager
def process(command, directory, is_ready):
    """Runs a command, and returns when it is ready. It is killed: its data are temporary."""
    log = directory / "output.log"
    with open(log, "wb") as output:
        child = subprocess.Popen(
            command, cwd=directory, stdin=subprocess.PIPE, stdout=output, stderr=output
        )
    try:
        deadline = time.monotonic() + TIMEOUT_S
        while not succeeds(is_ready):
            if child.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} did not start: {log.read_text()[-4000:]}")
            time.sleep(0.05)
        yield
    finally:
        child.kill()
        child.wait()
        child.stdin.close()


def succeeds(is_ready):
    try:
        return is_ready()
    except OSError:
        return False


def make_directory(path):
    path.mkdir()
    return path


def free_ports(count):
    """Returns ports of 127.0.0.1 that nobody listens at."""
    with contextlib.ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        return [each.getsockname()[1] for each in sockets]


def become_server(library, *arguments):
    """Calls the main function of `clickhouse-local`, which ends with the process."""
    arguments = [b"clickhouse", *map(os.fsencode, arguments)]
    array = (ctypes.c_char_p * (len(arguments) + 1))(*arguments, None)
    ctypes.CDLL(library).query_stable(len(arguments), array)


if __name__ == "__main__":
    become_server(*sys.argv[1:])
