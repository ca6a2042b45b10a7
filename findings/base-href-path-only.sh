#!/usr/bin/env bash
# pip and uv cannot use a page of the simple API whose <base href> is a path.
#
# Expected: HTML allows a relative URL in <base href>, resolved against the address of the page. PEP 503 pages are
# HTML5, so <base href="/files/"> moves all links of the page to /files/ of the same server. Browsers do that.
# Seen: with the whole URL in <base href>, both clients download the file. With only the path, neither does, because they
# join the link to the path and try to fetch an address without scheme and host.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check pip==26.3 uv==0.13.9
export HOME=$dir PIP_CONFIG_FILE=/dev/null PIP_NO_INPUT=1
"$dir/venv/bin/pip" --version | cut -d' ' -f1-2
"$dir/venv/bin/uv" --version

cat >"$dir/server.py" <<'PY'
import http.server, io, sys, zipfile
buffer = io.BytesIO()
with zipfile.ZipFile(buffer, "w") as z:
    z.writestr("acme_based.py", "")
    z.writestr("acme_based-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: acme-based\nVersion: 1.0\n")
    z.writestr("acme_based-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: example\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    z.writestr("acme_based-1.0.dist-info/RECORD", "acme_based.py,,\nacme_based-1.0.dist-info/METADATA,,\nacme_based-1.0.dist-info/WHEEL,,\nacme_based-1.0.dist-info/RECORD,,\n")
NAME = "acme_based-1.0-py3-none-any.whl"
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        base = {"whole": f"http://{self.headers['Host']}/files/", "path": "/files/"}.get(self.path.split("/")[1])
        if base and self.path.endswith("/acme-based/"):
            self.send(200, "text/html", f'<!DOCTYPE html><html><head><base href="{base}"></head><body><a href="{NAME}">{NAME}</a></body></html>'.encode())
        elif self.path == "/files/" + NAME:
            self.send(200, "application/octet-stream", buffer.getvalue())
        else:
            self.send(404, "text/plain", b"")
    def send(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
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
	if "$@" >"$dir/output" 2>&1; then result=works; else tail -n 2 "$dir/output"; fi
	echo "$name: $result" | tee -a "$dir/results"
}
for base in whole path; do
	index=http://127.0.0.1:$(cat "$dir/port")/$base/
	try "pip, $base" "$dir/venv/bin/pip" --isolated download -q --no-cache-dir --no-deps --disable-pip-version-check --index-url "$index" -d "$dir/$base" acme-based
	try "uv, $base" "$dir/venv/bin/uv" pip install -q --no-config --no-cache --no-deps --index-url "$index" --target "$dir/uv-$base" acme-based
done
diff - "$dir/results" <<'WANT'
pip, whole: works
uv, whole: works
pip, path: fails
uv, path: fails
WANT
