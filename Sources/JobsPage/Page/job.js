// The view of one job: what it is now, what to do about it, and all that is known of it.

/** A job's document, whose members keep the text that the daemon has sent. */
class Job {
  constructor(text) {
    this.texts = jsonMembers(text);
  }

  get(name) {
    const text = this.texts.get(name);
    return text === undefined ? undefined : JSON.parse(text);
  }

  get state() {
    return this.get("state");
  }

  get isEnded() {
    return ["succeeded", "failed", "canceled"].includes(this.state);
  }

  /** Whether it has succeeded at Replicate, and ends when its files are kept. */
  get isHeld() {
    return this.state === "running" && this.get("provider_status") === "succeeded";
  }

  /** Milliseconds since its end; 0 while it is open. */
  get age() {
    const end = this.get("completed_at") ?? this.get("updated_at");
    return this.isEnded && end ? Math.max(0, clock.now() - Date.parse(end)) : 0;
  }
}

/** What a job is now, and what to do about it: a title, a text, and a message of Replicate's. */
function explanation(job) {
  const [order, error, state] = [job.get("order"), job.get("error"), job.state];
  if (error) return { ...remedyFor(remedies, error.code), code: error.code, message: error.message };
  if (order && !job.isEnded) {
    const entry = order.cancel_requested ? stages.placed
      : order.reason ? remedyFor(waits, order.reason) : remedyFor(stages, order.stage);
    return { ...entry, code: order.reason, next: order.next_try_at, tries: order.tries };
  }
  if (job.isHeld) return situations.held;
  return { title: state, remedy: "", ...Object.hasOwn(situations, state) && situations[state] };
}

function section(id, title, ...children) {
  return element("section", { id, class: "panel", "aria-labelledby": `${id}-title` },
    element("div", { class: "head" }, element("h2", { id: `${id}-title` }, title)), children);
}

/** An external page about a thing of Replicate's. */
function replicateLink(path, text) {
  const steps = path.split("/").map(encodeURIComponent).join("/");
  return fileLink(`https://replicate.com/${steps}`, visibleText(text));
}

/** A value by which lists can be filtered leads to the list of all jobs with it. */
function metadataLink(name, text) {
  if (text[0] === "{" || text[0] === "[" || text === "null") return jsonNode(text);
  const value = text[0] === '"' ? JSON.parse(text) : text;
  return element("a", { href: jobsPath({ [`metadata.${name}`]: value }) }, visibleText(value));
}

class JobView {
  constructor(main, id, signal) {
    [this.main, this.id, this.signal] = [main, id, signal];
    this.heading = element("h1", { class: "mono", tabindex: -1 }, visibleText(id));
    this.badge = stateBadge("pending");
    this.badge.hidden = true;
    this.model = element("span", { class: "model" });
    this.now = element("div", { id: "job-now", class: "now" });
    this.bar = element("progress", { id: "job-progress", "aria-label": "Progress", max: 1 });
    this.actions = new Actions(id, signal);
    this.actions.deleted = (isLater) => {
      if (!isLater) return this.showDeletion();
      notify("The job is canceled, and deleted after its end.");
      return this.awaitDeletion();
    };
    this.output = new OutputView();
    this.outputNote = muted();
    this.logs = new LogsView(id, signal);
    this.timeline = new Timeline(id, signal);
    this.input = element("div");
    this.facts = element("dl", { class: "facts" });
    this.body = element("div", { class: "columns", hidden: true });
    replace(main,
      element("div", { class: "title" },
        this.heading, copyButton("id", () => this.id), this.badge, this.actions.node),
      this.model, this.actions.results, this.now, this.body);
    this.fillBody();
    setTitle(id);
  }

  fillBody() {
    this.logsSection = section("job-logs", "Logs", this.logs.node);
    this.inputSection = section("job-input", "Input", this.input);
    this.outputSection = section("job-output", "Output", this.outputNote, this.output.node);
    for (const [node, name] of [[this.inputSection, "input"], [this.outputSection, "output"]]) {
      node.firstElementChild.append(copyButton(name, () => this.job.texts.get(name) ?? ""));
    }
    this.body.append(
      element("div", { class: "column" }, this.outputSection, this.inputSection, this.logsSection),
      element("div", { class: "column" }, section("job-details", "Details", this.facts),
        section("job-timeline", "Timeline", this.timeline.node), this.curlSection()));
  }

  /** Commands, made when they are opened. */
  curlSection() {
    const box = element("div");
    const details = element("details", { id: "job-curl", class: "panel curl", ontoggle: async () => {
      if (!details.open || !this.job) return;
      const session = await request("/session", { signal: this.signal });
      isTokenRequired = session.ok && JSON.parse(session.text).required === true;
      const command = (title, name, text) => [
        element("div", { class: "head" }, element("h3", {}, title), copyButton(name, () => text)),
        element("pre", { tabindex: 0, role: "region", "aria-label": title, class: "wrap" },
          longText(text, "text", 4000))];
      replace(box, command("Read this job", "curl command that reads it", curlRead(this.job.get("id"))),
        command("Create a job like it", "curl command that creates one", curlCreate(this.job)));
    } }, element("summary", {}, element("h2", {}, "Copy as curl")), box);
    return details;
  }

  async start() {
    const answer = await request(this.timeline.path.replace("/history", ""), { signal: this.signal });
    // The address of a job named `..` is that of the page itself, and `a/b` is refused with 400.
    if ([400, 404].includes(answer.status) || answer.ok && answer.text[0] !== "{") return this.showMissing();
    if (answer.problem) return replace(this.now, problemBox(answer.problem, { retry: () => this.start() }));
    this.show(answer.text);
    if (!this.job.isEnded) {
      await this.follow(answer.etag);
      // A stream that has ended before the job: it was deleted while the page was disconnected.
      if (!this.stream.signal.aborted) return this.awaitDeletion();
    }
    await this.followFiles();
  }

  /** Follows an ended job while files of its output are fetched. Streams end with the job. */
  async followFiles() {
    let etag = null;
    while (this.job.get("archive")?.state === "pending" && !this.isDeleted) {
      await untilVisible(this.signal);
      if (this.signal.aborted) return;
      const answer = await request(this.timeline.path.replace("/history", ""), {
        signal: this.signal, ...etag && { query: { wait: "30s" }, headers: { "If-None-Match": etag } },
      });
      if (answer.status === 404) return this.showDeletion();
      if (answer.ok && answer.status !== 304) this.show(answer.text);
      etag = answer.etag ?? etag;
      await pause(answer.ok ? 500 : 5000, this.signal);
    }
  }

  /** Follows the job to its end by one stream. */
  follow(etag) {
    this.stream = new AbortController();
    this.signal.addEventListener("abort", () => this.stream.abort(), { once: true });
    return stream(`/jobs/${encodeURIComponent(this.id)}/events`, {
      cursor: etag?.replace(/^W\/|"/g, "") ?? "",
      event: (name, text) => {
        if (name === "deleted") return this.showDeletion();
        if (name !== "job") return;
        const before = this.job.state;
        this.show(text);
        if (this.job.state !== before) announce(`The job is ${this.job.state}`);
        if (this.job.isEnded) this.stream.abort();
      },
    }, this.stream.signal);
  }

  show(text) {
    const job = this.job = new Job(text);
    // It may have been opened by its prediction's id.
    this.id = this.timeline.id = job.get("id");
    setText(this.heading, visibleText(this.id));
    this.badge.hidden = this.body.hidden = false;
    setState(this.badge, job.state);
    const model = job.get("model");
    fill(this.model, model ? [element("a", { href: jobsPath({ model }) }, visibleText(model))] : []);
    this.showNow();
    this.actions.update(job);
    this.showOutput();
    this.showInput();
    const logs = job.texts.get("logs_tail");
    this.logsSection.hidden = !logs || logs === '""';
    if (logs) this.logs.update(logs);
    this.showFacts();
    this.timeline.update(job);
  }

  showNow() {
    const job = this.job;
    const { title, remedy, code, message, next, tries } = explanation(job);
    const isBad = job.state === "failed" || job.state === "stale" || code === "unauthorized";
    const isRunning = job.state === "running" && !job.isHeld;
    this.now.className = `now ${isBad ? "bad" : job.state}`;
    const run = job.get("run_seconds");
    const since = job.get("started_at") ?? job.get("created_at");
    const duration = run !== undefined ? [" in ", formatDuration(run)]
      : isRunning && since && !job.texts.has("order") ? [" for ", formatElapsed(since)] : null;
    const progress = job.get("progress");
    // Without a number the bar is one that has none.
    if (progress === undefined) this.bar.removeAttribute("value"); else this.bar.value = progress;
    replace(this.now,
      element("p", { class: "what" }, title, job.state === "succeeded" || isRunning ? duration : null,
        code && code !== title ? [" ", element("code", { class: "code" }, visibleText(code))] : null),
      isRunning ? element("div", { class: "progress" }, this.bar,
        element("span", {}, progress === undefined ? "no progress known" : formatPercent(progress))) : null,
      message ? element("p", { class: "message" }, longText(message)) : null,
      remedy ? element("p", { id: "job-remedy" }, remedy) : null,
      next ? muted(`Tries so far: ${tries}. Next try `, formatTime(next)) : null,
      job.get("data_removed") ? muted("Its end was found more than an hour later: by then Replicate has "
        + "erased input, output and logs.") : null);
  }

  showOutput() {
    const job = this.job;
    const text = job.texts.get("output");
    const isAbsent = text === undefined || text === "null";
    // An output that is not there is worth a line only where one is expected.
    this.outputSection.hidden = isAbsent && (job.state === "failed" || job.state === "canceled");
    this.outputNote.hidden = !isAbsent;
    this.output.node.hidden = isAbsent;
    this.outputSection.querySelector(".copy").hidden = isAbsent;
    if (isAbsent) {
      return setText(this.outputNote, job.get("data_removed") ? "Erased by Replicate."
        : job.isEnded ? "There is no output." : "No output yet.");
    }
    const prompt = job.texts.get("input") && jsonMembers(job.texts.get("input")).get("prompt");
    const subject = prompt?.[0] === '"' ? `“${JSON.parse(prompt).slice(0, 120)}”` : `job ${this.id}`;
    this.output.update(text, {
      subject: visibleText(subject), age: job.age, kept: new KeptFiles(job),
    });
  }

  showInput() {
    const text = this.job.texts.get("input");
    this.inputSection.hidden = text === undefined;
    if (text === undefined || text === this.shownInput) return;
    this.shownInput = text;
    replace(this.input, inputView(text));
  }

  showFacts() {
    const job = this.job;
    const rows = [];
    const add = (name, value, show = visibleText) => {
      if (value === undefined || value === null) return;
      rows.push(element("div", {}, element("dt", {}, name), element("dd", {}, show(value))));
    };
    const time = (value) => [formatTime(value), " (", formatAge(value), ")"];
    const [model, version] = [job.get("model"), job.get("model_version")];
    add("Created", job.get("created_at"), time);
    add("Started", job.get("started_at"), time);
    add("Ended", job.get("completed_at"), time);
    add("Ended by", job.get("ended_by"));
    add("Queued for", job.get("queue_seconds"), formatDuration);
    add("Ran for", job.get("run_seconds"), formatDuration);
    add("Stale since", job.get("stale_at"), time);
    add("Last webhook", job.get("last_delivery_at"), time);
    const name = model?.split(":")[0];
    add("Workflow", job.get("workflow"), (id) => {
      const step = job.get("step");
      const link = element("a", { href: workflowPath(id, step) }, visibleText(id));
      return [link, `, step ${visibleText(step ?? "")}`];
    });
    add("Model", model, () => replicateLink(name, model));
    add("Version", version, () => (/^[0-9a-f]{64}$/.test(version) && model
      ? replicateLink(`${name}/versions/${version}`, version.slice(0, 12)) : visibleText(version)));
    add("Prediction", job.get("prediction_id"), (id) => replicateLink(`p/${id}`, id));
    add("Replicate's status", job.get("provider_status"));
    add("Retries job", job.get("retry_of"), (id) => jobLink(id));
    add("Attempt", job.get("attempt"), String);
    add("Kept files", job.get("archive"), keptSummary);
    add("Revision", job.get("revision"), String);
    for (const [name, text] of jsonMembers(job.texts.get("metadata") ?? "{}")) {
      add(`metadata.${visibleText(name)}`, text, () => metadataLink(name, text));
    }
    for (const [name, text] of jsonMembers(job.texts.get("metrics") ?? "{}")) {
      add(visibleText(name), text, () => jsonNode(text));
    }
    add("Callback", job.texts.get("callback"), (text) => jsonNode(text));
    add("Webhook query", job.get("webhook_query"), (text) => longText(text));
    fill(this.facts, rows);
  }

  showMissing() {
    replace(this.now, element("h2", {}, "There is no such job"),
      element("p", {}, "It was deleted, by RETENTION for example, or its id is misspelt."),
      element("p", {}, element("a", { href: "/" }, "All jobs")));
  }

  /** Waits until the job has ended and is gone. A list answers 200 then, and no 404. */
  async awaitDeletion() {
    this.timeline.stop();
    for (;;) {
      const answer = await request("/jobs", { query: { ids: this.id }, signal: this.signal });
      if (answer.ok && JSON.parse(answer.text).jobs.length === 0) return this.showDeletion();
      await pause(1000, this.signal);
    }
  }

  showDeletion() {
    this.isDeleted = true;
    this.stream?.abort();
    this.timeline.stop();
    for (const node of [this.body, this.actions.node, this.badge, this.model]) node.hidden = true;
    this.now.className = "now";
    replace(this.actions.results);
    replace(this.now, element("h2", { tabindex: -1 }, "This job was deleted"),
      element("p", {}, element("a", { href: "/" }, "All jobs")));
    this.now.firstElementChild.focus();
    announce("The job was deleted");
  }
}

function showJob(main, { id }, signal) {
  return new JobView(main, id, signal).start();
}
