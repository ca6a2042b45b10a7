#!/usr/bin/env bash
# uv publish does not retry an upload after a 503, even if the response has Retry-After.
#
# Expected: 503 with Retry-After means that the request was not carried out, and states when to send it again. uv retries
# downloads after such responses, and twine retries uploads.
# Seen: uv publish sends the file once and exits with an error, so a release job ends with some of its files missing. twine
# sends the file again and succeeds, but does not wait as long as Retry-After asks for.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check uv==0.13.9 twine==7.0.0
export HOME=$dir
"$dir/venv/bin/uv" --version
"$dir/venv/bin/twine" --version | head -n 1

python3 - "$dir" <<'PY'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1] + "/acme_again-1.0-py3-none-any.whl", "w") as z:
    z.writestr("acme_again.py", "")
    z.writestr("acme_again-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: acme-again\nVersion: 1.0\n")
    z.writestr("acme_again-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: example\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    z.writestr("acme_again-1.0.dist-info/RECORD", "acme_again.py,,\nacme_again-1.0.dist-info/METADATA,,\nacme_again-1.0.dist-info/WHEEL,,\nacme_again-1.0.dist-info/RECORD,,\n")
PY
cat >"$dir/server.py" <<'PY'
import http.server, sys
seen = {}
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        seen[self.path] = seen.get(self.path, 0) + 1
        print(self.path, flush=True)
        first = seen[self.path] == 1
        self.send_response(503 if first else 200)
        if first:
            self.send_header("Retry-After", "1")
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
open(sys.argv[1], "w").write(str(server.server_port))
server.serve_forever()
PY
python3 "$dir/server.py" "$dir/port" >"$dir/requests" & server=$!
trap 'kill $server; rm -rf "$dir"' EXIT
while [ ! -s "$dir/port" ]; do sleep 0.1; done

uv=0 twine=0
url=http://127.0.0.1:$(cat "$dir/port")
"$dir/venv/bin/uv" publish --no-config --publish-url "$url/uv/" --username __token__ --password example "$dir"/*.whl 2>&1 || uv=$?
"$dir/venv/bin/twine" upload --non-interactive --disable-progress-bar --repository-url "$url/twine/" -u __token__ -p example "$dir"/*.whl || twine=$?
sort "$dir/requests" | uniq -c
echo "uv exits with $uv, twine with $twine"
[ "$uv" != 0 ] && [ "$(grep -c /uv/ "$dir/requests")" = 1 ] && [ "$twine" = 0 ] && [ "$(grep -c /twine/ "$dir/requests")" = 2 ]
