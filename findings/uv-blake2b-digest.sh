#!/usr/bin/env bash
# uv cannot read a page of the simple API that lists a blake2b digest beside the sha256.
#
# Expected: the keys of "hashes" are names of Python's hashlib (PEP 691), and blake2b is one of them. A client uses a digest
# that it knows and ignores the others, as uv does with sha3_256.
# Seen: with sha256 and blake2b, uv rejects the whole page, so it finds no version. pip installs from the same page.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check pip==26.3 uv==0.13.9
export HOME=$dir PIP_CONFIG_FILE=/dev/null PIP_NO_INPUT=1
"$dir/venv/bin/pip" --version | cut -d' ' -f1-2
"$dir/venv/bin/uv" --version

cat >"$dir/server.py" <<'PY'
import hashlib, http.server, io, json, sys, zipfile
buffer = io.BytesIO()
with zipfile.ZipFile(buffer, "w") as z:
    z.writestr("acme_hashed.py", "")
    z.writestr("acme_hashed-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: acme-hashed\nVersion: 1.0\n")
    z.writestr("acme_hashed-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: example\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    z.writestr("acme_hashed-1.0.dist-info/RECORD", "acme_hashed.py,,\nacme_hashed-1.0.dist-info/METADATA,,\nacme_hashed-1.0.dist-info/WHEEL,,\nacme_hashed-1.0.dist-info/RECORD,,\n")
data = buffer.getvalue()
NAME = "acme_hashed-1.0-py3-none-any.whl"
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.endswith("/acme-hashed/"):
            hashes = {name: hashlib.new(name, data).hexdigest() for name in {"sha256", self.path.split("/")[1]}}
            page = {"meta": {"api-version": "1.0"}, "name": "acme-hashed", "files": [{"filename": NAME, "url": "/files/" + NAME, "hashes": hashes}]}
            self.send("application/vnd.pypi.simple.v1+json", json.dumps(page).encode())
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
python3 "$dir/server.py" "$dir/port" & server=$!
trap 'kill $server; rm -rf "$dir"' EXIT
while [ ! -s "$dir/port" ]; do sleep 0.1; done

# try NAME COMMAND...: whether the command succeeds.
try() {
	local name=$1 result=fails
	shift
	if "$@" >"$dir/output" 2>&1; then result=works; else tail -n 3 "$dir/output"; fi
	echo "$name: $result" | tee -a "$dir/results"
}
for digest in sha3_256 blake2b; do
	index=http://127.0.0.1:$(cat "$dir/port")/$digest/
	try "pip, $digest" "$dir/venv/bin/pip" --isolated download -q --no-cache-dir --no-deps --disable-pip-version-check --index-url "$index" -d "$dir/$digest" acme-hashed
	try "uv, $digest" "$dir/venv/bin/uv" pip install -q --no-config --no-cache --no-deps --index-url "$index" --target "$dir/uv-$digest" acme-hashed
done
diff - "$dir/results" <<'WANT'
pip, sha3_256: works
uv, sha3_256: works
pip, blake2b: works
uv, blake2b: fails
WANT
