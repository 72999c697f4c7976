// A workflow's steps: the graph of all of them, and what is known of one.

/** What a step's state means, where the word is not enough. By `because`. */
const skipReasons = {
  upstream_failed: "A step that it needs has failed.",
  upstream_skipped: "A step that it needs was skipped.",
};

/** What a step's card says beside its state. */
function stepDetail(step) {
  const { items, error } = step;
  if (error) return error.code;
  if (items) {
    const failed = items.failed ? ` · ${items.failed} failed` : "";
    return `${items.succeeded}/${items.total}${failed}`;
  }
  if (step.stale) return "stale";
  if (step.state === "running" && step.progress !== undefined) return formatPercent(step.progress);
  return step.used ?? (step.optional ? "optional" : "");
}

/** The share of a step that is done; null where there is none to show. */
function stepShare({ state, items, progress }) {
  if (state !== "running") return null;
  if (items?.total) return Math.max(Number(progress ?? 0), (items.succeeded + items.failed) / items.total);
  return progress === undefined ? null : Number(progress);
}

/** The card of a step: a link to what is known of it. */
class StepCard {
  constructor(step, path) {
    this.badge = stateBadge(step.state);
    this.detail = element("span", { class: "detail" });
    this.bar = element("progress", { max: 1, "aria-label": "Progress", hidden: true });
    const needs = step.needs?.length ? `, needs ${step.needs.join(", ")}` : "";
    this.link = element("a", { class: "step", href: path },
      element("span", { class: "name" }, visibleText(step.name)),
      element("span", { class: "line" }, this.badge, this.detail),
      element("span", { class: "visually-hidden" }, visibleText(needs)), this.bar);
    this.node = element("li", {}, this.link);
  }

  update(step) {
    setState(this.badge, step.state);
    setText(this.detail, visibleText(stepDetail(step)));
    const marks = ["optional", "items"].filter((name) => step[name]);
    this.link.className = ["step", step.state, ...marks].join(" ");
    const share = stepShare(step);
    this.bar.hidden = share === null;
    if (share !== null && this.bar.value !== share) this.bar.value = share;
  }

  move({ x, y, width, height }) {
    const { style } = this.node;
    [style.left, style.top, style.width, style.height] = [x, y, width, height].map((size) => `${size}px`);
  }
}

/** The graph. The cards are a list of links; the lines below them are decoration. */
class StepGraph {
  constructor(pathOf, choose, signal) {
    [this.pathOf, this.choose, this.cards] = [pathOf, choose, new Map()];
    this.lines = svg("svg", { class: "lines", "aria-hidden": "true" });
    this.list = element("ol", { "aria-label": "Steps" });
    this.canvas = element("div", { class: "canvas" }, this.lines, this.list);
    this.node = element("div", { class: "graph", role: "group", "aria-label": "Graph" }, this.canvas);
    this.list.addEventListener("click", (event) => this.click(event));
    this.list.addEventListener("keydown", (event) => this.moveFocus(event));
    const observer = new ResizeObserver(() => this.place());
    observer.observe(this.node);
    signal.addEventListener("abort", () => observer.disconnect());
  }

  update(steps) {
    const known = new Set(steps.map(({ name }) => name));
    this.needs = new Map(steps.map(({ name, needs }) =>
      [name, (needs ?? []).filter((other) => known.has(other))]));
    this.states = new Map(steps.map(({ name, state }) => [name, state]));
    for (const step of steps) {
      if (!this.cards.has(step.name)) {
        const card = new StepCard(step, this.pathOf(step.name));
        card.link.dataset.step = step.name;
        this.cards.set(step.name, card);
      }
      this.cards.get(step.name).update(step);
    }
    if (this.list.childElementCount !== this.cards.size) this.order();
    if (this.drawn) this.drawLines(); else this.place();
  }

  /** The tab order is that of the columns. */
  order() {
    const columns = columnsOf(this.needs);
    const names = [...this.cards.keys()].sort((one, other) => columns.get(one) - columns.get(other));
    replace(this.list, names.map((name) => this.cards.get(name).node));
  }

  place() {
    const width = this.node.clientWidth;
    if (!this.needs || !width) return;
    const isNarrow = width < 560;
    if (this.drawn?.space !== width) {
      const layout = isNarrow ? layoutRows(this.needs, width - 32) : layoutColumns(this.needs, width - 48);
      const isFirst = !this.drawn;
      this.drawn = { space: width, ...layout };
      for (const [name, card] of this.cards) card.move(layout.boxes.get(name));
      [this.canvas.style.width, this.canvas.style.height] = [`${layout.width}px`, `${layout.height}px`];
      for (const [name, value] of [["width", layout.width], ["height", layout.height]]) {
        setAttribute(this.lines, name, value);
      }
      this.paths = layout.lines.map(({ path }) => svg("path", { d: path }));
      replace(this.lines, this.paths);
      if (isFirst) this.showChosen();
    }
    // Only what scrolls needs the focus (WCAG 2.1.1).
    setAttribute(this.node, "tabindex", this.node.scrollWidth > this.node.clientWidth ? 0 : null);
    this.drawLines();
  }

  drawLines() {
    this.drawn?.lines.forEach(({ from, to }, index) => {
      const isChosen = from === this.chosen || to === this.chosen;
      const state = this.states.get(from);
      setAttribute(this.paths[index], "class", `${state}${isChosen ? " chosen" : ""}`);
    });
  }

  /** Scrolls a large graph to the step whose details are shown. */
  showChosen() {
    const box = this.drawn.boxes.get(this.chosen);
    if (!box) return;
    const { clientWidth: width, clientHeight: height } = this.node;
    this.node.scrollTo(box.x - (width - box.width) / 2, box.y - (height - box.height) / 2);
  }

  /** Marks the step whose details are shown. */
  mark(name) {
    this.chosen = name;
    for (const [other, { link }] of this.cards) {
      setAttribute(link, "aria-current", other === name ? "true" : null);
    }
    this.drawLines();
  }

  click(event) {
    const name = event.target.closest("a")?.dataset.step;
    if (!name || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    this.choose(name);
  }

  /** Arrow keys move to the nearest card in their direction. */
  moveFocus(event) {
    const directions = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
    const [x, y] = directions[event.key] ?? [];
    const from = this.drawn?.boxes.get(event.target.dataset.step);
    if (x === undefined || !from) return;
    event.preventDefault();
    let best = [Infinity];
    for (const [name, box] of this.drawn.boxes) {
      const [across, down] = [box.x - from.x, box.y - from.y];
      const ahead = across * x + down * y;
      const distance = ahead + 2 * Math.abs(across * y) + 2 * Math.abs(down * x);
      if (ahead > 0 && distance < best[0]) best = [distance, name];
    }
    this.cards.get(best[1])?.link.focus();
  }
}

/** What is known of one step: its error, output and jobs. */
class StepDetails {
  constructor(signal) {
    this.signal = signal;
    this.title = element("h2", { id: "step-title" });
    this.badge = stateBadge("waiting");
    this.text = element("div", { class: "text" });
    this.output = new OutputView();
    this.jobs = element("ul", { class: "step-jobs", "aria-label": "Jobs" });
    this.node = element("section", { id: "step", class: "panel", "aria-labelledby": "step-title" },
      element("div", { class: "head" }, this.title, this.badge), this.text, this.jobs, this.output.node);
    this.states = new Map();
  }

  /** `text` is the step's JSON. */
  update(step, text, context) {
    if (this.name !== step.name) {
      [this.name, this.key] = [step.name, ""];
      this.states.clear();
      setText(this.title, visibleText(step.name));
    }
    setState(this.badge, step.state);
    const { error, waits_for: waits } = step;
    const counts = step.items && ["succeeded", "failed", "canceled"].filter((name) => step.items[name])
      .map((name) => `${formatNumber(step.items[name])} ${name}`).join(", ");
    fill(this.text, [
      error ? element("p", { class: "error" },
        element("code", { class: "code" }, visibleText(error.code)), " ",
        longText(String(error.message ?? ""))) : null,
      skipReasons[step.because] ? muted(skipReasons[step.because]) : null,
      step.because && !skipReasons[step.because] ? muted("Its condition was false.") : null,
      waits?.length ? muted(`Waits for ${visibleText(waits.join(", "))}.`) : null,
      step.optional ? muted("Optional: its failure does not fail the workflow.") : null,
      step.used ? muted("A fallback ran: ", visibleText(step.used), ".") : null,
      !step.jobs && step.state === "canceled" ? muted("Nothing was sent for it.") : null,
      step.items ? muted(`${counted(step.items.total, "item")}${counts ? `: ${counts}` : ""}.`) : null,
    ].filter(Boolean));
    const output = jsonMembers(text).get("output");
    this.output.node.hidden = output === undefined;
    if (output !== undefined) {
      this.output.update(output, { subject: `step ${step.name}`, ...context });
    }
    this.showJobs(step);
    void this.readStates(step);
  }

  showJobs(step) {
    const jobs = step.jobs ?? [];
    this.jobs.hidden = jobs.length === 0;
    this.jobs.classList.toggle("many", Boolean(step.items));
    fill(this.jobs, jobs.map((id) => {
      const state = this.states.get(id) ?? (step.items ? "unknown" : null);
      const known = knownStates.includes(state) ? state : "unknown";
      const item = /-(\d+)-\d+(?:-f\d+)?$/.exec(id)?.[1] ?? "";
      if (!step.items) return element("li", {}, jobLink(id), state && stateBadge(state));
      const link = jobLink(id, icon(known), element("span", {}, item),
        element("span", { class: "visually-hidden" }, visibleText(` ${state}, job ${id}`)));
      link.className = `state ${known}`;
      link.title = `${visibleText(id)}: ${visibleText(state)}`;
      return element("li", {}, link);
    }));
  }

  /** Reads the states of its jobs, of which the workflow's document has only sums. */
  async readStates(step) {
    const jobs = step.jobs ?? [];
    const key = JSON.stringify([step.state, step.items, jobs.length]);
    if (key === this.key || jobs.length === 0) return;
    this.key = key;
    const found = new Map();
    for (let start = 0; start < jobs.length; start += 100) {
      const ids = jobs.slice(start, start + 100).join(",");
      const { ok, data } = await requestJSON("/jobs", { query: { ids }, signal: this.signal });
      if (ok) for (const { id, state } of data.jobs) found.set(id, String(state));
    }
    if (key !== this.key) return;
    this.states = found;
    this.showJobs(step);
  }
}
