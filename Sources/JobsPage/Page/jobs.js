// The view of all jobs: a page of the list, which the change feed keeps up to date.

/** The list as it was left, shown at once when one comes back. */
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

  /** Shows the list that the address names. */
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

  /** Shows the list as it was left, if this is the same. */
  showLeft() {
    const left = leftList;
    leftList = null;
    if (left?.key !== this.key) return false;
    this.show(left.page);
    // After the router, which moves the focus to the heading.
    queueMicrotask(() => this.table.rows.get(left.focus)?.link.focus({ preventScroll: true }));
    return true;
  }

  get isFirstPage() { return !this.filter.after; }

  /** Reads the page and shows its rows as they come. Rows of before stay while it is only a refresh. */
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
    if (page) this.show(page);
    this.live.applyKept(changes);
    this.live.follow();
    this.tabs.changed();
  }

  /** What a search has found so far, in the pages of the API that had too few rows. */
  showSearch(page, requests) {
    this.table.node.classList.remove("loading");
    this.table.show(page.jobs);
    this.table.node.hidden = false;
    const [found, sent] = [counted(page.jobs.length, "job"), counted(requests, "request")];
    setText(this.status, `Searching older jobs: ${found} found in ${sent}`);
    this.stop.hidden = false;
  }

  /** Ends the search for further rows, and shows what it has found. */
  stopSearch() {
    this.loading.isStopped = true;
    this.loading.abort();
  }

  show(page) {
    const { problem, jobs, next } = page;
    this.page = page;
    // Rows that were shown are better than none, beside the problem.
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
    // The next page begins after the last row, which new rows have pushed off.
    if (this.page.isMoved) await this.load({ isRefresh: true });
    if (this.page.next) this.goTo(this.page.next, [...this.trail, this.filter.after]);
  }

  goNewer() {
    if (!this.isFirstPage) this.goTo(this.trail.at(-1) ?? "", this.trail.slice(0, -1));
  }

  /** The pages before this one. The API leads only to older ones. */
  get trail() { return history.state?.trail ?? []; }

  goTo(after, trail) {
    const query = filterQuery(this.filter);
    if (after) query.set("after", after);
    navigate(jobsPath(query), { state: { trail } });
    scrollTo(0, 0);
  }

  /** Shows the newest rows, from the top. */
  showNewest() {
    if (!this.isFirstPage) return navigate(filterPath(this.filter));
    this.live.reset();
    scrollTo(0, 0);
    void this.load({ isRefresh: true });
  }
}

/** What to do where there is nothing to show. */
function emptyList(filter, next) {
  const empty = (title, text, ...more) => element("div", { class: "empty" },
    element("h2", {}, title), element("p", { class: "muted" }, text), more);
  if (filter.after) {
    return empty("No older jobs", next ? "The search was stopped. Older → goes on." : "The list ends here.");
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
