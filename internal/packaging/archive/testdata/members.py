"""Lists what is in archives as Python's own readers and a streaming reader see it."""
import json, struct, sys, tarfile, zipfile, zlib


def text(name):
    raw = name.encode("utf-8", "surrogateescape")
    out, rest = "", raw
    while rest:  # as Go's ToValidUTF8: one mark for a run of bad bytes
        try:
            return out + rest.decode("utf-8")
        except UnicodeDecodeError as e:
            out += rest[: e.start].decode("utf-8")
            rest = rest[e.start + 1 :]
            if not out.endswith("\ufffd"):
                out += "\ufffd"
    return out


def names(all):
    return sorted((text(n.rstrip("/")) for n in all), key=lambda n: n.encode())


def body(data, at, packed, size, wide, method, flags):
    """The place behind a member, found without the directory; None where only the directory knows."""
    if not flags & 8:
        return at + packed
    if method == 0:
        return None
    d = zlib.decompressobj(-15)
    d.decompress(data[at:])
    assert d.eof
    at = len(data) - len(d.unused_data)
    assert data[at : at + 4] == b"PK\x07\x08"
    return at + (24 if wide else 16)


def stream(data):
    at, found = 0, []
    while data[at : at + 4] == b"PK\x03\x04":
        flags, method = struct.unpack_from("<HH", data, at + 6)
        packed, size, n, e = struct.unpack_from("<LLHH", data, at + 18)
        name = data[at + 30 : at + 30 + n].decode()
        extra = data[at + 30 + n : at + 30 + n + e]
        wide = False
        while len(extra) >= 4:
            tag, length = struct.unpack_from("<HH", extra)
            if tag == 1:
                wide = True
                values = list(struct.unpack_from("<%dQ" % (length // 8), extra, 4))
                if size == 0xFFFFFFFF:
                    size = values.pop(0)
                if packed == 0xFFFFFFFF:
                    packed = values.pop(0)
            extra = extra[4 + length :]
        found.append(name)
        at = body(data, at + 30 + n + e, packed, size, wide, method, flags)
        if at is None:
            return None
    assert data[at : at + 4] == b"PK\x01\x02", at
    return names(found)


def metadata(members, suffix):
    hits = [m for m in members if m.count("/") == 1 and m.endswith(suffix)]
    return hits[-1] if hits else None


def look_zip(file):
    with zipfile.ZipFile(file) as z:
        listed = [m.filename for m in z.infolist()]
        which = metadata(listed, ".dist-info/METADATA") or metadata(listed, "/PKG-INFO")
        read = z.read(which).decode("utf-8", "replace")
    with open(file, "rb") as f:
        return {"members": names(listed), "streamed": stream(f.read()), "metadata": read}


def look_tar(file):
    with tarfile.open(file, "r:*", encoding="utf-8") as t:
        listed = t.getnames()
        which = metadata(listed, "/PKG-INFO")
        read = t.extractfile(which).read().decode("utf-8", "replace")
    return {"members": names(listed), "metadata": read}


def look(file):
    return look_zip(file) if file.endswith((".whl", ".zip")) else look_tar(file)


json.dump({f: look(f) for f in json.load(sys.stdin)}, sys.stdout)
