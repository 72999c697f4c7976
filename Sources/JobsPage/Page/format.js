// Formats numbers and times for people.

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

/** A duration in its two largest units, such as `3 min 05 s` or `5 d 03 h`. */
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

/** An age in its largest unit. A time in the future is `now`: clocks differ. */
function ageText(milliseconds) {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 1) return "now";
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`;
  return `${formatNumber(Math.floor(seconds / 86400))} d`;
}

/** The daemon's clock, from the `Date` of its responses. */
const clock = {
  offset: 0,
  now: () => Date.now() + clock.offset,
  /** Ignores differences below two seconds, because `Date` has whole seconds. */
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

/** A time in the reader's time zone. Its title has the daemon's text. */
function formatTime(rfc3339) {
  const node = element("time");
  setTime(node, rfc3339);
  if (node.dateTime) setText(node, timeFormat.format(new Date(rfc3339)));
  return node;
}

/** The age of a time, updated each second while it is in the document. */
function formatAge(rfc3339) {
  const node = element("time", { "data-age": "" });
  setAge(node, rfc3339);
  return node;
}

function setAge(node, rfc3339) {
  setTime(node, rfc3339);
  if (node.dateTime) setText(node, ageText(clock.now() - Date.parse(node.dateTime)));
}

/** The duration from a time until now, updated each second. */
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
