"""The cost of a delivery while the store grows: a CSV, and a figure of it in SVG."""

import csv
import math

COLUMNS = [
    "jobs", "deliveries", "per_second", "cpu_us_per_request", "written_bytes_per_delivery", "resident_bytes",
]
# Title, unit, column, divisor, colour.
PANELS = [
    ("CPU a delivery", "µs", "cpu_us_per_request", 1, "#1f5fa8"),
    ("written a delivery", "KB", "written_bytes_per_delivery", 1e3, "#b3561b"),
    ("resident memory", "MB", "resident_bytes", 1e6, "#3c7a3a"),
]
WIDTH, LEFT, RIGHT, TOP, HEIGHT, GAP, BOTTOM = 720, 64, 40, 40, 120, 44, 48


def write(steps, path):
    """`path`.csv and `path`.svg."""
    with open(f"{path}.csv", "w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        for step in steps:
            rows.writerow([
                round(step[column], 1) if column == "cpu_us_per_request" else round(step.get(column, 0))
                for column in COLUMNS])
    with open(f"{path}.svg", "w") as file:
        file.write(figure(steps))


def ceiling(value):
    """The next larger number whose quarters are round numbers."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * factor for factor in (1, 1.2, 1.6, 2, 3, 4, 6, 8, 10) if power * factor >= value)


def figure(steps):
    last = max(step["jobs"] for step in steps)
    height = TOP + len(PANELS) * HEIGHT + (len(PANELS) - 1) * GAP + BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" '
        'font-family="system-ui, -apple-system, Segoe UI, Roboto, Helvetica, Arial, sans-serif" '
        'font-size="12">',
        "<title>What a delivery costs while the store grows</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    for index, panel in enumerate(PANELS):
        parts += draw(panel, steps, last, TOP + index * (HEIGHT + GAP), is_last=index == len(PANELS) - 1)
    return "\n".join(parts + ["</svg>", ""])


def draw(panel, steps, last, top, is_last):
    title, unit, column, divisor, colour = panel
    points = [(step["jobs"], step[column] / divisor) for step in steps if column in step]
    top_value = ceiling(max(value for _, value in points) * 1.05)
    bottom = top + HEIGHT

    def x(jobs):
        return LEFT + (WIDTH - LEFT - RIGHT) * jobs / last

    def y(value):
        return bottom - HEIGHT * value / top_value

    parts = [f'<text x="{LEFT}" y="{top - 12}" font-weight="600" fill="#222222">{title}, {unit}</text>']
    for part in range(5):
        value = top_value * part / 4
        shade = "#999999" if part == 0 else "#e4e4e4"
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" '
            f'stroke="{shade}"/>')
        parts.append(
            f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end" fill="#555555">{value:g}</text>')
    for part in range(6):
        jobs = last * part / 5
        parts.append(
            f'<line x1="{x(jobs):.1f}" x2="{x(jobs):.1f}" y1="{bottom}" y2="{bottom + 4}" stroke="#999999"/>')
        if is_last:
            parts.append(
                f'<text x="{x(jobs):.1f}" y="{bottom + 18}" text-anchor="middle" fill="#555555">'
                f'{jobs:,.0f}</text>')
    if is_last:
        parts.append(
            f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{bottom + 38}" '
            'text-anchor="middle" fill="#222222">'
            "jobs in the store, of three deliveries each</text>")
    path = " ".join(f"{x(jobs):.1f},{y(value):.1f}" for jobs, value in points)
    parts.append(
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round"/>')
    end = points[-1]
    parts.append(
        f'<text x="{WIDTH - RIGHT + 6}" y="{y(end[1]) + 4:.1f}" fill="{colour}">{end[1]:.1f}</text>')
    return parts
