"""Copies the sources without one capability: its room, its tests, and the lines that name it.

    remove-capability.py SOURCE COPY ROOM

Files that did not change keep their times in COPY, so that a build there is incremental. Prints what was
removed. Fails where the rest still names the room.
"""

import os
import re
import shutil
import subprocess
import sys

# Not tracked, and needed for the same versions of dependencies.
RESOLVED = "Package.resolved"


def main() -> None:
    source, copy, room = sys.argv[1:]
    files = tracked_files(source)
    removed = [name for name in files if is_of(room, name)]
    rest = [name for name in files if not is_of(room, name)]
    if not any(name.startswith(f"Sources/{room}/") for name in removed):
        sys.exit(f"Sources/{room} has no files.")
    report(f"removed {len(removed)} files: {', '.join(folders(removed))}")
    remove_others(copy, {*rest, RESOLVED})
    if os.path.isfile(os.path.join(source, RESOLVED)):
        with open(os.path.join(source, RESOLVED), "rb") as file:
            write(os.path.join(copy, RESOLVED), file.read(), os.path.join(source, RESOLVED))
    left = []
    for name in rest:
        with open(os.path.join(source, name), "rb") as file:
            content = file.read()
        if names(room, content) and not name.startswith("deploy/proofs/"):
            text = content.decode()
            edited = EDITS.get(os.path.basename(name), without_mention)(text, room)
            if edited != text:
                report(f"removed from {name}: {count(text, room) - count(edited, room)} mentions")
            left += mentions(edited, name, room)
            content = edited.encode()
        write(os.path.join(copy, name), content, os.path.join(source, name))
    if left:
        sys.exit("The rest names the capability:\n" + "\n".join(left))


def tracked_files(source: str) -> list[str]:
    """What git knows, and what is new and not ignored."""
    output = subprocess.check_output(
        ["git", "-C", source, "ls-files", "-z", "--cached", "--others", "--exclude-standard"])
    names = output.decode().split("\0")
    return sorted({name for name in names if name and os.path.isfile(os.path.join(source, name))})


def is_of(room: str, name: str) -> bool:
    parts = name.split("/")
    return parts[0] == "Sources" and parts[1] in (room, f"C{room}") or parts[0] == "Tests" and f"{room}Tests" in parts[1:-1]


def folders(names: list[str]) -> list[str]:
    return sorted({os.path.dirname(name) for name in names})


# What names a room, by the file.


def without_package_lines(text: str, room: str) -> str:
    """Package.swift: the declarations of the room and its tests, and their mentions as dependencies."""
    text = without_call(text, f'.target(name: "C{room}"')
    text = without_call(text, f'room("{room}"', f'room(\n      "{room}"')
    for level in re.findall(r"case (\w+) = ", text):
        tests = f'"{room}Tests"'
        text = without_call(text, f"tests(.{level}, {tests}", f"tests(\n      .{level}, {tests}")
    return without_list_items(text, room)


def without_call(text: str, *openings: str) -> str:
    """Without the statement that begins with one of `openings`, its comment, and its comma."""
    for opening in openings:
        start = text.find(opening)
        if start < 0:
            continue
        end, depth = text.index("(", start), 0
        while True:
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(text[end], 0)
            end += 1
            if depth == 0:
                break
        line = text.rindex("\n", 0, start)
        end = text.index("\n", end)
        text = text[:line] + text[end:]
    return text


def without_capability_lines(text: str, room: str) -> str:
    """Capabilities.swift: the import, and the capability in the list."""
    text = re.sub(rf"^.*import {room}\n", "", text, flags=re.M)
    return re.sub(rf"^ *{room}\.self,?\n", "", text, flags=re.M)


def without_list_items(text: str, room: str) -> str:
    """Rows of dictionaries, pairs and items of lists, and folders to read."""
    text = re.sub(rf'\n *"{room}": \[[^\]]*\],', "", text)
    text = re.sub(rf'\("\w+", "{room}"\),? ?|\("{room}", "\w+"\),? ?', "", text)
    text = re.sub(rf' \+ \w+\(\w+: "Sources/{room}"\)', "", text)
    return re.sub(rf'"C?{room}", |,\s*"C?{room}"(?=\s*\])|, "C?{room}"|"C?{room}",?', "", text)


def without_mention(text: str, room: str) -> str:
    """Documents: rows of tables, and the name in drawings. Swift: as in the lists of rooms."""
    text = re.sub(rf"^\|[^\n]*\b{room}\b[^\n]*\n", "", text, flags=re.M)
    text = re.sub(rf"^(    .*?) *\b{room}\b", r"\1", text, flags=re.M) if "|---|" in text else text
    return without_list_items(text, room)


EDITS = {"Package.swift": without_package_lines, "Capabilities.swift": without_capability_lines}

# Files.


def names(room: str, content: bytes) -> bool:
    return re.search(rb"\b" + room.encode() + rb"(Tests)?\b", content) is not None


def count(text: str, room: str) -> int:
    return len(re.findall(rf"\b{room}(?:Tests)?\b", text))


def mentions(text: str, name: str, room: str) -> list[str]:
    return [
        f"  {name}:{number}: {line.strip()}" for number, line in enumerate(text.split("\n"), 1)
        if count(line, room)
    ]


def remove_others(copy: str, kept: set[str]) -> None:
    for folder, _, names in os.walk(copy):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.relpath(path, copy) not in kept:
                os.remove(path)
    for folder, _, _ in os.walk(copy, topdown=False):
        if not os.listdir(folder) and folder != copy:
            os.rmdir(folder)


def write(path: str, content: bytes, original: str) -> None:
    if os.path.isfile(path):
        with open(path, "rb") as file:
            if file.read() == content:
                return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)
    shutil.copymode(original, path)


def report(line: str) -> None:
    print(f"  {line}", flush=True)


main()
