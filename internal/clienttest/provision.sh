# Sourced by test.sh: makes the Python clients the tests run, one virtual environment each, below $clients.
#
# A finished environment carries a stamp with all that went into it, so a second run only compares stamps.
# What cannot be had is written to $missing with the reason, never skipped in silence:
#   mandatory NAME REASON    the machine could have run it, so CI fails
#   optional NAME REASON     needs an interpreter this machine lacks

# One pip of each generation of the read protocols it speaks, with the Python 3 minors that can run it.
# Below 3.12 Python still brings distutils and the import hooks that old pips lean on; 9.0.3 breaks from 3.10 on.
pips="
9.0.3  6  9
19.3.1 6  11
20.3.4 6  11
21.3.1 6  11
22.3.1 7  11
23.2.1 7  12
24.3.1 8  13
25.3   9  14
26.3   10 15
"

tools="
twine   twine==7.0.0
uv      uv==0.13.9
poetry  poetry==2.5.1
hatch   hatch==1.18.2
flit    flit==4.2.0
pdm     pdm==2.29.4 hishel==1.4.0
pipenv  pipenv==2026.10.3
audit   pip-audit==2.10.1
devpi   devpi-server==6.20.3 devpi-client==7.3.0
pypiserver   pypiserver==2.4.2
bandersnatch bandersnatch==6.8.0
build   pip==25.3 build==1.6.1 packaging==26.3 setuptools==84.2.1 wheel==0.48.0 hatchling==1.33.0 flit-core==4.2.0 poetry-core==2.5.0
"

retry() {
	local n
	for n in 1 2 4 8; do
		"$@" && return 0
		sleep "$n"
	done
	return 1
}

# minor PYTHON: its minor version, or nothing where it is not a Python 3 that can make environments.
minor() {
	"$1" -c 'import sys, venv, ensurepip; sys.version_info[0] == 3 and print(sys.version_info[1])' 2>/dev/null || true
}

# interpreters: one "MINOR PATH" a line, the machine's default first. The path is the program itself, not a
# version manager's shim, which would choose again by folder.
interpreters() {
	local p m
	for p in python3 python3.{6..15} "$HOME"/.pyenv/versions/*/bin/python3; do
		p=$("$p" -c 'import sys; print(sys.executable)' 2>/dev/null) || continue
		m=$(minor "$p")
		[ -z "$m" ] || echo "$m $p"
	done | awk '!seen[$1]++'
}

# python_between LOW HIGH: the first known interpreter in that range.
python_between() {
	awk -v low="$1" -v high="$2" '$1 >= low && $1 <= high { print $2; exit }' "$cache/interpreters"
}

# environment NAME PYTHON REQUIREMENT...: makes $clients/NAME, unless its stamp says it is the one asked for.
environment() {
	local name=$1 python=$2 dir=$clients/$1 log=$cache/log/$1 stamp
	shift
	stamp="$* $("$python" -V 2>&1)"
	[ "$(cat "$dir/.stamp" 2>/dev/null)" = "$stamp" ] && return 0
	shift
	rm -rf "$dir"
	"$python" -m venv "$dir" >"$log" 2>&1 || return 1
	retry "$dir/bin/python" -m pip install -q --disable-pip-version-check "$@" >>"$log" 2>&1 || return 1
	"$dir/bin/python" -m pip --version >>"$log" 2>&1 || return 1
	echo "$stamp" >"$dir/.stamp"
}

# try_environment KIND NAME PYTHON REQUIREMENT...: environment, with a failure noted and not passed on.
try_environment() {
	local kind=$1
	shift
	environment "$@" || echo "$kind $1 $(grep . "$cache/log/$1" 2>/dev/null | tail -n 1 || true)" >>"$missing"
}

# every_environment: a line "KIND NAME PYTHON REQUIREMENT..." for each that this machine can run.
every_environment() {
	local default version low high python kind
	default=$(head -n 1 "$cache/interpreters")
	while read -r name requirements; do
		[ -z "$name" ] || echo "mandatory $name ${default#* } $requirements"
	done <<<"$tools"
	while read -r version low high; do
		[ -n "$version" ] || continue
		python=$(python_between "$low" "$high")
		if [ -z "$python" ]; then
			echo "optional pip-$version no Python 3.$low to 3.$high on this machine" >>"$missing"
			continue
		fi
		kind=optional
		[ "$python" != "${default#* }" ] || kind=mandatory
		echo "$kind pip-$version $python pip==$version"
	done <<<"$pips"
}

# provision: everything above, two environments at a time.
provision() {
	mkdir -p "$clients" "$cache/log"
	: >"$missing"
	interpreters >"$cache/interpreters"
	if [ ! -s "$cache/interpreters" ]; then
		echo "mandatory clients no python3 with the venv module (on Debian: apt-get install python3-venv)" >>"$missing"
		return
	fi
	while read -r line; do
		while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n || true; done
		# shellcheck disable=SC2086 # the line is words on purpose
		try_environment $line &
	done < <(every_environment)
	wait
}

# fetch_packages: the real distributions, and below wellknown those that are installed together. What an index no longer has
# is noted by name.
fetch_packages() {
	local python=$clients/build/bin/python list
	[ -x "$python" ] || return 0
	for list in packages wellknown; do
		local folder=$packages
		[ "$list" = packages ] || folder=$packages/$list
		"$python" internal/clienttest/packages.py "internal/clienttest/$list.txt" "$folder" >"$cache/log/$list" 2>&1 || true
		sed -n 's/^missing \(.*\): /optional \1 /p' "$cache/log/$list" >>"$missing"
		tail -n 1 "$cache/log/$list"
	done
}

axe=4.14.1 # renovate: datasource=npm depName=axe-core

# fetch_axe: $cache/axe-VERSION/package/axe.min.js, the package as npm's registry has it; none of it is installed or run here.
fetch_axe() {
	local dir=$cache/axe-$axe log=$cache/log/axe
	[ ! -s "$dir/package/axe.min.js" ] || return 0
	command -v npm >/dev/null || { echo "no npm (on Debian: apt-get install npm)" >"$log"; return 1; }
	rm -rf "$dir"
	mkdir -p "$dir"
	(cd "$dir" && retry npm pack --silent "axe-core@$axe" && tar -xzf "axe-core-$axe.tgz") >"$log" 2>&1 || return 1
	[ -s "$dir/package/axe.min.js" ]
}
