// Small charts of the values since the page was opened.

/** Values over time, at most an hour of them at one in five seconds. */
class Series {
  static capacity = 720;

  constructor() {
    this.points = [];
  }

  add(time, value) {
    if (value === null || !Number.isFinite(value)) return;
    this.points.push({ time, value });
    if (this.points.length > Series.capacity) this.points.shift();
  }

  get range() {
    const values = this.points.map(({ value }) => value);
    return { min: Math.min(...values), max: Math.max(...values) };
  }
}

/**
 * A line chart with its least and greatest value as text.
 *
 * With the number above it the text is the alternative: the drawing is hidden from screen readers.
 */
class Chart {
  static width = 300;
  static height = 56;

  constructor(format) {
    this.format = format;
    this.series = new Series();
    this.line = svg("polyline", { class: "curve", "vector-effect": "non-scaling-stroke" });
    this.area = svg("polygon", { class: "area" });
    this.text = element("p", { class: "range" });
    this.node = element("div", { class: "chart" },
      svg("svg", {
        viewBox: `0 0 ${Chart.width} ${Chart.height}`, preserveAspectRatio: "none", "aria-hidden": "true",
      }, this.area, this.line), this.text);
  }

  add(time, value) {
    this.series.add(time, value);
    const { points, range } = this.series;
    if (points.length === 0) return;
    const [start, end] = [points[0].time, points[points.length - 1].time];
    const top = Math.max(range.max, Number.MIN_VALUE) * 1.1;
    const place = (point) => [
      end === start ? Chart.width : ((point.time - start) / (end - start)) * Chart.width,
      Chart.height - 1 - (Math.max(point.value, 0) / top) * (Chart.height - 2),
    ].map((number) => number.toFixed(1)).join(",");
    const line = points.map(place);
    this.line.setAttribute("points", line.join(" "));
    this.area.setAttribute("points",
      [`${line[0].split(",")[0]},${Chart.height}`, ...line, `${Chart.width},${Chart.height}`].join(" "));
    setText(this.text, `min ${this.format(range.min)} · max ${this.format(range.max)} · `
      + `in ${formatDuration(Math.round((end - start) / 1000))}`);
  }
}
