// The view of all jobs: one page of the list, kept up to date by the change feed.

/** The list at the time it was left, for an instant way back. */
let leftList = null;

function showJobs(main, route, signal) {
  const view = new JobsView(main, signal);
  return { update: (next) => view.update(next), ready: view.update(route) };
}

class JobsView {
  constructor(main, signal) {
    this.signal = signal;
    this.table = new JobTable();
    this.table.choose = (key, value) =>
      navigate(filterPath(this.filter, withMetadata(this.filter, key, value)));
    this.tabs = stateTabs(signal);
    this.bar = filterBar((path) => navigate(path), signal);
    this.live = new LiveRows(this, signal);
    this.status = element("p", { class: "status" });
    this.stop = button("Stop", () => this.stopSearch(), "quiet");
    this.stop.hidden = true;
    this.place = element("div", { class: "place" });
    this.newer = button("← Newer", () => this.goNewer());
    this.older = button("Older →", () => this.goOlder());
    this.pager = element("nav", { class: "pager", "aria-label": "Pages", hidden: true },
      this.newer, this.older);
    replace(main,
      element("h1", {}, "Jobs"), this.tabs.node, this.bar.node,
      element("div", { class: "above" }, this.status, this.stop, this.live.button),
      this.place, this.table.node, this.pager);
    this.addKeys();
    setTitle("Jobs");
    signal.addEventListener("abort", () => {
      const page = { ...this.page, jobs: this.table.jobs };
      leftList = { key: this.key, page, focus: this.table.focusedRow?.job.id };
    });
  }

  addKeys() {
    const { signal, table } = this;
    const move = (step) => (table.focusedRow ? table.move(step) : false);
    addShortcut("j", "Next row", () => table.move(1), signal);
    addShortcut("k", "Previous row", () => table.move(-1), signal);
    addShortcut("ArrowDown", "Next row, within the table", () => move(1), signal);
    addShortcut("ArrowUp", "Previous row, within the table", () => move(-1), signal);
    addShortcut("/", "Find a job", () => this.bar.search.focus(), signal);
    addShortcut("n", "Older jobs", () => void this.goOlder(), signal);
    addShortcut("p", "Newer jobs", () => this.goNewer(), signal);
    addShortcut("r", "Show new jobs", () => this.showNewest(), signal);
  }

  /** Shows the list of the present URL. */
  update(route) {
    this.filter = readFilter(route.query);
    this.key = filterQuery(this.filter) + this.filter.after;
    this.page = { jobs: [], next: "" };
    this.live.reset();
    this.tabs.update(this.filter);
    this.bar.update(this.filter);
    const isBack = this.showLeft();
    this.loaded = this.load({ isRefresh: isBack });
    return isBack ? undefined : this.loaded;
  }

  /** Restores the list that was left, if it is this one. */
  showLeft() {
    const left = leftList;
    leftList = null;
    if (left?.key !== this.key) return false;
    this.show(left.page);
    // After the router, which focuses the heading.
    queueMicrotask(() => this.table.rows.get(left.focus)?.link.focus({ preventScroll: true }));
    return true;
  }

  get isFirstPage() { return !this.filter.after; }

  /** Reads the page and shows its rows as they arrive. A refresh replaces them at its end. */
  async load({ isRefresh = false } = {}) {
    this.loading?.abort();
    const loading = this.loading = new AbortController();
    const signal = AbortSignal.any([this.signal, loading.signal]);
    const changes = this.live.keepChanges();
    if (!isRefresh) this.table.node.classList.add("loading");
    let page;
    try {
      page = await readPage(this.filter, (partial, requests) => {
        this.live.follow();
        page = partial;
        if (!isRefresh) this.showSearch(partial, requests);
      }, signal);
    } catch (error) {
      if (error.name !== "AbortError") throw error;
      if (!loading.isStopped) return;
    }
    this.table.node.classList.remove("loading");
    this.stop.hidden = true;
    // After a failed refresh old rows are better than none. Those of another filter are not.
    if (page?.problem && !isRefresh) this.table.show([]);
    if (page) this.show(page);
    this.live.applyKept(changes);
    this.live.follow();
    this.tabs.changed();
  }

  /** Shows what a search over several pages of the API has found so far. */
  showSearch(page, requests) {
    this.table.node.classList.remove("loading");
    this.table.show(page.jobs);
    this.table.node.hidden = false;
    const [found, sent] = [counted(page.jobs.length, "job"), counted(requests, "request")];
    setText(this.status, `Searching older jobs: ${found} found in ${sent}`);
    this.stop.hidden = false;
  }

  /** Stops the search for further rows. Those that were found stay. */
  stopSearch() {
    this.loading.isStopped = true;
    this.loading.abort();
  }

  show(page) {
    const { problem, jobs, next } = page;
    this.page = page;
    if (!problem || jobs.length) this.table.show(jobs);
    this.bar.knowModels(jobs.map((job) => job.model));
    const isEmpty = this.table.rows.size === 0;
    replace(this.place,
      problem ? problemBox(problem, { retry: () => this.load() }) : null,
      isEmpty && !problem ? emptyList(this.filter, next) : null);
    this.table.node.hidden = isEmpty;
    this.older.disabled = !next;
    this.newer.disabled = this.isFirstPage;
    this.pager.hidden = this.isFirstPage && !next;
    const newest = next ? `The ${jobs.length} newest` : counted(jobs.length, "job");
    const text = this.isFirstPage ? newest : counted(jobs.length, "older job");
    setText(this.status, isEmpty || problem ? "" : text);
  }

  async goOlder() {
    // New rows have pushed others off this page: only the API has the cursor after the present last row.
    if (this.page.isMoved) await this.load({ isRefresh: true });
    if (this.page.next) this.goTo(this.page.next, [...this.trail, this.filter.after]);
  }

  goNewer() {
    if (!this.isFirstPage) this.goTo(this.trail.at(-1) ?? "", this.trail.slice(0, -1));
  }

  /** The cursors of the newer pages. The API has only those of older ones. */
  get trail() { return history.state?.trail ?? []; }

  goTo(after, trail) {
    const query = filterQuery(this.filter);
    if (after) query.set("after", after);
    navigate(jobsPath(query), { trail });
  }

  /** Shows the newest rows, and scrolls to the top. */
  showNewest() {
    if (!this.isFirstPage) return navigate(filterPath(this.filter));
    this.live.reset();
    scrollTo(0, 0);
    void this.load({ isRefresh: true });
  }
}

/** The text in place of an empty table: what to do next. */
function emptyList(filter, next) {
  const empty = (title, text, ...more) => element("div", { class: "empty" },
    element("h2", {}, title), element("p", { class: "muted" }, text), more);
  if (filter.after) {
    const text = next ? "The search was stopped. Older → goes on." : "The list ends here.";
    return empty("No older jobs", text);
  }
  if (isFiltered(filter)) {
    return empty(next ? "No job found so far" : "No job matches",
      "All filters must match. The model is compared whole, and metadata byte for byte.",
      element("p", {}, element("a", { href: "/" }, "Clear filters")));
  }
  const body = '{"model": "demo/hello", "input": {"prompt": "a desk lamp"}}';
  const command = curlCommand("/jobs", { body });
  return empty("No jobs yet",
    "Create the first one, and it appears here. demo/hello is a model of the simulator.",
    element("pre", { tabindex: "0", "aria-label": "Command" }, command),
    copyButton("command", () => command));
}
