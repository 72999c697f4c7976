// What one can do to a job: cancel, retry, delete and copy it. Changes are confirmed first, refusals shown.

/** A problem in one line. */
function problemText(problem) {
  return [problem.detail || problem.title, problem.remedy].filter(Boolean).join(". ");
}

/** Copies a text, also where the page came without TLS: there browsers have no `navigator.clipboard`. */
async function copyText(text, name) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = element("textarea", { class: "visually-hidden", "aria-hidden": "true" });
    const focused = document.activeElement;
    area.value = text;
    document.body.append(area);
    area.select();
    const isCopied = document.execCommand("copy");
    area.remove();
    focused?.focus();
    if (!isCopied) {
      notify("Not copied: the browser does not let this page copy.", { isError: true });
      return false;
    }
  }
  announce(`Copied ${name}`);
  return true;
}

function copyButton(name, read) {
  const copy = button("Copy", async () => {
    if (!await copyText(read(), name)) return;
    setText(copy, "Copied");
    setTimeout(() => setText(copy, "Copy"), 1500);
  }, "button small copy");
  setAttribute(copy, "aria-label", `Copy ${name}`);
  return copy;
}

/** The buttons of a job, of which only those are there that its state allows. */
class Actions {
  constructor(id, signal) {
    this.id = id;
    this.path = `/jobs/${encodeURIComponent(id)}`;
    this.signal = signal;
    this.cancelButton = button("Cancel…", () => this.run(this.cancel));
    this.retryButton = button("Retry…", () => this.run(this.retry));
    this.deleteButton = button("Delete…", () => this.run(this.delete), "button danger");
    this.results = element("div", { class: "results", role: "status" });
    this.node = element("div", { class: "buttons", role: "group", "aria-label": "Actions" },
      this.cancelButton, this.retryButton, this.deleteButton);
    this.node.hidden = true;
  }

  update(job) {
    this.job = job;
    const { isEnded } = job;
    // One that waits for its files alone cannot be canceled.
    this.cancelButton.hidden = isEnded || job.isHeld;
    this.cancelButton.disabled = job.get("order")?.cancel_requested === true;
    // Of a job that was not created here the daemon does not know the request.
    // A step of a workflow is retried and deleted with it.
    const isStep = job.get("workflow") !== undefined;
    this.retryButton.hidden = !isEnded || isStep || job.get("attempt") === undefined;
    this.deleteButton.hidden = isStep;
    this.node.hidden = false;
  }

  /** Runs one action at a time. */
  async run(action) {
    if (this.isBusy) return;
    this.isBusy = true;
    try {
      await action.call(this);
    } finally {
      this.isBusy = false;
    }
  }

  async send(path, options) {
    const answer = await request(path, { ...options, signal: this.signal });
    replace(this.results, answer.problem && problemBox(answer.problem));
    return answer.problem ? null : answer;
  }

  async cancel() {
    const isConfirmed = await confirmDialog({
      title: "Cancel this job?", action: "Cancel job", isDangerous: true,
      text: "Replicate ends the prediction. What has run until then may be billed.",
    });
    if (!isConfirmed) return;
    const answer = await this.send(`${this.path}/cancel`, { method: "POST" });
    if (!answer) return;
    notify(answer.status === 200 ? "The job has ended." : "The cancellation is on its way to Replicate.");
  }

  async delete() {
    const isOpen = !this.job.isEnded;
    const isConfirmed = await confirmDialog({
      title: isOpen ? "Cancel and delete this job?" : "Delete this job?", isDangerous: true,
      action: isOpen ? "Cancel and delete" : "Delete job",
      text: "Its input, output, logs and history are deleted for good. The sums of usage stay."
        + (isOpen ? " It is canceled first, and deleted within seconds after its end." : ""),
    });
    if (!isConfirmed) return;
    const answer = await this.send(this.path, { method: "DELETE", query: isOpen ? { cancel: "true" } : {} });
    if (answer) await this.deleted(answer.status === 202);
  }

  /** Retries with the same request, or with an input that is edited as JSON. */
  async retry() {
    const input = this.job.texts.get("input") ?? "{}";
    const area = element("textarea", {
      id: "retry-input", class: "mono", spellcheck: "false", "aria-describedby": "retry-error",
    });
    area.value = input;
    const error = element("p", { id: "retry-error", class: "error", role: "alert" });
    const dialog = element("dialog", { "aria-labelledby": "retry-title", class: "retry" },
      element("h2", { id: "retry-title" }, "Retry this job?"),
      element("p", {}, "A new job is created with the same request. This one stays as it is."),
      element("details", {}, element("summary", {}, "Change the input"),
        element("label", { for: "retry-input" }, "Input as JSON"), area), error,
      element("div", { class: "buttons" },
        button("Do not retry", () => dialog.close()),
        button("Create new job", () => check(), "button primary")));
    const check = () => {
      try {
        JSON.parse(area.value);
        if (!area.value.trim().startsWith("{")) throw new Error("it is no JSON object");
        dialog.close("yes");
      } catch (reason) {
        setText(error, `The input cannot be sent: ${reason.message}.`);
        area.closest("details").open = true;
        area.focus();
      }
    };
    if (await showDialog(dialog) !== "yes") return;
    const isChanged = area.value.trim() !== input.trim();
    const answer = await this.send(`${this.path}/retry`, {
      method: "POST",
      // Sent twice, by a proxy for example, it is one job.
      headers: { "Idempotency-Key": randomKey(), ...isChanged && { "Content-Type": "application/json" } },
      body: isChanged ? `{"input":${area.value}}` : undefined,
    });
    if (!answer) return;
    const id = new Job(answer.text).get("id");
    replace(this.results, element("p", { class: "created" }, "Created the job ", jobLink(id), "."));
    this.results.querySelector("a").focus();
  }
}

/** 128 random bits. `crypto.randomUUID` exists only in secure contexts. */
function randomKey() {
  return [...crypto.getRandomValues(new Uint32Array(4))].map((part) => part.toString(36)).join("-");
}

// A request that ends with its view is no error.
addEventListener("unhandledrejection", (event) => {
  if (event.reason?.name === "AbortError") event.preventDefault();
});
