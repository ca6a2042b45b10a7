#!/usr/bin/env bash
# pip reports an index page that answers 502 as a project that does not exist, and shows the status only with -vv.
#
# Expected: an index that fails is not an index without the project. pip says that the page could not be read, and with
# which status, as it does for a file.
# Seen: "from versions: none" and "No matching distribution found", the same words and exit status as for a project that
# the index does not have. The status is missing with -v too. An engineer looks for the package instead
# of the server.
set -euo pipefail
dir=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill "$server"; fi; rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check pip==26.3
"$dir/venv/bin/pip" --version | cut -d' ' -f1,2

cat >"$dir/serve.py" <<'PY'
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status = 404 if "missing" in self.path else 502
        body = b"the upstream does not answer correctly\n"
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
PY
python3 "$dir/serve.py" >"$dir/port" &
server=$!
until [ -s "$dir/port" ]; do sleep 0.1; done
index="http://127.0.0.1:$(cat "$dir/port")/simple/"

# ask PROJECT [FLAG]: the output of pip for a project.
ask() {
	env -i PATH="$PATH" HOME="$dir" PIP_CONFIG_FILE=/dev/null "$dir/venv/bin/pip" download --no-cache-dir --retries 0 \
		--disable-pip-version-check --dest "$dir/out" --index-url "$index" "${@:2}" "$1" 2>&1 || true
}
ask failing | tee "$dir/failing"
ask missing | tee "$dir/missing"
ask failing -v | tee "$dir/verbose"

diff <(sed 's/failing/NAME/g' "$dir/failing") <(sed 's/missing/NAME/g' "$dir/missing")
grep -q 'from versions: none' "$dir/failing"
if grep -q 502 "$dir/verbose"; then
	echo "pip shows the status now"
	exit 1
fi
echo "the status 502 is in no line of $(wc -l <"$dir/verbose") with -v"
