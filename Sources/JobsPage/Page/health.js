// The health of the daemon, from its metrics since the page was opened. The daemon keeps no time series.

const pollInterval = 5000;
/** Readings that are compared with the newest: a minute of them. */
const readingsKept = 13;

const perMinute = (number) => `${formatNumber(Number(number.toFixed(number < 10 ? 1 : 0)))}/min`;

// What a gauge reads: `now` and `then` are readings at most a minute apart.
const rate = (name) => ({ now, then, minutes }) => {
  const growth = now.growth(then, name);
  return growth === null ? null : growth / minutes;
};
const latest = (name) => ({ now }) => now.sum(name);
const above = (limit) => (value) => value > limit;
const grows = (...counter) => (_, { now, then }) => now.growth(then, ...counter) > 0;
/** Counts by a label, without zeros: `applied 12, late 1`. */
const byLabel = (name, label) => ({ now }) => {
  const counts = new Map();
  for (const { labels, value } of now.all(name)) {
    counts.set(labels.get(label), (counts.get(labels.get(label)) ?? 0) + value);
  }
  return [...counts].filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a).slice(0, 6)
    .map(([text, count]) => `${text} ${formatNumber(count)}`).join(", ");
};

/** The numbers in their order. One whose metric this daemon does not have is left out. */
const gauges = [
  {
    id: "deliveries", title: "Deliveries", format: perMinute, value: rate("deliveries_total"),
    details: byLabel("deliveries_total", "outcome"),
    normal: "A few for each running job, none while no job runs.",
    isBad: (_, { now, states }) => states?.running > 0 && now.sum("secret_accepted_total") === 0,
    remedy: "Jobs run, but no webhook was accepted since the start. Check PUBLIC_URL, proxy and secret.",
  },
  {
    id: "queue", title: "Commit queue", format: formatNumber, value: latest("commit_queue_depth"),
    normal: "Below 100. At 4,096, deliveries are answered 503.", isBad: above(100),
    remedy: "More arrives than the disk commits. Look for other load on it, or use a faster one.",
  },
  {
    id: "lost", title: "Lost webhooks today", format: formatPercent, value: ({ lostShare }) => lostShare,
    normal: "Below 2%. 100% without PUBLIC_URL.", isBad: above(0.02),
    remedy: "Ends are found late, by polling. Check PUBLIC_URL, proxy, firewall and refused requests.",
  },
  {
    id: "refusals", title: "Refused requests", format: perMinute, value: rate("refusals_total"),
    details: byLabel("refusals_total", "code"),
    normal: "Few. Scanners of the internet cause some.",
    isBad: grows("refusals_total", "code", "store_unavailable", "overloaded", "signature_mismatch"),
    remedy: "signature_mismatch: compare the secrets. store_unavailable, overloaded: see failed commits.",
  },
  {
    id: "calls", title: "Calls to Replicate", format: perMinute, value: rate("provider_calls_total"),
    details: byLabel("provider_calls_total", "outcome"),
    normal: "All answered.",
    isBad: grows("provider_calls_total", "outcome", "refused", "unsent", "unanswered", "rate_limited"),
    remedy: "refused: check REPLICATE_API_TOKEN and the account. unsent, unanswered: check the network. "
      + "rate_limited: lower CREATES_PER_MINUTE.",
  },
  {
    id: "callbacks", title: "Oldest pending callback", format: formatDuration,
    value: latest("callbacks_oldest_pending_seconds"), details: byLabel("callbacks_total", "outcome"),
    normal: "Below a minute.", isBad: above(60),
    remedy: "Your app does not accept its callbacks. The list below has its answers.",
  },
  {
    id: "stale", title: "Jobs that became stale", format: perMinute, value: rate("stale_jobs_total"),
    normal: "None.", isBad: above(0),
    remedy: "Neither webhooks nor answers came for JOB_TIMEOUT. See the calls to Replicate.",
  },
  {
    id: "lag", title: "Event loop lag", format: formatDuration,
    value: ({ now }) => Math.max(...now.all("event_loop_lag_seconds").map(({ value }) => value)),
    normal: "Below a second.", isBad: above(1),
    remedy: "Clients waited that long. The process has too little processor time, or was stopped.",
  },
  {
    id: "failures", title: "Failed commits", format: perMinute, value: rate("commit_failures_total"),
    normal: "None.", isBad: above(0),
    remedy: "The store cannot be written, and deliveries are answered 503. The daemon's log has the cause.",
  },
  {
    id: "files", title: "Files not yet kept", format: formatNumber, value: latest("archive_waiting"),
    details: byLabel("archive_failed_total", "code"), normal: "A few for each job that has just ended.",
    isBad: (value, { now }) => value > 0 && now.sum("archive_nearest_expiry_seconds") < 600,
    remedy: "The source of one expires within ten minutes. GET /archive has the reason.",
  },
  {
    id: "spool", title: "Files waiting to be stored", format: formatBytes,
    value: latest("archive_spool_bytes"), details: byLabel("archive_paused", "reason"),
    normal: "Near zero.", isBad: (_, { now }) => now.sum("archive_paused") > 0,
    remedy: "The place where files are kept does not take them. GET /archive has the reason.",
  },
  {
    id: "wal", title: "Write-ahead log", format: formatBytes, value: latest("wal_size_bytes"),
    normal: "Below 256 MiB.", isBad: above(256 * 1048576),
    remedy: "A backup or another reader of the database file holds it. End that.",
  },
  {
    id: "standbys", title: "Standbys a commit waits for", format: formatNumber,
    value: latest("commit_standbys"),
    normal: "1 or more.", isBad: (value) => value === 0,
    remedy: "Only the primary's disk has what is acknowledged. Set synchronous_standby_names in PostgreSQL.",
  },
  {
    id: "feed", title: "Change feed lag", format: formatDuration, value: latest("feed_lag_seconds"),
    normal: "Below 5 s.", isBad: above(5),
    remedy: "An open transaction holds the feed back. Find it in pg_stat_activity, and end it.",
  },
];

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
    if (value === null) return;
    this.node.hidden = false;
    // The first reading has no rates.
    if (!Number.isFinite(value)) return setText(this.number, "…");
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
    this.callbacksPanel = section(
      "health-callback-list", "Callbacks not accepted by your app", this.callbacks);
    this.callbacksPanel.hidden = true;
    this.refusals = element("ul", { class: "plain" });
    this.refusalsPanel = section("health-refusal-list", "Refused deliveries", this.refusals);
    this.refusalsPanel.hidden = true;
    replace(main, element("h1", { tabindex: -1 }, "Health"), this.ready,
      element("div", { class: "gauges" }, section("health-states", "Jobs by state", this.states),
        this.cards.map((card) => card.node), section("health-secrets", "Signing secrets", this.secrets)),
      this.callbacksPanel, this.refusalsPanel);
    setTitle("Health");
  }

  /** Reads until the view is left. While the page is hidden it rests. */
  async run() {
    for (;;) {
      await untilVisible(this.signal);
      if (this.signal.aborted) return;
      await this.read();
      await pause(pollInterval, this.signal);
    }
  }

  async read() {
    const read = (path, query) => request(path, { query, signal: this.signal });
    const today = new Date(clock.now()).toISOString().slice(0, 10);
    const [metrics, ready, counts, usage, refusals] = await Promise.all([
      read("/metrics"), read("/readyz"), read("/counts"), read("/usage", { from: today, to: today }),
      read("/refusals", { limit: 20 }),
    ]);
    if (refusals.ok) this.showRefusals(JSON.parse(refusals.text).refusals);
    this.showReadiness(ready, metrics);
    const { total, states } = counts.ok ? JSON.parse(counts.text) : {};
    if (states) this.showStates(total, states);
    if (!metrics.ok) return;
    let now;
    try {
      now = new Metrics(metrics.text, Date.now());
    } catch (error) {
      return replace(this.ready, muted(`The metrics cannot be read: ${error.message}.`));
    }
    if (now.all("callbacks_total").length > 0) {
      const lists = await Promise.all(
        ["failed", "pending"].map((state) => read("/callbacks", { state, limit: 20 })));
      this.showCallbacks(lists.filter(({ ok }) => ok).flatMap(({ text }) => JSON.parse(text).callbacks));
    }
    this.readings = [...this.readings.slice(1 - readingsKept), now];
    const then = this.readings[0];
    const reading = {
      now, then, states, minutes: (now.time - then.time) / 60_000,
      lostShare: usage.ok ? JSON.parse(usage.text).days[0]?.lost_share ?? 0 : null,
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

  showStates(total, states) {
    fill(this.states, Object.entries(states).map(([state, number]) => element("li", {},
      element("a", { href: jobsPath({ state }) }, stateBadge(state)),
      element("meter", { min: 0, max: Math.max(1, total), value: number, "aria-label": `Share of ${state}` }),
      element("span", {}, formatNumber(number)))));
  }

  showCallbacks(callbacks) {
    this.callbacksPanel.hidden = callbacks.length === 0;
    fill(this.callbacks, callbacks.map(({ job, type, state, host, status, error, tries }) => element("li", {},
      outcomeBadge(state), " ", jobLink(job), " ",
      visibleText([type, host, status && `answered ${status}`, error, `tries: ${tries}`].filter(Boolean)
        .join(", ")))));
  }

  showRefusals(refusals) {
    this.refusalsPanel.hidden = refusals.length === 0;
    fill(this.refusals, refusals.map((refusal) => element("li", {}, formatTime(refusal.received_at), " ",
      visibleText([refusal.code, refusal.method && `${refusal.method} ${refusal.path}`,
        `from ${refusal.client}`, refusal.webhook_id, refusal.reason].filter(Boolean).join(", ")))));
  }

  showSecrets(metrics) {
    const accepted = metrics.all("secret_accepted_total");
    const used = metrics.all("secret_last_accepted_timestamp_seconds").filter(({ value }) => value > 0);
    fill(this.secrets, [
      ...used.map(({ value, labels }) => {
        const position = labels.get("position");
        const number = accepted.find((sample) => sample.labels.get("position") === position)?.value ?? 0;
        return element("li", {}, `Secret ${position} accepted ${formatNumber(number)}, last `,
          formatTime(new Date(value * 1000).toISOString()));
      }),
      used.length === 0 ? element("li", {}, "No delivery was accepted since the start.") : null,
      element("li", { class: "muted" }, "To rotate the secret, set the new one beside the old one. "
        + "Remove the one that accepts nothing more."),
    ].filter(Boolean));
  }
}

function showHealth(main, _, signal) {
  return new HealthView(main, signal).run();
}
