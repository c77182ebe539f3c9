"""Two nodes of one installation: MongoDB and Redis between them, nginx in front as `docs/deploy.md` says."""

import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.mongo import store_settings
from tests.redis import RedisServer
from tests.serving import Frontdesk

DEPLOY = Path(__file__).resolve().parents[1] / "docs" / "deploy.md"
AROUND = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  {block}
}}
"""


def nginx_config(folder: Path, port: int, ports: list[int]) -> str:
    """The documented block, with our addresses in place of the example's and without its certificate."""
    block = re.search(r"```nginx\n(.*?)```", DEPLOY.read_text("utf-8"), re.DOTALL)
    assert block is not None
    config = block[1]
    for example, own in zip(("10.0.0.11:8800", "10.0.0.12:8800"), ports, strict=True):
        assert example in config
        config = config.replace(example, f"127.0.0.1:{own}")
    config = config.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
    config = re.sub(r"\n *(ssl_|server_name)[^\n]*", "", config)
    config = config.replace("proxy_http_version", "proxy_bind 127.0.0.9; proxy_http_version")
    return AROUND.format(folder=folder, block=config)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


@dataclass
class Cluster:
    """Two nodes, each on a port of its own, and the address that all of them are reached at."""

    url: str
    nodes: list[Frontdesk]
    ports: list[int]
    redis: RedisServer
    metrics: list[str]
    """Where each node's metrics are."""

    def direct(self, node: int) -> str:
        return f"http://127.0.0.1:{self.ports[node]}"


@contextmanager
def running_in(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster until the block ends."""
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        pytest.skip("no nginx on the PATH")
    with ExitStack() as cleaning:
        redis = RedisServer(tmp_path)
        cleaning.callback(redis.kill)
        redis.start()
        port, ports = free_port(), [free_port(), free_port()]
        url = f"http://127.0.0.1:{port}"
        environment = {
            **store_settings(tmp_path),
            "FRONTDESK_SIGNALS__REDIS_URL": redis.url,
            "FRONTDESK_WEB__BASE_URL": url,
            "FRONTDESK_WEB__HOSTS": f'["127.0.0.1:{ports[0]}", "127.0.0.1:{ports[1]}"]',
            "FRONTDESK_WEB__TRUSTED_PROXIES": '["127.0.0.9/32"]',
            "FRONTDESK_WEB__FRAMES_PER_SECOND": "100000",
            "FRONTDESK_WEB__FRAMES_BURST": "100000",
        }
        nodes = [Frontdesk(tmp_path / name / "data", dict(environment)) for name in ("one", "two")]
        nodes[0].init()
        shutil.copytree(nodes[0].data, nodes[1].data)
        nodes[1].demo = nodes[0].demo
        metrics = []
        for node, own in zip(nodes, ports, strict=True):
            cleaning.callback(node.stop)
            metrics.append(node.start(own)["metrics_url"])
        _serve_nginx(cleaning, tmp_path / "nginx", nginx, port, ports)
        for own in ports:
            wait_until_ready(own)
        yield Cluster(url, nodes, ports, redis, metrics)


def _serve_nginx(cleaning: ExitStack, folder: Path, nginx: str, port: int, ports: list[int]) -> None:
    folder.mkdir()
    config = folder / "nginx.conf"
    config.write_text(nginx_config(folder, port, ports))
    with (folder / "out.log").open("wb") as log:
        process = subprocess.Popen([nginx, "-c", str(config), "-p", str(folder)], stdout=log, stderr=log)
    cleaning.callback(process.wait, 30)
    cleaning.callback(process.terminate)
    _wait_for(port, folder)


def _wait_for(port: int, folder: Path) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise RuntimeError((folder / "out.log").read_text()) from None


def wait_until_ready(port: int) -> None:
    """Until its bots run: before that a node says that it is just starting up."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                return
        except urllib.error.HTTPError as not_yet:
            not_yet.close()  # it holds the connection
    raise TimeoutError
