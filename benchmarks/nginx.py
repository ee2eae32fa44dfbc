"""nginx with one process: the upstream, and the reverse proxy that everything is compared with."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from benchmarks import samples
from benchmarks.samples import EXPORT, LIST

_CONFIG = """\
daemon off;
master_process off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log stderr error;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  {temporary}
  keepalive_requests 1000000000;
  keepalive_timeout 75;
  tcp_nodelay on;
  {body}
}}
"""

_UPSTREAM = """\
  sendfile on;
  open_file_cache max=16;
  server {{
    listen 127.0.0.1:{port};
    default_type application/json;
    location = {export} {{ alias {directory}/large.json; }}
    location {list} {{ rewrite ^ /small.json break; root {directory}; }}
  }}
"""

_PROXY = """\
  upstream api {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://api;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Authorization "Bearer {key}";
      proxy_buffers 8 32k;
      proxy_max_temp_file_size 0;
    }}
  }}
"""


def version() -> str | None:
    """Which nginx is installed, or None."""
    if shutil.which("nginx") is None:
        return None
    said = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=False).stderr
    return said.strip().rpartition("/")[2] or "?"


def upstream(directory: Path, port: int) -> list[str]:
    """The command of an upstream that answers `LIST`, whatever follows it, and `EXPORT` from files."""
    (directory / "small.json").write_bytes(samples.SMALL)
    (directory / "large.json").write_bytes(samples.LARGE)
    return _command(directory, "upstream", _UPSTREAM.format(port=port, directory=directory, list=LIST, export=EXPORT))


def proxy(directory: Path, port: int, upstream: int) -> list[str]:
    """The command of a reverse proxy."""
    return _command(directory, "proxy", _PROXY.format(port=port, upstream=upstream, key=samples.KEY))


def _command(directory: Path, name: str, body: str) -> list[str]:
    own = directory / name
    own.mkdir()
    config = own / "nginx.conf"
    config.write_text(_CONFIG.format(directory=own, temporary=_temporary(own), body=body))
    # Before it reads the configuration, nginx would log to a packaged place.
    return ["nginx", "-p", str(own), "-e", "stderr", "-c", str(config)]


def _temporary(directory: Path) -> str:
    """Own directories for every module that is built in and wants one: the packaged ones belong to root."""
    built = subprocess.run(["nginx", "-V"], capture_output=True, text=True, check=False).stderr
    left_out = set(re.findall(r"--without-http_(\w+)_module", built))
    kinds = ["client_body", *(kind for kind in ("proxy", "fastcgi", "uwsgi", "scgi") if kind not in left_out)]
    return " ".join(f"{kind}_temp_path {directory}/{kind};" for kind in kinds)
