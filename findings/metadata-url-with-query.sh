#!/usr/bin/env bash
# pip and uv request a wheel's metadata at different addresses if the wheel's URL has a query.
#
# Expected: PEP 658 puts the metadata at the URL of the file with ".metadata" added. If that URL ends in a query, the result is
# one address, and all clients request the same one.
# Seen: for /files/NAME.whl?v=1 pip requests /files/NAME.whl?v=1.metadata. An index that ignores queries responds with the
# wheel, and pip stops because of the digest. uv requests /files/NAME.whl.metadata?v=1. An index cannot serve both without
# parsing queries, so URLs of files must not have one.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check pip==26.3 uv==0.13.9
export HOME=$dir PIP_CONFIG_FILE=/dev/null PIP_NO_INPUT=1
"$dir/venv/bin/pip" --version | cut -d' ' -f1-2
"$dir/venv/bin/uv" --version

cat >"$dir/server.py" <<'PY'
import hashlib, http.server, io, json, sys, zipfile
METADATA = "Metadata-Version: 2.1\nName: acme-queried\nVersion: 1.0\n"
buffer = io.BytesIO()
with zipfile.ZipFile(buffer, "w") as z:
    z.writestr("acme_queried.py", "")
    z.writestr("acme_queried-1.0.dist-info/METADATA", METADATA)
    z.writestr("acme_queried-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: example\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    z.writestr("acme_queried-1.0.dist-info/RECORD", "acme_queried.py,,\nacme_queried-1.0.dist-info/METADATA,,\nacme_queried-1.0.dist-info/WHEEL,,\nacme_queried-1.0.dist-info/RECORD,,\n")
data = buffer.getvalue()
NAME = "acme_queried-1.0-py3-none-any.whl"
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.startswith("/files/"):
            print(self.path, flush=True)
        path = self.path.partition("?")[0] # as most servers of files read it
        if path == "/simple/acme-queried/":
            file = {"filename": NAME, "url": f"/files/{NAME}?v=1", "hashes": {"sha256": hashlib.sha256(data).hexdigest()},
                    "core-metadata": {"sha256": hashlib.sha256(METADATA.encode()).hexdigest()}}
            self.send("application/vnd.pypi.simple.v1+json", json.dumps({"meta": {"api-version": "1.1"}, "name": "acme-queried", "versions": ["1.0"], "files": [file]}).encode())
        elif path.endswith(".metadata"):
            self.send("application/octet-stream", METADATA.encode())
        else:
            self.send("application/octet-stream", data)
    def send(self, kind, body):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)
    do_HEAD = do_GET
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
open(sys.argv[1], "w").write(str(server.server_port))
server.serve_forever()
PY
python3 "$dir/server.py" "$dir/port" >"$dir/requests" & server=$!
trap 'kill $server; rm -rf "$dir"' EXIT
while [ ! -s "$dir/port" ]; do sleep 0.1; done

index=http://127.0.0.1:$(cat "$dir/port")/simple/
pip=0 uv=0
"$dir/venv/bin/pip" --isolated download -q --no-cache-dir --disable-pip-version-check --index-url "$index" -d "$dir/pip" acme-queried >"$dir/output" 2>&1 || pip=$?
tail -n 3 "$dir/output"
"$dir/venv/bin/uv" pip install -q --no-config --no-cache --index-url "$index" --target "$dir/uv" acme-queried || uv=$?
cat "$dir/requests"
echo "pip exits with $pip, uv with $uv"
[ "$pip" != 0 ] && [ "$uv" = 0 ] && grep -q '\.whl?v=1\.metadata$' "$dir/requests" && grep -q '\.whl\.metadata?v=1$' "$dir/requests"
