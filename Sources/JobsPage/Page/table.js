// The table of jobs. A row keeps its elements, and a change writes only the cells that differ.

const columns = [
  ["state", "State"], ["job", "Job"], ["model", "Model"], ["progress", "Progress"], ["run", "Run time"],
  ["age", "Age"], ["metadata", "Metadata"],
];
const chipsOfRow = 3;

/** A text of at most so many characters, from one of any length. */
function shortened(text, length) {
  return text.length > length ? `${visibleText(text.slice(0, length))}…` : visibleText(text);
}

class JobRow {
  constructor(job) {
    this.shown = {};
    this.cells = {};
    for (const [name] of columns) {
      const isHeader = name === "job";
      this.cells[name] = element(isHeader ? "th" : "td",
        { class: `cell-${name}`, role: isHeader ? "rowheader" : "cell", scope: isHeader ? "row" : null });
    }
    this.badge = element("span");
    this.link = element("a", { href: jobPath(job.id) }, visibleText(job.id));
    this.cells.state.append(this.badge);
    this.cells.job.append(this.link);
    this.node = element("tr", { role: "row" }, Object.values(this.cells));
    this.node.jobRow = this;
    this.update(job);
  }

  update(job) {
    this.job = job;
    setState(this.badge, String(job.state));
    if (this.hasPassed) {
      this.hasPassed = false;
      this.node.className = "";
      this.node.removeAttribute("title");
    }
    const model = String(job.model ?? job.model_version ?? "");
    this.cell("model", model, () => element("bdi", { title: shortened(model, 300) }, shortened(model, 120)));
    this.showProgress(job);
    this.showRunTime(job);
    this.cell("age", job.created_at ?? "", (time) => (time ? formatAge(time) : null));
    const metadata = job.metadata === undefined ? "" : JSON.stringify(job.metadata, (_, value) =>
      value instanceof NumberText ? value.text : value);
    this.cell("metadata", metadata, () => metadataChips(job.metadata));
  }

  /** Marks a row that is only here until rows may move. */
  leave(state) {
    setState(this.badge, state);
    this.showProgress({ state });
    this.showRunTime({ state });
    this.hasPassed = true;
    this.node.classList.add("passed", state === "deleted" ? "deleted" : "moved");
    this.node.title = `It is ${visibleText(state)} now, and no longer in this list`;
  }

  cell(name, key, build) {
    if (this.shown[name] === key) return;
    this.shown[name] = key;
    replace(this.cells[name], build(key));
  }

  showProgress(job) {
    if (job.error) {
      const { code = "unknown", message = "" } = job.error;
      this.bar = null;
      const title = shortened(String(message), 300);
      return this.cell("progress", `${code}\n${title}`, () =>
        element("span", { class: "error-code", title }, shortened(String(code), 40)));
    }
    const isOpen = job.state === "running" || job.state === "stale";
    if (!isOpen || job.progress === undefined) {
      this.bar = null;
      return this.cell("progress", "", () => null);
    }
    const share = Number(job.progress);
    if (!this.bar) {
      this.bar = element("progress", { max: "1", "aria-label": "Progress" });
      this.percent = element("span", { class: "percent" });
      this.cell("progress", "bar", () => element("div", { class: "meter" }, this.bar, this.percent));
    }
    if (this.bar.value !== share) this.bar.value = share;
    setText(this.percent, `${Math.floor(share * 100)}%`);
  }

  showRunTime(job) {
    if (job.run_seconds !== undefined) {
      const seconds = String(job.run_seconds);
      return this.cell("run", seconds, () =>
        element("span", { title: `${seconds} s` }, formatDuration(seconds)));
    }
    const since = job.state === "running" ? job.started_at ?? "" : "";
    this.cell("run", since, () => (since ? formatElapsed(since) : null));
  }
}

/** Members of the metadata; a click filters by one. */
function metadataChips(metadata) {
  const members = metadata && typeof metadata === "object" ? Object.entries(metadata) : [];
  const chips = members.slice(0, chipsOfRow).map(([key, value]) => {
    const isText = value === null || typeof value !== "object" || value instanceof NumberText;
    const text = isText ? String(value) : Array.isArray(value) ? "[…]" : "{…}";
    const name = element("span", { class: "key" }, shortened(key, 32));
    const content = element("bdi", {}, name, ` ${shortened(text, 48)}`);
    const title = `${shortened(key, 64)}=${shortened(text, 256)}`;
    if (!isText || value === null) return element("span", { class: "chip", title }, content);
    const chip = element("a", { class: "chip", tabindex: "-1", title,
      href: jobsPath({ [metadataPrefix + key]: text }) }, content);
    chip.member = [key, text];
    return chip;
  });
  const rest = members.length - chips.length;
  return [chips, rest > 0 ? element("span", { class: "muted" }, `+${rest}`) : null];
}

/** The table. Its order is that of the list, newest first. */
class JobTable {
  constructor() {
    this.rows = new Map();
    this.body = element("tbody", { role: "rowgroup" });
    this.node = element("table", { class: "job-table", role: "table", "aria-label": "Jobs, newest first" },
      element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, columns.map(([name, text]) =>
        element("th", { class: `cell-${name}`, role: "columnheader", scope: "col" }, text)))),
      this.body);
    this.body.addEventListener("click", (event) => this.open(event));
  }

  /** A click anywhere in a row opens its job, unless it selects text. */
  open(event) {
    const chip = event.target.closest(".chip[href]");
    if (chip && !event.metaKey && !event.ctrlKey && !event.shiftKey && event.button === 0) {
      event.preventDefault();
      this.choose?.(...chip.member);
      return;
    }
    if (event.defaultPrevented || event.target.closest("a, button") || String(getSelection())) return;
    const row = event.target.closest("tr")?.jobRow;
    if (!row) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey) open(row.link.href, "_blank", "noopener");
    else navigate(jobPath(row.job.id));
  }

  /** Shows these jobs, in this order. Rows that stay keep their elements, and the focus stays in its row. */
  show(jobs) {
    const focused = this.focusedRow;
    const rows = new Map();
    for (const job of jobs) {
      const row = this.rows.get(job.id) ?? new JobRow(job);
      if (row.job !== job || row.hasPassed) row.update(job);
      rows.set(job.id, row);
    }
    this.rows = rows;
    let index = 0;
    for (const { node } of rows.values()) {
      const present = this.body.children[index++];
      if (present !== node) this.body.insertBefore(node, present ?? null);
    }
    while (this.body.children.length > rows.size) this.body.lastElementChild.remove();
    if (focused && document.activeElement !== focused.link) {
      (focused.node.isConnected ? focused : [...rows.values()][0])?.link.focus({ preventScroll: true });
    }
  }

  /** The jobs of the rows that are still in the list. */
  get jobs() {
    return [...this.rows.values()].filter((row) => !row.hasPassed).map((row) => row.job);
  }

  get hasPassed() {
    return [...this.rows.values()].some((row) => row.hasPassed);
  }

  get focusedRow() {
    return this.body.contains(document.activeElement) ? document.activeElement.closest("tr").jobRow : null;
  }

  /** Whether somebody reads the table, so that its rows should not move. */
  get isBusy() {
    return this.focusedRow !== null || this.body.matches(":hover") || scrollY > 120;
  }

  /** Moves the focus by rows. */
  move(step) {
    const rows = [...this.rows.values()];
    const present = rows.indexOf(this.focusedRow);
    const row = rows[present < 0 ? (step > 0 ? 0 : rows.length - 1) : present + step];
    row?.link.focus();
    row?.node.scrollIntoView({ block: "nearest" });
  }
}
