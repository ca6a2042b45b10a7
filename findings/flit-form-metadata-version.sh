#!/usr/bin/env bash
# flit publish sends a different metadata version in the upload form than its wheel has.
#
# Expected: the fields of the upload form repeat the file's own metadata, so metadata_version is the Metadata-Version of the
# wheel's METADATA.
# Seen: the wheel has 2.5 and the form has 2.3. An index that compares the form with the file, field by field, must
# skip this field.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check flit==4.2.0 flit-core==4.2.0
"$dir/venv/bin/flit" --version

mkdir "$dir/project"
cat >"$dir/project/pyproject.toml" <<'TOML'
[build-system]
requires = ["flit_core"]
build-backend = "flit_core.buildapi"
[project]
name = "acme-stated"
version = "1.0"
description = "An example"
TOML
echo '"""An example"""' >"$dir/project/acme_stated.py"

cat >"$dir/server.py" <<'PY'
import email, http.server, io, sys, zipfile
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        form = email.message_from_bytes(b"Content-Type: " + self.headers["Content-Type"].encode() + b"\r\n\r\n" + body)
        for part in form.get_payload():
            name = part.get_param("name", header="content-disposition")
            if name == "metadata_version":
                print("form:", part.get_payload(), flush=True)
            if name == "content":
                with zipfile.ZipFile(io.BytesIO(part.get_payload(decode=True))) as z:
                    metadata = email.message_from_bytes(z.read("acme_stated-1.0.dist-info/METADATA"))
                print("wheel:", metadata["Metadata-Version"], flush=True)
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

(cd "$dir/project" && HOME=$dir FLIT_INDEX_URL=http://127.0.0.1:$(cat "$dir/port")/legacy/ FLIT_USERNAME=__token__ FLIT_PASSWORD=example \
	"$dir/venv/bin/flit" publish --format wheel) >"$dir/output" 2>&1 || { cat "$dir/output"; exit 1; }
sort "$dir/fields"
diff <(sort "$dir/fields") - <<'WANT'
form: 2.3
wheel: 2.5
WANT
