#!/usr/bin/env bash
# pip finds no project in a source distribution whose names begin with "./", and uv builds it.
#
# Expected: "./NAME-VERSION/pyproject.toml" and "NAME-VERSION/pyproject.toml" are one path, so that an archive made by
# "tar -czf X.tar.gz ./NAME-VERSION" installs like any other, with every installer or with none.
# Seen: pip takes "." for the top folder of the archive and reports that it has neither setup.py nor pyproject.toml; uv builds
# and installs the same file. So a project can be installable for a part of its users only.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check pip==26.3 uv==0.13.9
"$dir/venv/bin/pip" --version | cut -d' ' -f1,2; "$dir/venv/bin/uv" --version

mkdir "$dir/acme_dotted-1.0"
cat >"$dir/acme_dotted-1.0/pyproject.toml" <<'TOML'
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "acme-dotted"
version = "1.0"
TOML
cat >"$dir/acme_dotted-1.0/backend.py" <<'PY'
import zipfile
def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "acme_dotted-1.0-py3-none-any.whl"
    with zipfile.ZipFile(folder + "/" + name, "w") as z:
        z.writestr("acme_dotted.py", "")
        z.writestr("acme_dotted-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: acme-dotted\nVersion: 1.0\n")
        z.writestr("acme_dotted-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: example\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        z.writestr("acme_dotted-1.0.dist-info/RECORD", "acme_dotted.py,,\nacme_dotted-1.0.dist-info/METADATA,,\nacme_dotted-1.0.dist-info/WHEEL,,\nacme_dotted-1.0.dist-info/RECORD,,\n")
    return name
PY
printf 'Metadata-Version: 2.1\nName: acme-dotted\nVersion: 1.0\n' >"$dir/acme_dotted-1.0/PKG-INFO"
mkdir "$dir/plain" "$dir/dotted"
tar -C "$dir" -czf "$dir/plain/acme_dotted-1.0.tar.gz" acme_dotted-1.0
tar -C "$dir" -czf "$dir/dotted/acme_dotted-1.0.tar.gz" ./acme_dotted-1.0

# install INSTALLER FOLDER: prints and returns whether the installer installs the archive in the folder.
install() {
	local ok=0 target=$dir/target-$1-$2
	case $1 in
	pip) "$dir/venv/bin/pip" install -q --disable-pip-version-check --no-deps --no-index --target "$target" "$dir/$2/acme_dotted-1.0.tar.gz" ;;
	uv) "$dir/venv/bin/uv" pip install -q --no-deps --no-index --no-cache --python "$dir/venv/bin/python" --target "$target" "$dir/$2/acme_dotted-1.0.tar.gz" ;;
	esac >"$dir/output" 2>&1 || ok=$?
	echo "$1, $2: exit status $ok"
	tail -n 1 "$dir/output"
	return "$ok"
}
install pip plain && install uv plain && install uv dotted && ! install pip dotted
