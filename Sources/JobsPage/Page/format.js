// Numbers and times as people read them.

const timeFormat = new Intl.DateTimeFormat("en-GB", {
  year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit",
});

function formatNumber(number) {
  return Number(number).toLocaleString("en");
}

function formatPercent(share) {
  const percent = Number(share) * 100;
  return `${percent >= 99.95 || percent === 0 || percent >= 10 ? Math.floor(percent) : percent.toFixed(1)}%`;
}

function formatBytes(bytes) {
  let [value, unit] = [Number(bytes), 0];
  while (value >= 1024 && unit < 4) [value, unit] = [value / 1024, unit + 1];
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  return `${unit && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

const padded = (number) => String(number).padStart(2, "0");

/** A duration in its two largest units: `0.2 s`, `12 s`, `3 min 05 s`, `2 h 10 min`, `5 d 03 h`. */
function formatDuration(seconds) {
  const exact = Number(seconds);
  if (!Number.isFinite(exact)) return "";
  if (exact < 0.9995) return `${Math.max(0, Math.round(exact * 1000))} ms`;
  if (exact < 9.95) return `${exact.toFixed(1)} s`;
  const whole = Math.round(exact);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${padded(whole % 60)} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${padded(Math.floor((whole % 3600) / 60))} min`;
  return `${Math.floor(whole / 86400)} d ${padded(Math.floor((whole % 86400) / 3600))} h`;
}

/** An age in its largest unit. The clocks of browser and daemon may differ: the future is `now`. */
function ageText(milliseconds) {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 1) return "now";
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`;
  return `${formatNumber(Math.floor(seconds / 86400))} d`;
}

/** The difference between the daemon's clock and the browser's, from the `Date` of its answers. */
const clock = {
  offset: 0,
  now: () => Date.now() + clock.offset,
  /** A field of HTTP has whole seconds, so smaller differences are none. */
  observe(date) {
    const difference = Date.parse(date) + 500 - Date.now();
    if (Number.isFinite(difference)) clock.offset = Math.abs(difference) < 2000 ? 0 : difference;
  },
};

function setTime(node, rfc3339) {
  const date = new Date(rfc3339);
  if (Number.isNaN(date.getTime())) return setText(node, visibleText(String(rfc3339)));
  if (node.dateTime === rfc3339) return;
  node.dateTime = rfc3339;
  node.title = `${timeFormat.format(date)} (${rfc3339})`;
}

/** A time by the reader's clock; its title has the text of the daemon. */
function formatTime(rfc3339) {
  const node = element("time");
  setTime(node, rfc3339);
  if (node.dateTime) setText(node, timeFormat.format(new Date(rfc3339)));
  return node;
}

/** The age of a time, which goes on by itself while it is in the document. */
function formatAge(rfc3339) {
  const node = element("time", { "data-age": "" });
  setAge(node, rfc3339);
  return node;
}

function setAge(node, rfc3339) {
  setTime(node, rfc3339);
  if (node.dateTime) setText(node, ageText(clock.now() - Date.parse(node.dateTime)));
}

/** A duration from a time until now, which goes on by itself. */
function formatElapsed(rfc3339) {
  const node = element("time", { "data-elapsed": "" });
  setTime(node, rfc3339);
  tick(node);
  return node;
}

function tick(node) {
  const milliseconds = clock.now() - Date.parse(node.dateTime);
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if ("age" in node.dataset) return setText(node, ageText(milliseconds));
  setText(node, seconds < 60 ? `${seconds} s` : formatDuration(seconds));
}

setInterval(() => {
  if (document.hidden) return;
  for (const node of document.querySelectorAll("time[data-age], time[data-elapsed]")) {
    if (node.dateTime) tick(node);
  }
}, 1000);
