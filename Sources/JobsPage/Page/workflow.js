// The view of one workflow: its graph, one step of it, and its result.

/** By `error.code`: what has happened to a workflow, and what to do about it. */
const workflowRemedies = {
  gate_refused: {
    title: "A condition refused to go on",
    remedy: "The step's require was false. Nothing that needs it was sent.",
  },
  unresolved_reference: {
    title: "A reference leads nowhere",
    remedy: "Compare it with the output of the step that it names. A default avoids the failure.",
  },
  too_many_items: {
    title: "A list has more items than the step allows", remedy: "No item was started. Raise max_items.",
  },
  input_too_large: { title: "The input of a step is too large", remedy: "Pass URLs of files, and no data." },
  output_expired: {
    title: "A file was gone before its step started",
    remedy: "Replicate deletes files after an hour. Resume, and the step before runs again.",
  },
  limit_reached: {
    title: "The workflow has reached its limits", remedy: "Resume to go on: limits count anew.",
  },
  deadline: {
    title: "The workflow has reached its deadline", remedy: "Resume to go on: the deadline counts anew.",
  },
  upstream_failed: {
    title: "A step was left out", remedy: "It needs an optional step that has failed. A default avoids it.",
  },
};

const workflowSituations = {
  pending: "Waits for its first step to run",
  succeeded: "The workflow succeeded",
  canceled: "The workflow was canceled",
};

function workflowPath(id, step) {
  return `/?${new URLSearchParams({ workflow: id, ...step && { step } })}`;
}

class WorkflowActions extends Actions {
  constructor(id, signal) {
    super(id, signal);
    this.path = `/workflows/${encodeURIComponent(id)}`;
    setText(this.retryButton, "Resume…");
  }

  update(workflow) {
    this.job = workflow;
    this.cancelButton.hidden = workflow.isEnded;
    this.cancelButton.disabled = workflow.get("stopping") !== undefined;
    this.retryButton.hidden = !["failed", "canceled"].includes(workflow.state);
    this.node.hidden = false;
  }

  async cancel() {
    const isConfirmed = await confirmDialog({
      title: "Cancel this workflow?", action: "Cancel workflow", isDangerous: true,
      text: "What runs is canceled at Replicate, and nothing more is sent. What has run may be billed.",
    });
    if (isConfirmed && await this.send(`${this.path}/cancel`, { method: "POST" })) {
      notify("The workflow is being canceled.");
    }
  }

  /** Resumes: the second button of a workflow. */
  async retry() {
    const isConfirmed = await confirmDialog({
      title: "Resume this workflow?", action: "Resume workflow", refusal: "Not now",
      text: "Steps that have succeeded are kept, and all others run again. "
        + "A kept step whose files are gone runs again, too.",
    });
    if (isConfirmed && await this.send(`${this.path}/resume`, { method: "POST" })) this.resumed();
  }

  async delete() {
    const isOpen = !this.job.isEnded;
    const isConfirmed = await confirmDialog({
      title: isOpen ? "Cancel and delete this workflow?" : "Delete this workflow?", isDangerous: true,
      action: isOpen ? "Cancel and delete" : "Delete workflow",
      text: "It is deleted for good, with its jobs, their outputs and logs. The sums of usage stay.",
    });
    if (!isConfirmed) return;
    const answer = await this.send(this.path, { method: "DELETE" });
    if (answer) await this.deleted(answer.status === 202);
  }
}

class WorkflowView {
  constructor(main, { id, query }, signal) {
    [this.main, this.id, this.signal, this.chosen] = [main, id, signal, query.get("step")];
    this.path = `/workflows/${encodeURIComponent(id)}`;
    this.badge = stateBadge("pending");
    this.badge.hidden = true;
    this.now = element("div", { id: "workflow-now", class: "now" });
    this.actions = new WorkflowActions(id, signal);
    this.actions.resumed = () => this.start();
    this.actions.deleted = (isLater) => this.awaitDeletion(isLater);
    this.graph = new StepGraph((step) => workflowPath(id, step), (step) => this.choose(step), signal);
    this.step = new StepDetails(signal);
    this.output = new OutputView();
    this.outputNote = muted();
    this.outputSection = section("workflow-output", "Output", this.outputNote, this.output.node);
    this.input = element("div");
    this.inputSection = section("workflow-input", "Input", this.input);
    for (const [node, name] of [[this.inputSection, "input"], [this.outputSection, "output"]]) {
      node.firstElementChild.append(copyButton(name, () => this.workflow.texts.get(name) ?? ""));
    }
    this.facts = element("dl", { class: "facts" });
    this.body = element("div", { hidden: true },
      element("section", { class: "panel graph-panel", "aria-labelledby": "graph-title" },
        element("h2", { id: "graph-title", class: "visually-hidden" }, "Graph"), this.graph.node),
      element("div", { class: "columns" },
        element("div", { class: "column" }, this.step.node, this.outputSection),
        element("div", { class: "column" }, section("workflow-details", "Details", this.facts),
          this.inputSection)));
    replace(main,
      element("div", { class: "title" },
        element("h1", { class: "mono", tabindex: -1 }, visibleText(id)), copyButton("id", () => id),
        this.badge, this.actions.node),
      this.actions.results, this.now, this.body);
    setTitle(id);
  }

  async start() {
    const answer = await request(this.path, { signal: this.signal });
    if ([400, 404].includes(answer.status)) return this.showMissing();
    if (answer.problem) return replace(this.now, problemBox(answer.problem, { retry: () => this.start() }));
    this.show(answer.text);
    if (!this.workflow.isEnded) await this.follow();
  }

  /** Follows the workflow to its end. */
  async follow() {
    this.stream?.abort();
    const following = this.stream = new AbortController();
    this.signal.addEventListener("abort", () => following.abort(), { once: true });
    await stream(`${this.path}/events`, {
      event: (name, text) => {
        if (name === "deleted") return this.showDeletion();
        if (name !== "workflow") return;
        this.announceChanges(new Job(text));
        this.show(text);
        if (this.workflow.isEnded) following.abort();
      },
    }, following.signal);
  }

  announceChanges(next) {
    const before = new Map(this.steps.map(({ name, state }) => [name, state]));
    const ended = next.get("steps").filter(({ name, state }) =>
      state !== before.get(name) && ["running", "succeeded", "failed", "canceled"].includes(state));
    const texts = ended.slice(0, 5).map(({ name, state }) => `${name} ${state}`);
    if (next.state !== this.workflow.state) texts.push(`The workflow is ${next.state}`);
    if (texts.length) announce(visibleText(texts.join(", ")));
  }

  show(text) {
    const workflow = this.workflow = new Job(text);
    this.steps = workflow.get("steps");
    this.badge.hidden = this.body.hidden = false;
    setState(this.badge, workflow.state);
    this.actions.update(workflow);
    this.showNow();
    if (!this.steps.some(({ name }) => name === this.chosen)) this.chosen = this.firstStep;
    this.graph.chosen = this.chosen;
    this.graph.update(this.steps);
    this.showStep();
    this.showOutput();
    const input = workflow.texts.get("input");
    this.inputSection.hidden = !input || /^\{\s*\}$/.test(input);
    if (input && input !== this.shownInput) replace(this.input, inputView(input));
    this.shownInput = input;
    this.showFacts();
  }

  /** The step that matters most: the one that failed, else one that runs, else the last that has run. */
  get firstStep() {
    const first = (state) => this.steps.find((step) => step.state === state)?.name;
    const isOver = ({ state }) => state === "succeeded";
    return this.workflow.get("error")?.step ?? first("failed") ?? first("running") ?? first("pending")
      ?? this.steps.findLast(isOver)?.name ?? this.steps[0]?.name;
  }

  choose(name) {
    this.chosen = name;
    history.replaceState(history.state, "", workflowPath(this.id, name));
    this.showStep();
    const { state } = this.steps.find((step) => step.name === name);
    announce(visibleText(`Step ${name}, ${state}`));
  }

  showStep() {
    const index = this.steps.findIndex(({ name }) => name === this.chosen);
    const [part] = [...jsonParts(this.workflow.texts.get("steps"))].slice(index, index + 1);
    this.graph.mark(this.chosen);
    if (part) this.step.update(this.steps[index], part.text, this.context);
  }

  get context() {
    return { age: this.workflow.age, kept: new KeptFiles(new Job("{}")) };
  }

  showNow() {
    const { workflow } = this;
    const [error, stopping, state] = [workflow.get("error"), workflow.get("stopping"), workflow.state];
    const done = this.steps.filter((step) => ["succeeded", "skipped"].includes(step.state)).length;
    const sum = `${formatNumber(done)} of ${counted(this.steps.length, "step")} done`;
    const { title, remedy } = !error ? {}
      : workflowRemedies[error.code] ?? remedyFor(remedies, error.code);
    const what = title ?? (stopping ? "Stops when its last job has ended"
      : workflowSituations[state] ?? `Running, ${sum},`);
    const [since, end] = [workflow.get("created_at"), workflow.get("ended_at")];
    const took = end && (Date.parse(end) - Date.parse(since)) / 1000;
    const link = error?.step
      && element("a", { href: workflowPath(this.id, error.step) }, visibleText(error.step));
    link?.addEventListener("click", (event) => {
      event.preventDefault();
      this.choose(error.step);
    });
    this.now.className = `now ${state === "failed" || error ? "bad" : state}`;
    fill(this.now, [
      element("p", { class: "what" }, what,
        took && state === "succeeded" ? ` in ${formatDuration(took)}` : null,
        !end && !error ? [" for ", formatElapsed(since)] : null,
        error ? [" ", element("code", { class: "code" }, visibleText(error.code))] : null),
      error?.message ? element("p", { class: "message" }, longText(error.message)) : null,
      link || remedy ? element("p", {}, link && ["Step ", link, ". "], remedy) : null,
    ].filter(Boolean));
  }

  showOutput() {
    const { workflow } = this;
    const text = workflow.texts.get("output");
    this.outputSection.hidden = text === undefined && workflow.state !== "succeeded";
    this.outputNote.hidden = text !== undefined;
    this.output.node.hidden = text === undefined;
    this.outputSection.querySelector(".copy").hidden = text === undefined;
    const error = workflow.get("output_error");
    setText(this.outputNote, !error ? "There is no output."
      : `It could not be put together: ${visibleText(error)}. The steps have it all.`);
    if (text !== undefined) this.output.update(text, { subject: `workflow ${this.id}`, ...this.context });
  }

  showFacts() {
    const { workflow } = this;
    const rows = [];
    const add = (name, value, show = visibleText) => {
      if (value === undefined || value === null) return;
      rows.push(element("div", {}, element("dt", {}, name), element("dd", {}, show(value))));
    };
    const time = (value) => [formatTime(value), " (", formatAge(value), ")"];
    const usage = workflow.get("usage") ?? {};
    add("Created", workflow.get("created_at"), time);
    add("Ended", workflow.get("ended_at"), time);
    add("Deadline", workflow.get("deadline_at"), formatTime);
    add("Attempt", workflow.get("attempt"), String);
    add("Predictions", usage.predictions, formatNumber);
    add("Predict time", usage.predict_seconds, formatDuration);
    add("Revision", workflow.get("revision"), String);
    for (const [name, text] of jsonMembers(workflow.texts.get("metadata") ?? "{}")) {
      add(`metadata.${visibleText(name)}`, text, () => metadataLink(name, text));
    }
    add("Callback", workflow.texts.get("callback"), (text) => jsonNode(text));
    fill(this.facts, rows);
  }

  showMissing() {
    replace(this.now, element("h2", {}, "There is no such workflow"),
      element("p", {}, "It was deleted, by RETENTION for example, or its id is misspelt."),
      element("p", {}, element("a", { href: "/?view=workflows" }, "All workflows")));
  }

  async awaitDeletion(isLater) {
    if (isLater) notify("The workflow is canceled, and deleted after its end.");
    while (isLater && !this.signal.aborted) {
      await pause(1000, this.signal);
      isLater = (await request(this.path, { signal: this.signal })).status !== 404;
    }
    this.showDeletion();
  }

  showDeletion() {
    this.stream?.abort();
    for (const node of [this.body, this.actions.node, this.badge]) node.hidden = true;
    this.now.className = "now";
    replace(this.actions.results);
    replace(this.now, element("h2", { tabindex: -1 }, "This workflow was deleted"),
      element("p", {}, element("a", { href: "/?view=workflows" }, "All workflows")));
    this.now.firstElementChild.focus();
    announce("The workflow was deleted");
  }
}

function showWorkflow(main, route, signal) {
  return new WorkflowView(main, route, signal).start();
}
