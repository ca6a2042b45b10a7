#!/usr/bin/env bash
# hatch publish skips a file whose name the index lists, whatever its content.
#
# Expected: before a client skips a file, it compares digests, as uv does with --check-url; a different file under the same
# name is an error.
# Seen: hatch reads the page at UPLOAD-URL/+simple/NAME/, compares only file names, prints "already exists" and exits with 0,
# although the digest in the link differs. The new content is never sent.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check hatch==1.18.2
"$dir/venv/bin/hatch" --version

mkdir "$dir/dist"
python3 - "$dir/dist" <<'PY'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1] + "/acme_hatched-1.0-py3-none-any.whl", "w") as z:
    z.writestr("acme_hatched.py", "")
    z.writestr("acme_hatched-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: acme-hatched\nVersion: 1.0\n")
    z.writestr("acme_hatched-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: example\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    z.writestr("acme_hatched-1.0.dist-info/RECORD", "acme_hatched.py,,\nacme_hatched-1.0.dist-info/METADATA,,\nacme_hatched-1.0.dist-info/WHEEL,,\nacme_hatched-1.0.dist-info/RECORD,,\n")
PY
cat >"$dir/server.py" <<'PY'
import http.server, sys
PAGE = ('<!DOCTYPE html><html><body><a href="/files/acme_hatched-1.0-py3-none-any.whl#sha256=' + "0" * 64 +
        '">acme_hatched-1.0-py3-none-any.whl</a></body></html>').encode()
class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, body):
        print(self.command, self.path, flush=True)
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self): self.answer(PAGE)
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(b"")
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
open(sys.argv[1], "w").write(str(server.server_port))
server.serve_forever()
PY
python3 "$dir/server.py" "$dir/port" >"$dir/requests" & server=$!
trap 'kill $server; rm -rf "$dir"' EXIT
while [ ! -s "$dir/port" ]; do sleep 0.1; done

status=0
HOME=$dir "$dir/venv/bin/hatch" --no-color publish --no-prompt -r "http://127.0.0.1:$(cat "$dir/port")/legacy/" -u __token__ -a example "$dir/dist" \
	>"$dir/output" 2>&1 || status=$?
cat "$dir/output" "$dir/requests"
echo "exit status $status"
[ "$status" = 0 ] && grep -q 'already exists' "$dir/output" && ! grep -q POST "$dir/requests"
