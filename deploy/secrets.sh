#!/bin/sh
# Writes random passwords for docker-compose.yml: ./deploy/secrets.sh > .env
set -eu
random() { od -An -tx1 -N24 /dev/urandom | tr -d ' \n'; }
umask 077
echo "INDEX_HOST=${INDEX_HOST:-localhost}"
echo "POSTGRES_PASSWORD=$(random)"
echo "STORE_SECRET=$(random)"
