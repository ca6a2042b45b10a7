#!/usr/bin/env bash
# twine upload --skip-existing works only with two public indexes.
#
# Expected: the option tolerates "this file exists already" from every index, as the same option of poetry and pdm does.
# Seen: for any other address, twine refuses the option before it sends a request, so an index cannot make it work. Retrying
# a half-finished upload requires an index that accepts the identical file again.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check twine==7.0.0
"$dir/venv/bin/twine" --version | head -n 1

python3 - "$dir" <<'PY'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1] + "/acme_skip-1.0-py3-none-any.whl", "w") as z:
    z.writestr("acme_skip.py", "")
    z.writestr("acme_skip-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: acme-skip\nVersion: 1.0\n")
    z.writestr("acme_skip-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: example\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    z.writestr("acme_skip-1.0.dist-info/RECORD", "acme_skip.py,,\nacme_skip-1.0.dist-info/METADATA,,\nacme_skip-1.0.dist-info/WHEEL,,\nacme_skip-1.0.dist-info/RECORD,,\n")
PY
status=0
# Nothing listens on port 9, so a request would fail in another way.
HOME=$dir "$dir/venv/bin/twine" upload --non-interactive --disable-progress-bar --skip-existing -u __token__ -p example \
	--repository-url http://127.0.0.1:9/legacy/ "$dir"/*.whl >"$dir/output" 2>&1 || status=$?
cat "$dir/output"
echo "exit status $status"
[ "$status" = 1 ] && grep -q 'UnsupportedConfiguration' "$dir/output" && ! grep -qi 'connection' "$dir/output"
