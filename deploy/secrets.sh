#!/bin/sh
# Creates the files that docker-compose.yml needs: random passwords in ./secrets, and .env with the host name for clients.
#
#   ./deploy/secrets.sh [HOST]
#
# Run it once, because the volumes are created with these passwords. Containers read the files as their own users, so the
# files are readable by all, and the folder excludes other users of this machine.
set -eu
cd "$(dirname "$0")/.."
if [ -e secrets ]; then
	echo "secrets exists already, and the data may have been created with its passwords: nothing was changed" >&2
	exit 1
fi
random() { od -An -v -tx1 -N24 /dev/urandom | tr -d ' \n'; }
umask 077
database=$(random)
store=$(random)
mkdir secrets
printf '%s\n' "$database" >secrets/database-password
printf 'postgres://index:%s@database/index?sslmode=disable\n' "$database" >secrets/database-url
printf '[default]\naws_access_key_id = index\naws_secret_access_key = %s\n' "$store" >secrets/store-credentials
printf 'ROOT_ACCESS_KEY=index\nROOT_SECRET_KEY=%s\n' "$store" >secrets/store.env
chmod 0444 secrets/database-password secrets/database-url secrets/store-credentials
[ -e .env ] || echo "INDEX_HOST=${1:-localhost}" >.env
