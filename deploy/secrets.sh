#!/bin/sh
# Makes what docker-compose.yml asks for: random passwords in ./secrets, and .env with the name that clients use.
#
#   ./deploy/secrets.sh [HOST]
#
# Once: the volumes are made with these passwords. Containers read the files as users of their own, so the files may be read
# by all and the folder keeps everybody on this machine out.
set -eu
cd "$(dirname "$0")/.."
if [ -e secrets ]; then
	echo "secrets is there already, and the data may have been made with its passwords: nothing was changed" >&2
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
