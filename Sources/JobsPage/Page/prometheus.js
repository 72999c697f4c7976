// Prometheus' text format, version 0.0.4, as GET /metrics writes it.
// https://prometheus.io/docs/instrumenting/exposition_formats/

const metricSample = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: -?\d+)?$/;
const metricLabel = /([a-zA-Z_]\w*)="((?:[^"\\]|\\[\\n"])*)"(?:,|$)/y;

/** The labels of a sample, from the text between its braces; null where they are malformed. */
function metricLabels(text = "") {
  const labels = new Map();
  metricLabel.lastIndex = 0;
  while (metricLabel.lastIndex < text.length) {
    const match = metricLabel.exec(text);
    if (!match) return null;
    labels.set(match[1], match[2].replace(/\\(.)/g, (_, unit) => (unit === "n" ? "\n" : unit)));
  }
  return labels;
}

/** The number of a sample; null where it is none. */
function metricValue(text) {
  const special = { "+Inf": Infinity, "-Inf": -Infinity, NaN: NaN };
  if (Object.hasOwn(special, text)) return special[text];
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : null;
}

/** One reading of all metrics. A line that breaks the format throws an error that names its number. */
class Metrics {
  static prefix = "replicate_webhookd_";

  constructor(text, time) {
    this.time = time;
    this.samples = new Map();
    for (const [index, line] of text.split("\n").entries()) {
      if (line === "" || line.startsWith("#")) continue;
      const [, name, labelText, valueText] = metricSample.exec(line) ?? [];
      const [labels, value] = name ? [metricLabels(labelText), metricValue(valueText)] : [null, null];
      if (labels === null || value === null) throw new Error(`line ${index + 1} of /metrics is malformed`);
      if (!this.samples.has(name)) this.samples.set(name, []);
      this.samples.get(name).push({ labels, value });
    }
  }

  /** The samples of a metric, named without the prefix. */
  all(name) {
    return this.samples.get(Metrics.prefix + name) ?? [];
  }

  /** The sum of a metric's samples, or of those with a label; null where there is no such metric. */
  sum(name, label, ...values) {
    const samples = this.all(name);
    const chosen = label ? samples.filter(({ labels }) => values.includes(labels.get(label))) : samples;
    return samples.length === 0 ? null : chosen.reduce((sum, { value }) => sum + value, 0);
  }

  /** What a counter has grown by since an earlier reading. A daemon that restarted counts from 0. */
  growth(earlier, ...counter) {
    const [now, then] = [this.sum(...counter), earlier.sum(...counter)];
    return now === null ? null : then === null || now < then ? now : now - then;
  }
}
