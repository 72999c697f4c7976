// The view of all jobs: a page of the list, kept up to date by the change feed.

/** Changes of rows are drawn at most so often: faster ones cannot be read. */
const changesInterval = 100;
/** New rows come at most so often, and only while nobody reads the table. */
const newRowsInterval = 1000;
const maxCountedJobs = 1000;

/** The list as it was left, shown at once when one comes back. */
let leftList = null;

function showJobs(main, route, signal) {
  const view = new JobsView(main, signal);
  return { update: (next) => view.update(next), ready: view.update(route) };
}

class JobsView {
  constructor(main, signal) {
    this.signal = signal;
    this.lastApplied = this.lastInserted = -Infinity;
    this.table = new JobTable();
    this.table.choose = (key, value) => navigate(filterPath(this.filter, withMetadata(this.filter, key, value)));
    this.tabs = stateTabs(signal);
    this.bar = filterBar((path) => navigate(path), signal);
    this.status = element("p", { class: "status" });
    this.newJobs = element("button", { type: "button", class: "new-jobs", hidden: true, onclick: () => this.showNew() });
    this.stop = element("button", { type: "button", class: "quiet", hidden: true, onclick: () => this.stopSearch() }, "Stop");
    this.newer = element("button", { type: "button", class: "button", onclick: () => this.page(-1) }, "← Newer");
    this.older = element("button", { type: "button", class: "button", onclick: () => this.page(1) }, "Older →");
    this.place = element("div", { class: "place" });
    replace(main,
      element("div", { class: "title" }, element("h1", {}, "Jobs")),
      this.tabs.node, this.bar.node,
      element("div", { class: "above" }, this.status, this.stop, this.newJobs),
      this.place, this.table.node,
      element("nav", { class: "pager", "aria-label": "Pages", hidden: true }, this.newer, this.older));
    this.addKeys();
    setTitle("Jobs");
    signal.addEventListener("abort", () => this.leave());
  }

  addKeys() {
    const { signal, table } = this;
    const inTable = () => table.body.contains(document.activeElement);
    addShortcut("j", "Next row", () => table.move(1), signal);
    addShortcut("k", "Previous row", () => table.move(-1), signal);
    addShortcut("ArrowDown", "Next row, within the table", () => inTable() && table.move(1), signal);
    addShortcut("ArrowUp", "Previous row, within the table", () => inTable() && table.move(-1), signal);
    addShortcut("/", "Find a job", () => this.bar.search.focus(), signal);
    addShortcut("n", "Older jobs", () => this.page(1), signal);
    addShortcut("p", "Newer jobs", () => this.page(-1), signal);
    addShortcut("r", "Show new jobs", () => this.showNew(), signal);
  }

  /** Shows the list that the address names. */
  update(route) {
    this.filter = readFilter(route.query);
    this.key = String(filterQuery(this.filter));
    this.trail = history.state?.trail ?? [];
    this.pageState = { next: "" };
    this.forgetNew();
    this.tabs.update(this.filter);
    this.bar.update(this.filter);
    const isBack = this.showLeft();
    this.loaded = this.load({ isRefresh: isBack });
    this.follow();
    this.tabs.changed();
    return isBack ? undefined : this.loaded;
  }

  /** Shows the list as it was left, if this is the same. */
  showLeft() {
    const left = leftList;
    leftList = null;
    if (left?.key !== this.key + this.filter.after) return false;
    this.showPage(left.page);
    // After the router, which moves the focus to the heading.
    if (left.focus) queueMicrotask(() => this.table.rows.get(left.focus)?.link.focus({ preventScroll: true }));
    return true;
  }

  get isFirstPage() { return !this.filter.after; }

  /** Reads the page and shows its rows as they come. */
  async load({ isRefresh = false } = {}) {
    this.loading?.abort();
    const loading = this.loading = new AbortController();
    const signal = AbortSignal.any([this.signal, loading.signal]);
    if (!isRefresh) this.table.node.classList.add("loading");
    let page;
    try {
      page = await readPage(this.filter, (partial, requests) => {
        // Rows that are shown stay until all of the new page is here.
        if (isRefresh) return;
        this.showPage(partial, false);
        this.table.node.classList.remove("loading");
        this.showStatus(`Searching older jobs: ${counted(partial.jobs.length, "job")} found in ${counted(requests, "request")}`);
        this.stop.hidden = false;
        page = partial;
      }, signal);
    } catch (error) {
      if (error.name !== "AbortError") throw error;
      if (!loading.isStopped) return;
    }
    this.table.node.classList.remove("loading");
    this.stop.hidden = true;
    if (!page) return;
    this.isMoved = false;
    this.showPage(page);
  }

  /** Ends the search for further rows, and shows what it has found. */
  stopSearch() {
    this.loading.isStopped = true;
    this.loading.abort();
  }

  showPage(page, isComplete = true) {
    this.pageState = page;
    const hasProblem = Boolean(page.problem);
    if (!hasProblem || page.jobs.length) this.table.show(page.jobs);
    if (!isComplete) return;
    this.bar.knowModels(page.jobs.map((job) => job.model));
    this.older.disabled = !page.next;
    this.newer.disabled = this.isFirstPage;
    this.showPlace(page);
  }

  showPlace({ problem, jobs, next }) {
    const isEmpty = this.table.rows.size === 0;
    replace(this.place,
      problem ? problemBox(problem, { retry: () => this.load() }) : null,
      !problem && isEmpty ? emptyList(this.filter, next) : null);
    this.table.node.hidden = isEmpty;
    this.older.parentElement.hidden = this.isFirstPage && !next;
    this.showStatus(isEmpty || problem ? "" : this.isFirstPage
      ? next ? `The ${jobs.length} newest` : counted(jobs.length, "job")
      : counted(jobs.length, "older job"));
  }

  showStatus(text) { setText(this.status, text); }

  async page(step) {
    if (step > 0) {
      if (this.isMoved) await this.load({ isRefresh: true });
      const { next } = this.pageState;
      if (!next) return;
      const query = filterQuery(this.filter);
      query.set("after", next);
      navigate(jobsPath(query), { state: { trail: [...this.trail, this.filter.after] } });
    } else {
      if (this.isFirstPage) return;
      const query = filterQuery(this.filter);
      const trail = this.trail.slice(0, -1);
      const after = this.trail.at(-1) ?? "";
      if (after) query.set("after", after);
      navigate(jobsPath(query), { state: { trail } });
    }
    scrollTo(0, 0);
  }

  /** Follows the changes of jobs that match. The filter's times are not the feed's: they are checked here. */
  follow() {
    const query = filterQuery(this.filter, ["state", "model"]);
    const key = String(query);
    if (this.following?.key === key && !this.following.signal.aborted) return;
    this.following?.abort();
    const following = this.following = Object.assign(new AbortController(), { key });
    query.set("after", "now");
    this.changes = new Map();
    void stream("/events", {
      query,
      opened: (isResumed) => {
        this.tabs.changed();
        // What has changed between the list and the stream is in neither.
        if (!isResumed) void this.loaded.then(() => this.load({ isRefresh: true }));
      },
      event: (name, text) => this.gather(name, text),
    }, AbortSignal.any([this.signal, following.signal]));
  }

  /** Keeps the newest change of each job until they are drawn. */
  gather(name, text) {
    const data = parseJSON(text);
    this.changes.set(data.id, [name, data]);
    if (this.frame) return;
    this.frame = true;
    const wait = this.lastApplied + changesInterval - performance.now();
    void (wait > 0 ? pause(wait) : Promise.resolve()).then(nextFrame).then(() => {
      this.frame = false;
      if (!this.signal.aborted) this.apply();
    });
  }

  apply() {
    const { changes } = this;
    this.lastApplied = performance.now();
    this.changes = new Map();
    this.tabs.changed();
    for (const [id, [name, data]] of changes) {
      const row = this.table.rows.get(id);
      if (name === "job") {
        if (row) row.update(data);
        else this.noteNew(data);
        continue;
      }
      this.unshown.delete(id);
      if (!row) continue;
      if (name === "left") setState(row.badge, String(data.state));
      row.mark(name === "left" ? `Is ${data.state} now; it leaves this list with the next refresh`
        : "Was deleted; it leaves this list with the next refresh");
    }
    this.offerNew();
  }

  /** A job that is not shown: it counts if it would stand on this page. */
  noteNew(job) {
    if (!this.isFirstPage) return;
    const created = job.created_at ?? "";
    const last = this.pageState.next ? this.table.jobs.at(-1)?.created_at ?? "" : "";
    if (created < last || !this.isWithinTimes(created)) return;
    this.unshown.delete(job.id);
    this.unshown.set(job.id, job);
    // Those that would be pushed off the page need no memory but their number.
    if (this.unshown.size > maxCountedJobs) this.unshown.delete(this.unshown.keys().next().value);
  }

  isWithinTimes(created) {
    const { since, until } = this.filter;
    const isTime = (text) => /^\d{4}-/.test(text);
    return (!isTime(since) || Date.parse(created) >= Date.parse(since))
      && (!until || (isTime(until) && Date.parse(created) < Date.parse(until)));
  }

  forgetNew() {
    this.unshown = new Map();
    this.newJobs.hidden = true;
  }

  /** Shows new rows where they disturb nobody, or offers them. */
  offerNew() {
    if (!this.unshown.size) return;
    if (!this.table.isBusy && !this.timer) {
      const wait = Math.max(0, this.lastInserted + newRowsInterval - performance.now());
      this.timer = setTimeout(() => {
        this.timer = 0;
        if (this.signal.aborted || !this.unshown.size) return;
        if (this.table.isBusy) this.offerNew();
        else this.insertNew();
      }, wait);
    }
    if (this.table.isBusy) {
      const size = this.unshown.size;
      setText(this.newJobs, `${size >= maxCountedJobs ? "1,000+ new jobs" : counted(size, "new job")} ↑`);
      if (this.newJobs.hidden) announce("New jobs have come. Press r to show them.");
      this.newJobs.hidden = false;
    }
  }

  insertNew() {
    this.lastInserted = performance.now();
    const jobs = [...this.unshown.values(), ...this.table.jobs]
      .sort((a, b) => ((a.created_at ?? "") < (b.created_at ?? "") ? 1 : -1));
    const isCut = jobs.length > rowsOfPage;
    this.forgetNew();
    if (isCut && !this.pageState.next) return void this.load({ isRefresh: true });
    this.showPage({ ...this.pageState, jobs: jobs.slice(0, rowsOfPage), problem: null });
    // The next page begins after the last row, wherever that is now.
    if (isCut) this.isMoved = true;
  }

  /** Reads the first page again, from its top. */
  showNew() {
    this.forgetNew();
    if (!this.isFirstPage) return navigate(filterPath(this.filter));
    scrollTo(0, 0);
    void this.load({ isRefresh: true });
  }

  leave() {
    clearTimeout(this.timer);
    const focus = this.table.body.contains(document.activeElement) ? document.activeElement.closest("tr").jobRow.job.id : "";
    leftList = { key: this.key + this.filter.after, page: { ...this.pageState, jobs: this.table.jobs }, focus };
  }
}

/** What to do where there is nothing to show. */
function emptyList(filter, next) {
  if (filter.after) {
    return element("div", { class: "empty" }, element("h2", {}, "No older jobs"),
      element("p", { class: "muted" }, next ? "The search was stopped. Older → goes on." : "This is the end of the list."));
  }
  if (isFiltered(filter)) {
    return element("div", { class: "empty" }, element("h2", {}, next ? "No job found so far" : "No job matches"),
      element("p", { class: "muted" }, "All filters must match. The model is compared whole, and metadata byte for byte."),
      element("p", {}, element("a", { href: "/" }, "Clear filters")));
  }
  const token = byID("sign-out").hidden ? "" : ` -H "Authorization: Bearer $API_TOKEN"`;
  const command = `curl -s ${location.origin}/jobs${token} \\\n  -H "Content-Type: application/json" \\\n`
    + `  -d '{"model": "demo/hello", "input": {"prompt": "a desk lamp"}}'`;
  return element("div", { class: "empty" }, element("h2", {}, "No jobs yet"),
    element("p", { class: "muted" }, "Create the first one, and it appears here. demo/hello is a model of the simulator."),
    element("pre", { tabindex: "0", "aria-label": "Command" }, command),
    element("button", { type: "button", class: "button", onclick: async () => {
      try {
        await navigator.clipboard.writeText(command);
        notify("Copied");
      } catch {
        notify("This browser does not let the page copy: select the command instead.", { isError: true });
      }
    } }, "Copy"));
}
