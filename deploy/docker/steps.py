#!/usr/bin/env python3
"""Prints a stage of a Dockerfile as steps for the shell, so that they can be run without an engine.

    steps.py DOCKERFILE STAGE     STAGE is the name of a stage, or `final`

Prints NUL-terminated pairs: an instruction in capitals, and its value with continued lines joined. RUN loses
its mounts, and ENTRYPOINT, CMD and HEALTHCHECK are a quoted command. An instruction that this reader does not
know is an error: nothing of a Dockerfile is left out unseen.
"""

import json
import re
import shlex
import sys

PLAIN = {"ARG", "WORKDIR", "COPY", "ENV", "USER", "VOLUME", "EXPOSE"}


def instructions(text):
    lines = [line for line in text.split("\n") if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n\s*", " ", "\n".join(lines)).split("\n"):
        if line.strip():
            word, _, value = line.strip().partition(" ")
            yield word.upper(), value.strip()


def main():
    path, wanted = sys.argv[1:]
    stages, steps = {}, []
    for word, value in instructions(open(path, encoding="utf-8").read()):
        if word == "FROM":
            steps = [("FROM", value.split()[0])]
            stages[value.split()[2] if " AS " in value else "final"] = steps
        elif word == "RUN":
            steps.append((word, re.sub(r"^(--mount=\S+\s+)+", "", value)))
        elif word in ("ENTRYPOINT", "CMD"):
            steps.append((word, shlex.join(json.loads(value))))
        elif word == "HEALTHCHECK":
            steps.append((word, shlex.join(json.loads(value.partition(" CMD ")[2]))))
        elif word in PLAIN:
            steps.append((word, value))
        else:
            sys.exit(f"steps.py: {path}: {word} is an instruction that this reader does not know")
    for word, value in stages[wanted]:
        sys.stdout.write(f"{word}\0{value}\0")


main()
