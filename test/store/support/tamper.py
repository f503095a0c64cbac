"""Changes an archive as an attacker would: tamper.py CASE < tar > tar."""

import io
import sys
import tarfile

case = sys.argv[1]
source = tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read()))
target = tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.PAX_FORMAT)


def add(name, content=b"", **fields):
    member = tarfile.TarInfo(name)
    member.size = len(content)
    member.mode = 0o755
    for key, value in fields.items():
        setattr(member, key, value)
    target.addfile(member, io.BytesIO(content))


def link(name, to, kind=tarfile.SYMTYPE):
    add(name, type=kind, linkname=to)


cases = {
    "absolute": lambda: add("/tmp/snap-escaped", b"x"),
    "above": lambda: add("data/../../escaped", b"x"),
    "another": lambda: add("other/escaped", b"x"),
    "link-then-through": lambda: (link("data/out", "OUTSIDE"), add("data/out/escaped", b"x")),
    "through-link-of-base": lambda: add("data/way/escaped", b"x"),
    "hard-link-out": lambda: link("data/hard", "OUTSIDE/secret", tarfile.LNKTYPE),
    "hard-link-through": lambda: link("data/hard", "data/way/secret", tarfile.LNKTYPE),
    "twice": lambda: add("data/hello.txt", b"x"),
    "device": lambda: add("data/device", type=tarfile.CHRTYPE, devmajor=1, devminor=3),
    "own-late": lambda: add(".snap-volume/deleted", b"hello.txt\0"),
    "bomb": lambda: add("data/bomb", b"\0" * 80_000_000),
    "flood": lambda: [add(f"data/{index}") for index in range(200)],
}

outside = sys.argv[2]
lists = {
    "deletes-through-link": ("deleted", b"way/secret\0"),
    "deletes-above": ("deleted", b"../x\0"),
    "links-through-link": ("linked", b"0\0new\0way/secret\0"),
    "links-into-link": ("linked", b"0\0way/new\0hello.txt\0"),
    "patches-through-link": ("patched", b"1\0way/secret\0" + b"0" * 64 + b"\0" + b"0" * 64 + b"\0"),
    "remakes-through-link": ("remade", b"way\0"),
    "removes-socket-above": ("sockets", b"../secret\0"),
    "aliases-through-link": ("aliases", b"new\0way/secret\0"),
}

for member in source:
    content = source.extractfile(member).read() if member.isfile() else b""
    name = member.name
    if name == ".snap-volume/archive":
        # so that it is refused for what is wrong, and not for there being one more
        lines = content.decode().splitlines()
        content = "".join(
            (f"entries={int(line[8:]) + 3}" if line.startswith("entries=") else line) + "\n" for line in lines
        ).encode()
    if case in lists and name == f".snap-volume/{lists[case][0]}":
        content = lists[case][1]
    member.size = len(content)
    member.pax_headers = {}
    target.addfile(member, io.BytesIO(content))

if case in cases:
    original_link = link
    if case in ("link-then-through", "hard-link-out"):
        link = lambda name, to, kind=tarfile.SYMTYPE: original_link(name, to.replace("OUTSIDE", outside), kind)
    cases[case]()
target.close()
