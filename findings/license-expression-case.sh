#!/usr/bin/env bash
# Build back ends write one license expression in different cases.
#
# Expected: PEP 639 compares license identifiers case-insensitively and asks tools to write them in the case of the SPDX
# list, so "mit" in pyproject.toml is "MIT" in the metadata, whatever the back end.
# Seen: hatchling and setuptools write MIT. pdm-backend writes mit. A program that groups projects by License-Expression must
# fold case.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check build==1.6.1 hatchling==1.33.0 setuptools==84.2.1 pdm-backend==2.5.0
for backend in hatchling.build setuptools.build_meta pdm.backend; do
	project=$dir/$backend
	mkdir "$project"
	cat >"$project/pyproject.toml" <<TOML
[build-system]
requires = []
build-backend = "$backend"
[project]
name = "acme-licensed"
version = "1.0"
license = "mit"
TOML
	touch "$project/acme_licensed.py"
	(cd "$project" && HOME=$dir "$dir/venv/bin/python" -m build --wheel --no-isolation) >"$dir/output" 2>&1 || { cat "$dir/output"; exit 1; }
	license=$(python3 - "$project"/dist/*.whl <<'PY'
import email, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z:
    print(email.message_from_bytes(z.read("acme_licensed-1.0.dist-info/METADATA"))["License-Expression"])
PY
	)
	echo "$backend: $license" | tee -a "$dir/results"
done
"$dir/venv/bin/pip" list --disable-pip-version-check 2>/dev/null | grep -E 'hatchling|setuptools|pdm-backend'
diff "$dir/results" - <<'WANT'
hatchling.build: MIT
setuptools.build_meta: MIT
pdm.backend: mit
WANT
