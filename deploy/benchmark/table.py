"""Targets, measurements, and whether the targets are met: as Markdown."""

import os
import statistics

from receivers import Failure


def per_second(number):
    return f"{number:,.0f}/s"


def milliseconds(microseconds):
    return f"{microseconds / 1000:.2f} ms"


def megabytes(count):
    return f"{count / 1e6:.1f} MB"


def times(ratio):
    return f"{ratio:.1f} ×" if ratio >= 10 else f"{ratio:.2f} ×"


def middle(reports, key):
    return statistics.median(report["server"][key] for report in reports)


def processor_time(ours, theirs):
    """The processor time of a delivery on both sides: the beginning of a detail."""
    key = "cpu_us_per_request"
    return f"CPU a delivery {middle(ours, key):.0f} against {middle(theirs, key):.0f} µs"


def costs(ours, theirs):
    key = "written_bytes_per_delivery"
    return (
        f"{processor_time(ours, theirs)}, "
        f"written {middle(ours, key) / 1e3:.1f} against {middle(theirs, key) / 1e3:.1f} KB")


def p99s(ours, theirs, lane):
    """The p99 of an acknowledgement on both sides."""
    def p99(reports):
        return milliseconds(statistics.median(lane(report)["p99_us"] for report in reports))

    return f"p99 {p99(ours)} against {p99(theirs)}"


def client_shares(ours, theirs):
    """The client's load on both sides. A client that uses a whole core is the bottleneck."""
    def share(reports):
        return statistics.median(report["client"]["core_share"] for report in reports) * 100

    return f"client at {share(ours):.0f} and {share(theirs):.0f} % of a core"


class Table:
    def __init__(self):
        self.lines = []

    def add(self, what, target, measured, is_met, detail):
        self.lines.append((what, target, measured, {True: "yes", False: "**no**", None: "–"}[is_met], detail))

    def failure(self, what, error):
        self.add(what, "", "failed", None, str(error).replace("\n", " ").replace("|", "/") or "left out")

    def bound(self, what, target, value, show, detail=""):
        """Adds a figure that must be at most the target."""
        bound = show(target).replace(".00 ms", " ms").replace(".0 MB", " MB")
        self.add(what, f"≤ {bound}", show(value), value <= target, detail)

    def ratio(
            self, what, target, ours, theirs, figures, show, name, other, smaller_is_better=False,
            costs=None):
        """Adds the median of the rounds' ratios. The result of either side may be a failure."""
        reports = ours, theirs
        sign = "≤" if smaller_is_better else "≥"
        for result in (ours, theirs):
            if isinstance(result, Failure):
                reason = f"not measured: {result}".replace("|", "/")
                return self.add(what, f"{sign} {target:g} ×", "–", None, reason)
        ours, theirs = figures(ours), figures(theirs)
        ratios = sorted(mine / other for mine, other in zip(ours, theirs))
        ratio = statistics.median(ratios)
        is_met = ratio <= target if smaller_is_better else ratio >= target
        detail = (
            f"{name} {show(statistics.median(ours))}, {other} {show(statistics.median(theirs))}; "
            f"{times(ratios[0])} to {times(ratios[-1])}")
        if costs:
            detail += f"; {costs(*reports)}"
        return self.add(what, f"{sign} {target:g} ×", times(ratio), is_met, detail)


def document(facts, table):
    lines = ["| | |", "|---|---|"]
    lines += [f"| {name} | {text} |" for name, text in facts]
    lines += ["", "| what | target | measured | met? | |", "|---|---|---|---|---|"]
    lines += [f"| {' | '.join(line)} |" for line in table.lines]
    return "\n".join(lines)


def write(text, path, mark="results"):
    """Writes the text into `path`, or between the marks of a file that has them."""
    begin, end = f"<!-- {mark} -->", f"<!-- end of {mark} -->"
    old = ""
    if os.path.exists(path):
        with open(path) as file:
            old = file.read()
    if begin in old and end in old:
        before, rest = old.split(begin, 1)
        text = f"{before}{begin}\n{text}\n{end}{rest.split(end, 1)[1]}"
    else:
        text += "\n"
    with open(path, "w") as file:
        file.write(text)
