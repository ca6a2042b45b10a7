#!/usr/bin/env bash
# id drops the first digit of an audience from the name of GitLab's variable, so two audiences share one variable.
#
# Expected: in a job of GitLab, id reads the token for an audience from the audience in upper case, followed by _ID_TOKEN,
# with "_" for other characters than letters and digits: 3D_ACME_EXAMPLE_ID_TOKEN for 3d.acme.example. GitLab sets
# variables of such names.
# Seen: a digit at the beginning becomes "_" too. For 3d.acme.example and 4d.acme.example, id reads the same variable,
# _D_ACME_EXAMPLE_ID_TOKEN, so a job cannot have both. A variable with the digit is ignored.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check id==1.6.1
"$dir/venv/bin/python" -c 'import id; print("id", id.__version__)'

# token AUDIENCE: an unsigned token for the audience.
token() {
	python3 -c '
import base64, json, sys
part = lambda v: base64.urlsafe_b64encode(json.dumps(v).encode()).decode().rstrip("=")
print(part({"alg": "none"}), part({"iss": "https://gitlab.example", "aud": sys.argv[1]}), "c2ln", sep=".")' "$1"
}

# ask AUDIENCE VARIABLE: whether id finds a token for the audience if only that variable is set.
ask() {
	env -i PATH="$PATH" HOME="$dir" GITLAB_CI=true "$2=$(token "$1")" "$dir/venv/bin/python" -c '
import sys, id
try:
    id.detect_credential(sys.argv[1])
    print("found")
except id.IdentityError as e:
    print("none:", e)
' "$1" | sed "s/^/$1 with $2: /" | tee -a "$dir/results"
}
ask acme.example ACME_EXAMPLE_ID_TOKEN
ask 3d.acme.example 3D_ACME_EXAMPLE_ID_TOKEN
ask 3d.acme.example _D_ACME_EXAMPLE_ID_TOKEN
ask 4d.acme.example _D_ACME_EXAMPLE_ID_TOKEN

grep -q '^acme.example with ACME_EXAMPLE_ID_TOKEN: found' "$dir/results"
grep -q '^3d.acme.example with 3D_ACME_EXAMPLE_ID_TOKEN: none:' "$dir/results"
grep -q '^3d.acme.example with _D_ACME_EXAMPLE_ID_TOKEN: found' "$dir/results"
grep -q '^4d.acme.example with _D_ACME_EXAMPLE_ID_TOKEN: found' "$dir/results"
