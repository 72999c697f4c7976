// Small charts of the values since the page was opened.

/**
 * A line chart with its lowest and highest value as text.
 *
 * With the number above it the text is the alternative: the drawing is hidden from screen readers.
 */
class Chart {
  /** An hour of values, one in five seconds. */
  static capacity = 720;
  static width = 300;
  static height = 56;

  constructor(format) {
    this.format = format;
    this.points = [];
    this.line = svg("polyline", { class: "curve", "vector-effect": "non-scaling-stroke" });
    this.area = svg("polygon", { class: "area" });
    this.text = element("p", { class: "range" });
    this.node = element("div", { class: "chart" },
      svg("svg", {
        viewBox: `0 0 ${Chart.width} ${Chart.height}`, preserveAspectRatio: "none", "aria-hidden": "true",
      }, this.area, this.line), this.text);
  }

  add(time, value) {
    this.points.push({ time, value });
    if (this.points.length > Chart.capacity) this.points.shift();
    const [first, last] = [this.points[0].time, time];
    if (first === last) return;
    const values = this.points.map((point) => point.value);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    // The highest value has a tenth above it. Where all are 0, the line is at the bottom.
    const scale = high > 0 ? (Chart.height - 2) / (high * 1.1) : 0;
    const line = this.points.map((point) => {
      const x = ((point.time - first) / (last - first)) * Chart.width;
      return `${x.toFixed(1)},${(Chart.height - 1 - point.value * scale).toFixed(1)}`;
    }).join(" ");
    setAttribute(this.line, "points", line);
    setAttribute(this.area, "points", `0,${Chart.height} ${line} ${Chart.width},${Chart.height}`);
    const duration = formatDuration(Math.round((last - first) / 1000));
    setText(this.text, `low ${this.format(low)} · high ${this.format(high)} · in ${duration}`);
  }
}
