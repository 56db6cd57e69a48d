"""Registries of our own, one HTTPS server for all of them, with packages of made-up ages; and their real clients."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import ssl
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from ironcurtain_tui.proxy.authority import CertificateAuthority
from tests.proxy.stage import server_context

NPM = "npm.example.org"
PYPI = "python.example.org"
FILES = "python-files.example.org"
"""Where the files of the Python packages are."""
CARGO = "crates.example.org"
CRATES = "crate-files.example.org"
DEBIAN = "debian.example.org"
HOSTS = (NPM, PYPI, FILES, CARGO, CRATES, DEBIAN)

HOUR = 3600.0
DAY = 24 * HOUR
AGES = {"1.0.0": 400 * DAY, "1.2.0": 30 * DAY, "1.3.0": 3 * HOUR}
"""Versions of every package, and how long ago each was published."""


def iso(age: float) -> str:
    """A time that was ``age`` seconds ago."""
    return datetime.fromtimestamp(time.time() - age, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def npm_tarball(name: str, version: str) -> bytes:
    manifest = json.dumps({"name": name, "version": version, "main": "index.js"})
    return _tar({"package/package.json": manifest, "package/index.js": f"module.exports = {version!r}\n"})


def crate(name: str, version: str) -> bytes:
    manifest = f'[package]\nname = "{name}"\nversion = "{version}"\nedition = "2021"\n'
    return _tar({f"{name}-{version}/Cargo.toml": manifest, f"{name}-{version}/src/lib.rs": "\n"})


def wheel(name: str, version: str) -> bytes:
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"version = {version!r}\n",
        f"{info}/METADATA": wheel_metadata(name, version),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},{_record(text)},{len(text)}\n" for path, text in files.items())
    files[f"{info}/RECORD"] = record + f"{info}/RECORD,,\n"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return buffer.getvalue()


def wheel_metadata(name: str, version: str) -> str:
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"


def _record(text: str) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def _tar(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, text in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()


@dataclass
class World:
    """The server. ``pages`` maps host and target to content type and body; tests may add to it."""

    port: int
    ca_pem: bytes
    pages: dict[tuple[str, str], tuple[str, bytes]] = field(default_factory=dict)
    redirects: dict[tuple[str, str], str] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    """By host, the Authorization without which nothing is told."""
    at_its_port: bool = False
    """Whether the registries are where the server really listens, and their files with them."""
    asked: list[tuple[str, str, str, dict[str, str]]] = field(default_factory=list)
    """Host, method, target and headers (lower case) of every request."""

    def place(self, host: str) -> str:
        """As it stands in URLs."""
        return f"{host}:{self.port}" if self.at_its_port else host

    def shown(self, host: str) -> set[str]:
        """Every Authorization that came to ``host``; empty text for none."""
        return {headers.get("authorization", "") for asked, _, _, headers in self.asked if asked == host}

    def targets(self, host: str) -> list[str]:
        """What was asked of ``host``."""
        return [target for asked, _, target, _ in self.asked if asked == host]

    def publish(self, name: str, ages: dict[str, float]) -> None:
        """A package of this name in every registry."""
        self.publish_npm(name, ages)
        self.publish_python(name, ages)
        self.publish_crate(name, ages)

    def publish_npm(self, name: str, ages: dict[str, float], **fields: object) -> None:
        versions, times = {}, {"created": iso(max(ages.values())), "modified": iso(min(ages.values()))}
        for version, age in ages.items():
            body = npm_tarball(name, version)
            target = f"/{name}/-/{name.rpartition('/')[2]}-{version}.tgz"
            self.pages[NPM, target] = "application/octet-stream", body
            integrity = "sha512-" + base64.b64encode(hashlib.sha512(body).digest()).decode()
            dist = {"tarball": f"https://{self.place(NPM)}{target}", "integrity": integrity}
            versions[version] = {"name": name, "version": version, "dist": dist, "readme": "long", **fields}
            times[version] = iso(age)
        newest = list(ages)[-1]
        document = {"name": name, "dist-tags": {"latest": newest}, "versions": versions, "time": times}
        self.pages[NPM, f"/{name.replace('/', '%2f')}"] = "application/json", json.dumps(document).encode()

    def publish_python(self, name: str, ages: dict[str, float], *, html: bool = False) -> None:
        files, releases = [], {}
        files_host = PYPI if self.at_its_port else FILES
        for version, age in ages.items():
            body, file = wheel(name, version), f"{name}-{version}-py3-none-any.whl"
            target = f"/packages/{hashlib.sha256(body).hexdigest()[:8]}/{file}"
            metadata = wheel_metadata(name, version).encode()
            self.pages[files_host, target] = "application/octet-stream", body
            self.pages[files_host, target + ".metadata"] = "application/octet-stream", metadata
            files.append(
                {
                    "filename": file,
                    "url": f"https://{self.place(files_host)}{target}",
                    "hashes": {"sha256": hashlib.sha256(body).hexdigest()},
                    "requires-python": ">=3.8",
                    "core-metadata": {"sha256": hashlib.sha256(metadata).hexdigest()},
                    "yanked": False,
                    "size": len(body),
                    "upload-time": iso(age),
                }
            )
            releases[version] = [
                {
                    "filename": file,
                    "url": f"https://{self.place(files_host)}{target}",
                    "upload_time_iso_8601": iso(age),
                    "yanked": False,
                }
            ]
        newest = list(ages)[-1]
        if html:
            links = "".join(f'<a href="{f["url"]}#sha256={f["hashes"]["sha256"]}">{f["filename"]}</a>' for f in files)
            page = "text/html", f"<!DOCTYPE html><html><body>{links}</body></html>".encode()
        else:
            document = {"meta": {"api-version": "1.1"}, "name": name, "versions": list(ages), "files": files}
            page = "application/vnd.pypi.simple.v1+json", json.dumps(document).encode()
        self.pages[PYPI, f"/simple/{name}/"] = page
        whole = {"info": {"name": name, "version": newest}, "releases": releases, "urls": releases[newest]}
        self.pages[PYPI, f"/pypi/{name}/json"] = "application/json", json.dumps(whole).encode()
        for version in ages:
            one = {"info": {"name": name, "version": version}, "urls": releases[version]}
            self.pages[PYPI, f"/pypi/{name}/{version}/json"] = "application/json", json.dumps(one).encode()

    def publish_crate(self, name: str, ages: dict[str, float]) -> None:
        lines = []
        crates_host = CARGO if self.at_its_port else CRATES
        config = {"dl": f"https://{self.place(crates_host)}", "auth-required": CARGO in self.passwords}
        for version, age in ages.items():
            body = crate(name, version)
            self.pages[crates_host, f"/{name}/{version}/download"] = "application/octet-stream", body
            checksum = hashlib.sha256(body).hexdigest()
            entry = {"name": name, "vers": version, "deps": [], "cksum": checksum, "features": {}, "yanked": False}
            lines.append(json.dumps({**entry, "pubtime": iso(age)[:19] + "Z"}))
        directories = (
            f"{name[:2]}/{name[2:4]}" if len(name) > 3 else f"{len(name)}" + (f"/{name[0]}" if len(name) == 3 else "")
        )
        self.pages[CARGO, f"/{directories}/{name}"] = "text/plain", "\n".join(lines).encode()
        self.pages[CARGO, "/config.json"] = "application/json", json.dumps(config).encode()


def _handler(world: World) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            host = self.headers["Host"].partition(":")[0]
            world.asked.append((host, self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
            if self.headers.get("Authorization") != world.passwords.get(host, self.headers.get("Authorization")):
                self._answer(401, "text/plain", b"who are you?")
            elif (host, self.path) in world.redirects:
                self._answer(302, "text/plain", b"", {"Location": world.redirects[host, self.path]})
            elif (host, self.path) in world.pages:
                self._found(*world.pages[host, self.path])
            else:
                self._answer(404, "text/plain", b"no such page")

        do_HEAD = do_GET  # noqa: N815 (the base class's own spelling)

        def _found(self, content_type: str, body: bytes) -> None:
            wanted = self.headers.get("Range")
            if wanted:
                first, _, last = wanted.removeprefix("bytes=").partition("-")
                start, end = int(first), int(last) if last else len(body) - 1
                extra = {"Content-Range": f"bytes {start}-{end}/{len(body)}"}
                self._answer(206, content_type, body[start : end + 1], extra)
            elif "gzip" in self.headers.get("Accept-Encoding", ""):
                self._answer(200, content_type, gzip.compress(body), {"Content-Encoding": "gzip", "ETag": '"whole"'})
            else:
                self._answer(200, content_type, body, {"ETag": '"whole"'})

        def _answer(self, status: int, content_type: str, body: bytes, extra: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {
                "Content-Type": content_type,
                "Content-Length": str(len(body)),
                **(extra or {}),
            }.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@contextmanager
def open_world(authority: CertificateAuthority, directory: Path) -> Iterator[World]:
    """The server on a free port of this machine, with a certificate for each of HOSTS."""
    contexts = {host: server_context(authority, host, directory) for host in HOSTS}
    context = contexts[NPM]

    def choose(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
        connection.context = contexts.get(name or "", context)

    context.sni_callback = choose  # type: ignore[assignment]
    world = World(0, authority.certificate_pem)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(world))
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    world.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield world
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
