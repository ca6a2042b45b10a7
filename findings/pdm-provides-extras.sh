#!/usr/bin/env bash
# pdm publish names the extras of a distribution in a form field that does not exist.
#
# Expected: a multiple-use metadata field is sent under its own name in lower case, so Provides-Extra is "provides_extra", as
# in twine and the public index; fields without a value are omitted.
# Seen: pdm sends "provides_extras", and no "provides_extra". An index that fills its pages from the form never sees the extras,
# and an index that refuses unknown fields refuses pdm.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check pdm==2.29.4 hishel==1.4.0 twine==7.0.0
export HOME=$dir PDM_CHECK_UPDATE=0
"$dir/venv/bin/pdm" --version
"$dir/venv/bin/twine" --version | head -n 1

mkdir "$dir/dist"
python3 - "$dir/dist" <<'PY'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1] + "/acme_extra-1.0-py3-none-any.whl", "w") as z:
    z.writestr("acme_extra.py", "")
    z.writestr("acme_extra-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: acme-extra\nVersion: 1.0\nProvides-Extra: fast\n")
    z.writestr("acme_extra-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: example\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    z.writestr("acme_extra-1.0.dist-info/RECORD", "acme_extra.py,,\nacme_extra-1.0.dist-info/METADATA,,\nacme_extra-1.0.dist-info/WHEEL,,\nacme_extra-1.0.dist-info/RECORD,,\n")
PY
cat >"$dir/pyproject.toml" <<'TOML'
[project]
name = "acme-extra"
version = "1.0"
TOML
cat >"$dir/server.py" <<'PY'
import email, http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        form = email.message_from_bytes(b"Content-Type: " + self.headers["Content-Type"].encode() + b"\r\n\r\n" + body)
        for part in form.get_payload():
            name = part.get_param("name", header="content-disposition")
            if name.startswith("provides_extra"):
                print(f"{self.path.strip('/')}: {name} = {part.get_payload()}", flush=True)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
open(sys.argv[1], "w").write(str(server.server_port))
server.serve_forever()
PY
python3 "$dir/server.py" "$dir/port" >"$dir/fields" & server=$!
trap 'kill $server; rm -rf "$dir"' EXIT
while [ ! -s "$dir/port" ]; do sleep 0.1; done

url=http://127.0.0.1:$(cat "$dir/port")
"$dir/venv/bin/twine" upload --non-interactive --disable-progress-bar --repository-url "$url/twine/" -u __token__ -p example "$dir"/dist/*.whl >"$dir/output" 2>&1 || { cat "$dir/output"; exit 1; }
(cd "$dir" && "$dir/venv/bin/pdm" publish --no-build -r "$url/pdm/" -u __token__ -P example) >"$dir/output" 2>&1 || { cat "$dir/output"; exit 1; }
cat "$dir/fields"
diff "$dir/fields" - <<'WANT'
twine: provides_extra = fast
pdm: provides_extras = fast
WANT
