// The list of workflows, and the link to it where the daemon has them.

const workflowStates = ["running", "pending", "succeeded", "failed", "canceled"];
/** Between two requests for the list while jobs change. */
const workflowInterval = 1000;

/** Shows the link, if the daemon has the routes. Without the capability there is none. */
async function offerWorkflows() {
  const { status } = await request("/workflows", { query: { limit: 1 } });
  document.querySelector("[data-view=workflows]").hidden = status !== 200;
}

/** The steps of a workflow as marks in a row, and their sum in words. */
function stepMarks(steps) {
  const done = steps.filter(({ state }) => state === "succeeded" || state === "skipped").length;
  const marks = steps.map(({ name, state }) =>
    element("i", { class: state, title: `${visibleText(name)}: ${visibleText(state)}` }));
  const row = element("span", { class: "row", "aria-hidden": "true" }, marks);
  row.style.maxWidth = `${14 * steps.length}px`;
  return element("div", { class: "marks" }, row,
    element("span", {}, `${formatNumber(done)} of ${formatNumber(steps.length)}`));
}

function workflowRow({ id, state, steps, error, created_at: created, ended_at: ended }) {
  const seconds = (Date.parse(ended) - Date.parse(created)) / 1000;
  const cell = (name, ...children) => element("td", { class: `cell-${name}`, role: "cell" }, children);
  const row = element("tr", { role: "row" },
    cell("state", stateBadge(state)),
    element("th", { class: "cell-job", role: "rowheader", scope: "row" },
      element("a", { href: workflowPath(id) }, visibleText(id))),
    cell("steps", stepMarks(steps)),
    cell("progress", error ? element("span", { class: "error-code", title: shortened(error.message, 300) },
      shortened(error.code, 40)) : null),
    cell("run", ended ? formatDuration(seconds) : formatElapsed(created)),
    cell("age", formatAge(created)));
  row.addEventListener("click", (event) => {
    if (!event.defaultPrevented && !event.target.closest("a") && !String(getSelection())) {
      navigate(workflowPath(id));
    }
  });
  return row;
}

class WorkflowList {
  constructor(main, { query }, signal) {
    [this.signal, this.rows] = [signal, new Map()];
    this.query = { state: query.get("state") ?? "", after: query.get("after") ?? "" };
    const tab = (state, ...children) => element("a", {
      href: address("/", { view: "workflows", ...state && { state } }),
      "aria-current": this.query.state === state ? "true" : null,
    }, children);
    this.place = element("div", { class: "place" });
    this.body = element("tbody", { role: "rowgroup" });
    const columns = [["state", "State"], ["job", "Workflow"], ["steps", "Steps"], ["progress", "Error"],
      ["run", "Duration"], ["age", "Age"]];
    this.table = element("table", {
      class: "job-table workflow-table", role: "table", "aria-label": "Workflows, newest first", hidden: true,
    },
      element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, columns.map(([name, text]) =>
        element("th", { class: `cell-${name}`, role: "columnheader", scope: "col" }, text)))),
      this.body);
    this.older = element("nav", { class: "pager", "aria-label": "Pages", hidden: true });
    replace(main, element("h1", { tabindex: -1 }, "Workflows"),
      element("nav", { class: "tabs", "aria-label": "State" }, tab("", "All"),
        workflowStates.map((state) => tab(state, stateBadge(state)))),
      this.place, this.table, this.older);
    setTitle("Workflows");
  }

  async start() {
    await this.read();
    void stream("/events", {
      query: { after: "now" },
      opened: (isResumed) => { if (!isResumed) this.change(); },
      event: (name, text) => { if (name !== "job" || JSON.parse(text).workflow) this.change(); },
    }, this.signal);
  }

  /** Reads the list again, once in a while: a job of a workflow has changed. */
  change() {
    if (this.timer) return;
    this.timer = setTimeout(() => {
      this.timer = 0;
      this.read().catch(() => {});
    }, workflowInterval);
  }

  async read() {
    const filter = Object.fromEntries(Object.entries(this.query).filter(([, value]) => value));
    const { ok, data, problem } = await requestJSON("/workflows", { query: filter, signal: this.signal });
    if (this.signal.aborted) return;
    if (!ok) return replace(this.place, problemBox(problem, { retry: () => this.read() }));
    const { workflows, next } = data;
    this.showRows(workflows);
    this.table.hidden = workflows.length === 0;
    replace(this.place, workflows.length ? null : this.empty());
    this.older.hidden = !next && !this.query.after;
    const page = (after) => address("/", { view: "workflows", ...filter, after });
    replace(this.older,
      this.query.after ? element("a", { class: "button", href: "/?view=workflows" }, "Newest") : null,
      next ? element("a", { class: "button", href: page(next) }, "Older →") : null);
  }

  /** Replaces the rows that differ. The focus stays on the workflow that has it. */
  showRows(workflows) {
    const before = this.rows;
    this.rows = new Map(workflows.map((workflow) => {
      const [id, key] = [workflow.id, JSON.stringify(workflow)];
      const old = before.get(id);
      return [id, old?.key === key ? old : { key, node: workflowRow(workflow) }];
    }));
    const keys = (rows) => [...rows.values()].map(({ key }) => key).join();
    if (keys(before) === keys(this.rows)) return;
    const focused = [...before].find(([, { node }]) => node.contains(document.activeElement))?.[0];
    replace(this.body, [...this.rows.values()].map(({ node }) => node));
    this.rows.get(focused)?.node.querySelector("a").focus({ preventScroll: true });
  }

  empty() {
    if (this.query.state || this.query.after) {
      return element("div", { class: "empty" }, element("h2", {}, "No workflow matches"),
        element("p", {}, element("a", { href: "/?view=workflows" }, "All workflows")));
    }
    const body = '{"steps": [{"name": "image", "model": "demo/image", "input": {"prompt": "a desk lamp"}},'
      + ' {"name": "caption", "model": "demo/hello", "input": {"prompt": {"$from": "image#/0"}}}]}';
    const command = curlCommand("/workflows", { body });
    return element("div", { class: "empty" }, element("h2", {}, "No workflows yet"),
      element("p", { class: "muted" }, "A workflow is jobs that follow from each other. "
        + "Create one, and its graph appears here."),
      element("pre", { tabindex: "0", "aria-label": "Command" }, command),
      copyButton("command", () => command));
  }
}

function showWorkflows(main, route, signal) {
  return new WorkflowList(main, route, signal).start();
}
