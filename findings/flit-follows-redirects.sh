#!/usr/bin/env bash
# flit publish follows a redirect of the upload address.
#
# Expected: a 301 or 302 response to an upload is an error, because a client that follows it turns the POST into a
# GET without the file. twine and uv refuse to follow.
# Seen: flit follows with a GET, takes the resulting page as success, prints "Package is at" and exits with 0. Nothing
# was uploaded.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check flit==4.2.0
"$dir/venv/bin/flit" --version

mkdir "$dir/project"
cat >"$dir/project/pyproject.toml" <<'TOML'
[build-system]
requires = ["flit_core >=3.11,<5"]
build-backend = "flit_core.buildapi"
[project]
name = "acme-redirected"
version = "1.0"
description = "An example"
TOML
echo '"""An example"""' >"$dir/project/acme_redirected.py"

cat >"$dir/server.py" <<'PY'
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        print("POST", self.path, flush=True)
        self.send_response(301)
        self.send_header("Location", "/elsewhere/")
        self.send_header("Content-Length", "0")
        self.end_headers()
    def do_GET(self):
        print("GET", self.path, flush=True)
        self.send_response(200)
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

status=0
(cd "$dir/project" && HOME=$dir FLIT_INDEX_URL=http://127.0.0.1:$(cat "$dir/port")/legacy/ FLIT_USERNAME=__token__ FLIT_PASSWORD=example \
	"$dir/venv/bin/flit" publish --format wheel) >"$dir/output" 2>&1 || status=$?
cat "$dir/output" "$dir/requests"
echo "exit status $status"
[ "$status" = 0 ] && grep -q 'GET /elsewhere/' "$dir/requests" && grep -q 'Package is at' "$dir/output"
