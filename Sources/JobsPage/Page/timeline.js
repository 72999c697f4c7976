// What has happened to a job, oldest first: deliveries, polls, attempts and callbacks, and what each changed.

const sourceNames = {
  webhook: "Webhook", poll: "Poll", answer: "Answer of a call", list: "Replicate's list",
  daemon: "Concluded by the daemon", attempt: "Attempt", callback: "Callback", creation: "Created",
};

const outcomeTexts = {
  duplicate: "Received before: changed nothing.",
  late: "Nothing new: changed nothing.",
  conflict: "Contradicts what is recorded: changed nothing.",
  unknown_status: "A status that this version does not know: kept, changed nothing.",
  not_found: "Replicate answered that there is no such prediction (404).",
};

/** What an entry of the history changed, compared with the one before it. */
function changeText(entry, before) {
  const parts = [];
  if (entry.state !== before?.state) parts.push([before?.state, entry.state].filter(Boolean).join(" → "));
  else if (entry.revision !== before.revision) parts.push("new output, logs or progress");
  if (entry.revision !== before?.revision) parts.push(`revision ${entry.revision}`);
  const isNew = entry.outcome !== "duplicate" && entry.outcome !== "late";
  if (isNew && entry.provider_status && entry.provider_status !== before?.provider_status) {
    parts.push(`status ${entry.provider_status}`);
  }
  if (entry.code) parts.push(entry.code);
  return [outcomeTexts[entry.outcome], parts.join(", ")].filter(Boolean).join(" ") || "Changed nothing.";
}

let hasCallbacks;

/** Whether the daemon sends callbacks: without a receiver it has neither their metrics nor their route. */
async function areCallbacksOn(signal) {
  if (hasCallbacks === undefined) {
    const { ok, text } = await request("/metrics", { signal });
    if (ok) hasCallbacks = text.includes(`${Metrics.prefix}callbacks_total`);
  }
  return hasCallbacks === true;
}

function outcomeBadge(outcome) {
  return element("span", { class: `outcome ${outcome}` }, visibleText(outcome.replace("_", " ")));
}

class Timeline {
  static pageSize = 100;

  constructor(id, signal) {
    this.path = `/jobs/${encodeURIComponent(id)}/history`;
    this.id = id;
    this.controller = new AbortController();
    this.signal = AbortSignal.any([signal, this.controller.signal]);
    this.rows = new Map();
    this.list = element("ol", { class: "timeline" });
    this.counts = muted();
    this.more = button("", () => this.loadMore(), "more");
    this.more.hidden = true;
    this.problem = element("div");
    this.node = element("div", {}, this.counts, this.list, this.more, this.problem);
    this.isComplete = true;
  }

  /** Reads what is new. Called after each change of the job; several while one is read are one. */
  async update(job) {
    this.job = job;
    this.isDue = true;
    if (this.isLoading) return;
    this.isLoading = true;
    try {
      while (this.isDue && !this.signal.aborted) {
        this.isDue = false;
        await Promise.all([this.isComplete ? this.load() : null, this.loadCallbacks()]);
        this.addJobEntries();
        // Deliveries may come many a second. A pending callback is delivered without a change of the job.
        await pause(this.hasPendingCallback ? 3000 : 1000, this.signal);
        await untilVisible(this.signal);
        this.isDue ||= this.hasPendingCallback;
      }
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    } finally {
      this.isLoading = false;
    }
  }

  /** Reads nothing more. */
  stop() {
    this.controller.abort();
  }

  async load() {
    const query = { limit: Timeline.pageSize, ...this.last && { after: this.last.position } };
    const answer = await request(this.path, { query, signal: this.signal });
    const retry = () => this.update(this.job);
    replace(this.problem, answer.ok ? null : problemBox(answer.problem, { retry }));
    if (!answer.ok) return;
    const { counts, deliveries, next } = JSON.parse(answer.text);
    for (const entry of deliveries) {
      this.add(`history ${entry.position}`, {
        time: entry.received_at, source: entry.source, outcome: entry.outcome,
        text: changeText(entry, this.last), note: entry.webhook_id,
      });
      this.last = entry;
    }
    this.isComplete = next === undefined;
    const shown = this.last?.position ?? 0;
    const total = Object.values(counts).reduce((sum, number) => sum + number, 0);
    this.more.hidden = this.isComplete;
    setText(this.more, `Show more: ${formatNumber(Math.max(0, total - shown))} later`);
    setText(this.counts, Object.entries(counts).filter(([, number]) => number > 0)
      .map(([outcome, number]) => `${formatNumber(number)} ${outcome.replace("_", " ")}`).join(" · "));
  }

  async loadMore() {
    if (this.isLoadingMore) return;
    this.isLoadingMore = true;
    const last = this.list.lastElementChild;
    await this.load();
    this.isLoadingMore = false;
    if (this.more.hidden) last?.nextElementSibling?.focus();
  }

  /** Callbacks, which are off where the daemon has no receiver. */
  async loadCallbacks() {
    if (!await areCallbacksOn(this.signal)) return;
    const answer = await request("/callbacks", { query: { job: this.id, limit: 100 }, signal: this.signal });
    if (answer.problem) return;
    const { callbacks } = JSON.parse(answer.text);
    for (const callback of callbacks) this.addCallback(callback);
    this.hasPendingCallback = callbacks.some(({ state }) => state === "pending");
  }

  addCallback(callback) {
    const { id, type, state, tries, host, status, error } = callback;
    const parts = [type, host && `to ${host}`, status && `answered ${status}`, error, `tries: ${tries}`];
    const next = state === "pending" ? callback.next_try_at : null;
    this.add(`callback ${id}`, {
      time: callback.occurred_at, source: "callback", outcome: state, note: id,
      text: [parts.filter(Boolean).join(", "), next ? [". Next try ", formatTime(next)] : null],
      action: state === "delivered" ? null : button("Retry now", () => this.retry(id), "button small change"),
    });
  }

  async retry(id) {
    const path = `/callbacks/${encodeURIComponent(id)}/retry`;
    const { problem } = await request(path, { method: "POST", signal: this.signal });
    notify(problem ? problemText(problem) : "The callback is due now.", { isError: problem !== null });
    this.update(this.job);
  }

  /** What the job's own document knows: its creation, and attempts that came to nothing. */
  addJobEntries() {
    const job = this.job;
    if (job.get("attempt") !== undefined) {
      const retried = job.get("retry_of");
      const text = retried ? `Retries ${retried}` : "Accepted by the daemon";
      this.add("creation", { time: job.get("created_at"), source: "creation", text });
    }
    for (const [index, attempt] of (job.get("attempts") ?? []).entries()) {
      const { code, message } = attempt.error ?? {};
      this.add(`attempt ${index}`, {
        time: attempt.ended_at, source: "attempt", outcome: "failed", note: attempt.prediction_id,
        text: [attempt.prediction_id ? "Ended" : "The call to create it was refused", code, message]
          .filter(Boolean).join(", "),
      });
    }
  }

  /** A time as the distance from the job's creation. */
  offset(rfc3339) {
    const node = formatTime(rfc3339);
    const seconds = (Date.parse(rfc3339) - Date.parse(this.job.get("created_at"))) / 1000;
    const sign = seconds < 0 ? "−" : "+";
    if (Number.isFinite(seconds)) setText(node, sign + formatDuration(Math.abs(seconds)));
    return node;
  }

  /** Puts an entry at its place in time. One that is there is replaced where it differs. */
  add(key, { time, source, outcome, text, note, action }) {
    const old = this.rows.get(key);
    const texts = [text].flat(2).map((part) => (typeof part === "string" ? visibleText(part) : part));
    const signature = JSON.stringify([outcome, texts.map((part) => part?.dateTime ?? part)]);
    if (old?.signature === signature) return;
    const row = element("li", { tabindex: -1, class: `entry ${source}` },
      element("div", { class: "line" },
        element("strong", {}, sourceNames[source] ?? source),
        outcome ? outcomeBadge(outcome) : null,
        this.offset(time)),
      element("p", {}, texts, action ? [" ", action] : null),
      note ? element("p", { class: "muted mono note" }, visibleText(note)) : null);
    row.dataset.time = Date.parse(time);
    this.rows.set(key, { signature, node: row });
    if (old) return old.node.replaceWith(row);
    // Most are the latest: so the place is looked for from the end.
    let place = this.list.lastElementChild;
    const timeOf = (node) => Number(node.dataset.time);
    while (place && timeOf(place) > timeOf(row)) place = place.previousElementSibling;
    if (place) place.after(row); else this.list.prepend(row);
  }
}
