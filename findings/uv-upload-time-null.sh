#!/usr/bin/env bash
# uv rejects a page of the simple API whose "upload-time" is null, even if no time is requested.
#
# Expected: "upload-time" is optional (PEP 700), and a client without an option to exclude newer files does not need it. At
# worst, a file without a usable time is unavailable under --exclude-newer, as it is when the key is missing.
# Seen: without the key, uv installs the file. With null, the whole page is unusable, and uv exits with an error although
# --exclude-newer was not given. pip accepts both.
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
    z.writestr("acme_timed.py", "")
    z.writestr("acme_timed-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: acme-timed\nVersion: 1.0\n")
    z.writestr("acme_timed-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: example\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    z.writestr("acme_timed-1.0.dist-info/RECORD", "acme_timed.py,,\nacme_timed-1.0.dist-info/METADATA,,\nacme_timed-1.0.dist-info/WHEEL,,\nacme_timed-1.0.dist-info/RECORD,,\n")
data = buffer.getvalue()
NAME = "acme_timed-1.0-py3-none-any.whl"
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.endswith("/acme-timed/"):
            file = {"filename": NAME, "url": "/files/" + NAME, "hashes": {"sha256": hashlib.sha256(data).hexdigest()}, "size": len(data)}
            if self.path.startswith("/null/"):
                file["upload-time"] = None
            page = {"meta": {"api-version": "1.1"}, "name": "acme-timed", "versions": ["1.0"], "files": [file]}
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
for time in missing null; do
	index=http://127.0.0.1:$(cat "$dir/port")/$time/
	try "pip, $time" "$dir/venv/bin/pip" --isolated download -q --no-cache-dir --no-deps --disable-pip-version-check --index-url "$index" -d "$dir/$time" acme-timed
	try "uv, $time" "$dir/venv/bin/uv" pip install -q --no-config --no-cache --no-deps --index-url "$index" --target "$dir/uv-$time" acme-timed
done
diff - "$dir/results" <<'WANT'
pip, missing: works
uv, missing: works
pip, null: works
uv, null: fails
WANT
