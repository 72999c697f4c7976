// The health of the daemon, from its metrics since the page was opened. The daemon keeps no time series.

const pollInterval = 5000;
/** Readings that are compared with the newest: a minute of them. */
const readingsKept = 13;

const perMinute = (number) => `${number < 10 ? Number(number.toFixed(1)) : formatNumber(Math.round(number))} a minute`;
const share = (part, whole) => (whole > 0 ? part / whole : null);

/**
 * The numbers of the page, in order.
 *
 * `value` takes the newest reading, an earlier one, the minutes between them and what else was read; null
 * where there is no such metric. `isBad` decides whether the remedy is shown.
 */
const gauges = [
  {
    id: "deliveries", title: "Deliveries", format: perMinute,
    value: ({ now, then, minutes }) => share(now.growth(then, "deliveries_total"), minutes),
    normal: "A few for each running job. None while no job runs.",
    isBad: (value, { now }) => value === 0 && now.sum("jobs", "state", "running") > 0
      && now.sum("secret_accepted_total") === 0,
    remedy: "Jobs run, and no webhook has been accepted since the start: check PUBLIC_URL, the proxy and the signing secret.",
  },
  {
    id: "queue", title: "Commit queue", format: formatNumber,
    value: ({ now }) => now.sum("commit_queue_depth"),
    normal: "Below 100. At 4,096 deliveries are answered 503, and sent again.",
    isBad: (value) => value > 100,
    remedy: "More arrives than the disk commits. Look for other load on the disk, or move the database to a faster one.",
  },
  {
    id: "lost", title: "Lost webhooks today", format: formatPercent,
    value: ({ usage }) => usage?.lost_share ?? null,
    normal: "Below 2%. 100% without PUBLIC_URL: then every end is found by polling.",
    isBad: (value) => value > 0.02,
    remedy: "Ends are found by polling, later than they could be. Check PUBLIC_URL, the proxy, the firewall and the refusals below.",
  },
  {
    id: "refusals", title: "Refused requests", format: perMinute,
    value: ({ now, then, minutes }) => share(now.growth(then, "refusals_total"), minutes),
    normal: "Few. Scanners of the internet cause some.",
    isBad: (_, { now, then }) => now.growth(then, "refusals_total", "code", "store_unavailable", "overloaded") > 0
      || now.growth(then, "refusals_total", "code", "signature_mismatch") > 0,
    remedy: "signature_mismatch: the signing secret is another one; store_unavailable, overloaded: see the store below.",
    details: ({ now }) => labelCounts(now, "refusals_total", "code"),
  },
  {
    id: "calls", title: "Calls to Replicate", format: perMinute,
    value: ({ now, then, minutes }) => share(now.growth(then, "provider_calls_total"), minutes),
    normal: "Answered, all but a few. At most 1,500 a minute beside creations.",
    isBad: (_, { now, then }) =>
      now.growth(then, "provider_calls_total", "outcome", "refused", "unsent", "unanswered", "rate_limited") > 0,
    remedy: "refused: check REPLICATE_API_TOKEN and the account; unsent, unanswered: the network; "
      + "rate_limited: lower CREATES_PER_MINUTE.",
    details: ({ now }) => labelCounts(now, "provider_calls_total", "outcome"),
  },
  {
    id: "callbacks", title: "Oldest pending callback", format: formatDuration,
    value: ({ now }) => now.sum("callbacks_oldest_pending_seconds"),
    normal: "Below a minute.",
    isBad: (value, { now }) => value > 60 || now.sum("callback_receivers_probed") > 0,
    remedy: "Your app does not accept its callbacks. The list below has its answers; fix the app, and they are sent by themselves.",
    details: ({ now }) => labelCounts(now, "callbacks_total", "outcome"),
  },
  {
    id: "stale", title: "Jobs that became stale", format: perMinute,
    value: ({ now, then, minutes }) => share(now.growth(then, "stale_jobs_total"), minutes),
    normal: "None.",
    isBad: (value) => value > 0,
    remedy: "Neither webhooks nor answers came for JOB_TIMEOUT. Look at the calls to Replicate above.",
  },
  {
    id: "lag", title: "Event loop lag", format: formatDuration,
    value: ({ now }) => Math.max(...now.all("event_loop_lag_seconds").map(({ value }) => value)),
    normal: "Below 0.1 s.",
    isBad: (value) => value > 1,
    remedy: "Clients waited that long: too little processor time, or the process was stopped.",
  },
  {
    id: "failures", title: "Failed commits", format: perMinute,
    value: ({ now, then, minutes }) => share(now.growth(then, "commit_failures_total"), minutes),
    normal: "None.",
    isBad: (value) => value > 0,
    remedy: "The store cannot be written, and deliveries are answered 503. The daemon's log has the cause.",
  },
  {
    id: "wal", title: "Write-ahead log", format: formatBytes,
    value: ({ now }) => now.sum("wal_size_bytes"),
    normal: "Below 256 MiB.",
    isBad: (value) => value > 256 * 1048576,
    remedy: "A backup, or another reader of the file, keeps SQLite from resetting it. End it.",
  },
  {
    id: "standbys", title: "Standbys that a commit waits for", format: formatNumber,
    value: ({ now }) => now.sum("commit_standbys"),
    normal: "1 or more. 0: the primary's disk alone has what was acknowledged.",
    isBad: (value) => value === 0,
    remedy: "With synchronous_standby_names a commit waits for a standby. REQUIRE_STANDBY=1 refuses deliveries without one.",
  },
  {
    id: "feed", title: "Change feed lag", format: formatDuration,
    value: ({ now }) => now.sum("feed_lag_seconds"),
    normal: "Below a second.",
    isBad: (value) => value > 5,
    remedy: "An open transaction holds the feed back. Find it in pg_stat_activity, and end it.",
  },
];

/** Counts by a label, without zeros: `applied 12, late 1`. */
function labelCounts(metrics, name, label) {
  return metrics.all(name).filter(({ value }) => value > 0).sort((a, b) => b.value - a.value).slice(0, 6)
    .map(({ labels, value }) => `${labels.get(label)} ${formatNumber(value)}`).join(", ");
}

/** One number with its chart, what is normal, and what to do where it is not. */
class GaugeCard {
  constructor(gauge) {
    this.gauge = gauge;
    this.number = element("p", { class: "number" });
    this.chart = new Chart(gauge.format);
    this.details = element("p", { class: "muted" });
    this.remedy = element("p", { class: "remedy", hidden: true });
    this.node = element("article", { id: `health-${gauge.id}`, class: "panel gauge", hidden: true },
      element("h2", {}, gauge.title), this.number, this.chart.node, this.details,
      element("p", { class: "muted" }, `Normal: ${gauge.normal}`), this.remedy);
  }

  update(reading) {
    const { gauge } = this;
    const value = gauge.value(reading);
    if (value === null || !Number.isFinite(value)) return;
    this.node.hidden = false;
    setText(this.number, gauge.format(value));
    this.chart.add(reading.now.time, value);
    setText(this.details, gauge.details?.(reading) ?? "");
    const isBad = gauge.isBad(value, reading);
    if (isBad && this.remedy.hidden) announce(`${gauge.title}: ${gauge.remedy}`);
    this.node.classList.toggle("bad", isBad);
    this.remedy.hidden = !isBad;
    setText(this.remedy, isBad ? gauge.remedy : "");
  }
}

class HealthView {
  constructor(main, signal) {
    this.signal = signal;
    this.readings = [];
    this.cards = gauges.map((gauge) => new GaugeCard(gauge));
    this.ready = element("div", { id: "health-ready", class: "now" }, "Reading…");
    this.states = element("ul", { class: "states" });
    this.secrets = element("ul", { class: "plain" });
    this.callbacks = element("ul", { class: "plain" });
    this.callbacksPanel = section("health-callback-list", "Callbacks that your app has not accepted", this.callbacks);
    this.callbacksPanel.hidden = true;
    replace(main, element("h1", { tabindex: -1 }, "Health"), this.ready,
      section("health-states", "Jobs by state", this.states),
      element("div", { class: "gauges" }, this.cards.map((card) => card.node)),
      this.callbacksPanel,
      section("health-secrets", "Signing secrets", this.secrets));
    setTitle("Health");
  }

  /** Reads until the view is left. While the page is hidden it rests. */
  async run() {
    for (;;) {
      await visible(this.signal);
      if (this.signal.aborted) return;
      await this.read();
      await pause(pollInterval, this.signal);
    }
  }

  async read() {
    const read = (path, query) => request(path, { query, signal: this.signal });
    const today = new Date(clock.now()).toISOString().slice(0, 10);
    const callbacks = async (state) => {
      if (!await areCallbacksOn()) return [];
      const answer = await read("/callbacks", { state, limit: 20 });
      return answer.ok ? JSON.parse(answer.text).callbacks : [];
    };
    const [metrics, ready, counts, usage, ...lists] = await Promise.all([
      read("/metrics"), read("/readyz"), read("/counts"), read("/usage", { from: today, to: today }),
      callbacks("failed"), callbacks("pending"),
    ]);
    this.showReadiness(ready, metrics);
    if (counts.ok) this.showStates(JSON.parse(counts.text));
    this.showCallbacks(lists.flat());
    if (!metrics.ok) return;
    const now = new Metrics(metrics.text, Date.now());
    this.readings = [...this.readings.slice(1 - readingsKept), now];
    const then = this.readings[0];
    const reading = {
      now, then, minutes: (now.time - then.time) / 60_000,
      usage: usage.ok ? JSON.parse(usage.text).days[0] ?? { lost_share: 0 } : null,
    };
    for (const card of this.cards) card.update(reading);
    this.showSecrets(now);
  }

  showReadiness(ready, metrics) {
    this.ready.className = `now ${ready.ok && metrics.ok ? "succeeded" : "bad"}`;
    if (!metrics.ok) return replace(this.ready, problemBox(metrics.problem));
    if (!ready.ok) return replace(this.ready, problemBox(ready.problem));
    const text = "Ready: the store can be read and written.";
    if (this.ready.textContent !== text) replace(this.ready, element("p", { class: "what" }, text));
  }

  showStates({ total, states }) {
    const rows = Object.entries(states).map(([state, number]) => element("li", {},
      element("a", { href: jobsPath({ state }) }, stateBadge(state)),
      element("meter", { min: 0, max: Math.max(1, total), value: number, "aria-label": `Share of ${state}` }),
      element("span", { class: "count" }, formatNumber(number))));
    if (this.states.textContent !== rows.map((row) => row.textContent).join("")) replace(this.states, rows);
  }

  showCallbacks(callbacks) {
    this.callbacksPanel.hidden = callbacks.length === 0;
    const rows = callbacks.map(({ job, type, state, host, status, error, tries }) => element("li", {},
      element("span", { class: `outcome ${state}` }, state), " ", jobLink(job), " ",
      visibleText([type, host, status && `answered ${status}`, error, `tries: ${tries}`].filter(Boolean).join(", "))));
    if (this.callbacks.textContent !== rows.map((row) => row.textContent).join("")) replace(this.callbacks, rows);
  }

  showSecrets(metrics) {
    const accepted = metrics.all("secret_accepted_total");
    const last = metrics.all("secret_last_accepted_timestamp_seconds");
    const rows = last.map(({ value, labels }, index) => element("li", {}, `Secret ${labels.get("position") ?? index}: `,
      value > 0 ? ["accepted last ", formatTime(new Date(value * 1000).toISOString()), " · ",
        counted(accepted[index]?.value ?? 0, "delivery").replace("deliverys", "deliveries")]
        : "no delivery accepted since the start"));
    rows.push(element("li", { class: "muted" }, last.length > 1
      ? "A secret that accepts nothing more, while another does, can be removed."
      : "To rotate it, set the old and the new one together; this list then shows which one is in use."));
    if (this.secrets.textContent !== rows.map((row) => row.textContent).join("")) replace(this.secrets, rows);
  }
}

function showHealth(main, _, signal) {
  return new HealthView(main, signal).run();
}
