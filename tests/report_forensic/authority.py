"""A stamping authority of RFC 3161 on this machine: openssl ts behind a small HTTP server."""

import http.server
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CONFIG = """\
[tsa]
default_tsa = one
[one]
dir = {folder}
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.3.6.1.4.1.1
digests = sha256, sha384, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
"""


def _openssl(*words: str, stdin: bytes = b"") -> bytes:
    done = subprocess.run(["openssl", *words], input=stdin, capture_output=True, check=True)
    return done.stdout


def founded(folder: Path, name: str) -> Path:
    """Make an authority's keys; return the certificate of its root."""
    folder.mkdir()
    root, key = str(folder / "ca.pem"), str(folder / "ca.key")
    _openssl(
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name} root"),
        *("-days", "2", "-keyout", key, "-out", root),
    )
    _openssl(
        *("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}"),
        *("-keyout", str(folder / "tsa.key"), "-out", str(folder / "tsa.csr")),
    )
    (folder / "ext").write_text("extendedKeyUsage = critical,timeStamping\n")
    _openssl(
        *("x509", "-req", "-in", str(folder / "tsa.csr"), "-CA", root, "-CAkey", key),
        *("-CAcreateserial", "-days", "2", "-extfile", str(folder / "ext")),
        *("-out", str(folder / "tsa.pem")),
    )
    (folder / "serial").write_text("01\n")
    (folder / "tsa.cnf").write_text(_CONFIG.format(folder=folder))
    return folder / "ca.pem"


def reply(folder: Path, query: bytes) -> bytes:
    """Stamp one query."""
    (folder / "query").write_bytes(query)
    words = ("-config", str(folder / "tsa.cnf"), "-queryfile", str(folder / "query"))
    return _openssl("ts", "-reply", *words)


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Answer queries; give the URL. Paths other than / misbehave as their names say."""

    class Answers(http.server.BaseHTTPRequestHandler):
        kept = b""

        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/down":
                self.send_error(503)
                return
            if self.path == "/old":  # what it once said, to whatever is asked
                Answers.kept = Answers.kept or reply(folder, query)
                answer = Answers.kept
            elif self.path == "/junk":
                answer = b"<html>no stamp</html>"
            elif self.path == "/refuses":
                answer = reply(folder, query[:20])
            else:
                answer = reply(folder, query)
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
