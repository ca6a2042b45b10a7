"""Fetch the real distributions of packages.txt into a folder, unchanged.

Run as ``python packages.py LIST FOLDER``. The index asked is the one pip itself is set up to use, so
that a machine behind a mirror needs no second setting. Bytes are never opened: a wheel for another
system and a source archive with a broken build are kept like any other, which ``pip download`` cannot do.
A file already there with the right digest is left alone.
"""

import base64
import concurrent.futures
import hashlib
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import time
import urllib.parse
import urllib.request

SIMPLE_JSON = "application/vnd.pypi.simple.v1+json"
ATTEMPTS = 4


def pip(*args):
    env = dict(os.environ, COLUMNS="500")
    done = subprocess.run([sys.executable, "-m", "pip", *args], env=env, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def index_url():
    """The index pip would ask: from the environment, its configuration, or its own default."""
    told = os.environ.get("PIP_INDEX_URL") or pip("config", "get", "global.index-url")
    if told:
        return told
    # pip prints its default only in its help; nothing else states it without importing pip's internals.
    found = re.search(r"--index-url <url>.*?\(default (\S+?)\)", pip("download", "--help"))
    if not found:
        raise SystemExit("pip does not say which index it uses; set PIP_INDEX_URL")
    return found.group(1)


def tls_context():
    bundle = os.environ.get("PIP_CERT") or pip("config", "get", "global.cert")
    return ssl.create_default_context(cafile=bundle or None)


class Index:
    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.auth = None
        if parts.username:
            pair = "%s:%s" % (urllib.parse.unquote(parts.username), urllib.parse.unquote(parts.password or ""))
            self.auth = "Basic " + base64.b64encode(pair.encode()).decode()
        self.host = parts.hostname
        netloc = parts.netloc.rpartition("@")[2]
        self.base = urllib.parse.urlunsplit((parts.scheme, netloc, parts.path.rstrip("/") + "/", "", ""))
        self.tls = tls_context()

    def open(self, url, accept="*/*"):
        request = urllib.request.Request(url, headers={"Accept": accept, "User-Agent": "pip/26.3"})
        # Credentials go to the index's own host only, never to the host it keeps its files on.
        if self.auth and urllib.parse.urlsplit(url).hostname == self.host:
            request.add_header("Authorization", self.auth)
        return urllib.request.urlopen(request, timeout=60, context=self.tls)

    def links(self, project):
        page = urllib.parse.urljoin(self.base, project + "/")
        with self.open(page, SIMPLE_JSON) as answer:
            url, files = answer.geturl(), json.load(answer)["files"]
        return {f["filename"]: urllib.parse.urljoin(url, f["url"]) for f in files}


def digest_of(path):
    whole = hashlib.sha256()
    with open(path, "rb") as f:
        for block in iter(lambda: f.read(1 << 20), b""):
            whole.update(block)
    return whole.hexdigest()


def fetch(index, project, filename, sha256, folder):
    """None once the file is there, else the reason why not."""
    path = os.path.join(folder, filename)
    if os.path.exists(path) and digest_of(path) == sha256:
        return None
    part = path + ".part"
    reason = "not listed"
    for attempt in range(ATTEMPTS):
        try:
            url = index.links(project).get(filename)
            if url is None:
                return "the index does not list it"
            with index.open(url) as answer, open(part, "wb") as f:
                shutil.copyfileobj(answer, f, 1 << 20)
            if digest_of(part) == sha256:
                os.replace(part, path)
                return None
            reason = "what came has another sha256"
        except (OSError, ValueError, KeyError) as err:
            reason = str(err) or type(err).__name__
        time.sleep(2 ** attempt)
    return reason


def rows(path):
    with open(path, encoding="utf-8") as f:
        for line in f:
            line = line.partition("#")[0].split()
            if line:
                yield tuple(line)


def main(listing, folder):
    os.makedirs(folder, exist_ok=True)
    index = Index(index_url())
    wanted = list(rows(listing))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        reasons = list(pool.map(lambda r: fetch(index, *r, folder), wanted))
    missing = [(r[1], why) for r, why in zip(wanted, reasons) if why]
    for filename, why in missing:
        print("missing %s: %s" % (filename, why))
    print("%d of %d real distributions are there" % (len(wanted) - len(missing), len(wanted)))
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
