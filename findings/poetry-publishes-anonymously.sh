#!/usr/bin/env bash
# poetry publish without credentials uploads anonymously.
#
# Expected: an upload needs credentials. Without any, the client asks for them or, with --no-interaction, stops before it sends
# the distribution, as twine --non-interactive does.
# Seen: poetry sends the whole file without an Authorization header and reports the response of the index. It does not report
# the actual mistake: a repository name for which nothing is configured.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check poetry==2.5.1 twine==7.0.0
export HOME=$dir XDG_CONFIG_HOME=$dir/config XDG_CACHE_HOME=$dir/cache PYTHON_KEYRING_BACKEND=keyring.backends.null.Keyring
"$dir/venv/bin/poetry" --version
"$dir/venv/bin/twine" --version | head -n 1

mkdir "$dir/project" "$dir/project/dist"
cat >"$dir/project/pyproject.toml" <<'TOML'
[project]
name = "acme-nobody"
version = "1.0"
[tool.poetry]
package-mode = true
TOML
python3 - "$dir/project/dist" <<'PY'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1] + "/acme_nobody-1.0-py3-none-any.whl", "w") as z:
    z.writestr("acme_nobody.py", "")
    z.writestr("acme_nobody-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: acme-nobody\nVersion: 1.0\n")
    z.writestr("acme_nobody-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: example\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    z.writestr("acme_nobody-1.0.dist-info/RECORD", "acme_nobody.py,,\nacme_nobody-1.0.dist-info/METADATA,,\nacme_nobody-1.0.dist-info/WHEEL,,\nacme_nobody-1.0.dist-info/RECORD,,\n")
PY
cat >"$dir/server.py" <<'PY'
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        n = len(self.rfile.read(int(self.headers["Content-Length"])))
        print(f"{self.path.strip('/')}: a form {'with' if 'Authorization' in self.headers else 'without'} Authorization", flush=True)
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="example"')
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

url=http://127.0.0.1:$(cat "$dir/port")
twine=0 poetry=0
"$dir/venv/bin/twine" upload --non-interactive --disable-progress-bar --repository-url "$url/twine/" "$dir"/project/dist/*.whl >"$dir/output" 2>&1 || twine=$?
tail -n 1 "$dir/output"
cd "$dir/project"
"$dir/venv/bin/poetry" config repositories.here "$url/poetry/"
"$dir/venv/bin/poetry" publish --no-interaction --repository here >"$dir/output" 2>&1 || poetry=$?
tail -n 3 "$dir/output"
cat "$dir/requests"
[ "$twine" != 0 ] && [ "$poetry" != 0 ] && [ "$(cat "$dir/requests")" = "poetry: a form without Authorization" ]
