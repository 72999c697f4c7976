#!/usr/bin/env python3
"""Writes the manual page from what the program says of itself.

    replicate-webhookd --experimental-dump-help | manual.py VERSION >replicate-webhookd.8
"""

import json
import re
import sys

FILES = [
    ("/etc/replicate-webhookd/env", "The settings. Each line is NAME=value."),
    ("/etc/replicate-webhookd/NAME/env", "The settings of the unit replicate-webhookd@NAME."),
    ("/etc/credstore/replicate_api_token, /etc/credstore/api_tokens, …",
     "Secrets that the unit loads, each named as its setting in lower case."),
    ("/var/lib/replicate-webhookd", "The database, files on their way, and backups."),
    ("/usr/share/doc/replicate-webhookd/examples/env.example", "Every setting with its explanation."),
    ("/usr/share/doc/replicate-webhookd/README.md", "The whole documentation begins here."),
]
SIGNALS = [
    ("SIGTERM, SIGINT", "End the daemon after the requests in flight; a second one closes connections."),
    ("SIGHUP", "Reloads what the documentation lists, such as the TLS certificate."),
]


def text(value):
    """Text for roff: escaped, with code in bold."""
    value = value.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    value = re.sub(r"`([^`]*)`", r"\\fB\1\\fR", value)
    return re.sub(r"^([.'])", r"\\&\1", value, flags=re.M)


def paragraph(part):
    """One paragraph; lines that are indented stay as they are."""
    return ".nf\n" + text(part) + "\n.fi" if part.startswith("  ") else text(part.strip())


def paragraphs(value):
    return "\n.PP\n".join(paragraph(part.strip("\n")) for part in value.split("\n\n") if part.strip())


def names(argument):
    """How an argument is written: `-i, --input=INPUT`."""
    value = "\\fI" + text(argument.get("valueName", "")) + "\\fR"
    if argument["kind"] == "positional":
        return value
    forms = []
    for name in argument["names"]:
        dashes = "-" if name["kind"] == "short" else "--"
        forms.append("\\fB" + text(dashes + name["name"]) + "\\fR")
    shown = ", ".join(forms)
    return shown if argument["kind"] == "flag" else shown + " " + value


def synopsis(path, command):
    parts = ["\\fB" + text(path) + "\\fR"]
    for argument in command.get("arguments", []):
        if not argument["shouldDisplay"] or argument["kind"] != "positional":
            continue
        shown = names(argument) + ("..." if argument["isRepeating"] else "")
        parts.append("[" + shown + "]" if argument["isOptional"] else shown)
    if any(a["kind"] != "positional" for a in command.get("arguments", [])):
        parts.insert(1, "[\\fIoptions\\fR]")
    return " ".join(parts)


def describe(path, command, lines):
    """Appends a command and those below it, which are shown after it."""
    below = [c for c in command.get("subcommands", []) if c["shouldDisplay"] and c["commandName"] != "help"]
    if not below:
        lines += [".SS " + synopsis(path, command), paragraphs(command.get("abstract", ""))]
        if command.get("discussion"):
            lines += [".PP", paragraphs(command["discussion"])]
        for argument in command.get("arguments", []):
            hidden = {"help", "version"} & {n["name"] for n in argument.get("names", [])}
            if argument["shouldDisplay"] and not hidden:
                lines += [".TP", names(argument), text(argument.get("abstract", ""))]
    for child in below:
        describe(path + " " + child["commandName"], child, lines)


def pairs(title, rows, lines):
    lines.append(".SH " + title)
    for term, meaning in rows:
        lines += [".TP", "\\fB" + text(term) + "\\fR", text(meaning)]


def main():
    version = sys.argv[1]
    command = json.load(sys.stdin)["command"]
    name = command["commandName"]
    abstract = command["abstract"].rstrip(".")
    lines = [
        f'.TH REPLICATE\\-WEBHOOKD 8 "" "replicate\\-webhookd {text(version)}" "System administration"',
        ".SH NAME", f"{text(name)} \\- {text(abstract[0].lower() + abstract[1:])}",
        ".SH SYNOPSIS", f"\\fB{text(name)}\\fR \\fIverb\\fR [\\fIoptions\\fR]",
        ".SH DESCRIPTION", paragraphs(command["discussion"]),
        ".PP", text(f"`{name} --version` shows the version, the commit and the libraries; "
                    f"`{name} help` VERB shows what this page has of a verb."),
        ".SH VERBS",
    ]
    describe(name, command, lines)
    pairs("SIGNALS", SIGNALS, lines)
    pairs("FILES", FILES, lines)
    lines += [".SH SEE ALSO", "\\fBsystemctl\\fR(1), \\fBjournalctl\\fR(1), \\fBsystemd.exec\\fR(5)"]
    print("\n".join(lines))


main()
