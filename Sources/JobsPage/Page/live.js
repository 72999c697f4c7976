// Applies the change feed to the table. Rows change in place. They are inserted and removed only while the
// table is not in use.

/** The minimum time between two updates of rows, in milliseconds. Faster ones cannot be read. */
const changesInterval = 200;
/** The minimum time between two insertions. */
const newRowsInterval = 1000;
/** How long a row that no longer matches stays. */
const passedInterval = 3000;
const maxCountedJobs = 1000;

class LiveRows {
  constructor(view, signal) {
    this.view = view;
    this.signal = signal;
    this.button = button("", () => view.showNewest(), "new-jobs");
    this.changes = new Map();
    this.kept = new Set();
    this.lastDrawn = this.lastRows = -Infinity;
    this.reset();
    signal.addEventListener("abort", () => clearTimeout(this.timer));
  }

  /** Forgets the jobs that wait to be shown. */
  reset() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.unshown = new Map();
    this.button.hidden = true;
  }

  /** Follows the changes of jobs that match. The feed has no filter by time. */
  follow() {
    const query = filterQuery(this.view.filter, ["state", "model"]);
    const key = String(query);
    if (this.signal.aborted || this.following?.key === key) return;
    this.following?.abort();
    const following = this.following = Object.assign(new AbortController(), { key });
    query.set("after", "now");
    this.changes = new Map();
    void stream("/events", {
      query,
      opened: (isResumed) => {
        this.view.tabs.changed();
        // Changes between the response of the list and the start of the stream are in neither.
        if (!isResumed) void this.view.loaded.then(() => this.view.load({ isRefresh: true }));
      },
      event: (name, text) => this.gather(name, parseJSON(text)),
    }, AbortSignal.any([this.signal, following.signal]));
  }

  /** Keeps the newest change of each job until the next update. */
  gather(name, data) {
    this.changes.set(data.id, [name, data]);
    for (const kept of this.kept) kept.set(data.id, [name, data]);
    if (this.isWaiting) return;
    this.isWaiting = true;
    const wait = Math.max(0, this.lastDrawn + changesInterval - performance.now());
    void pause(wait).then(nextFrame).then(() => {
      this.isWaiting = false;
      this.lastDrawn = performance.now();
      const { changes } = this;
      this.changes = new Map();
      if (!this.signal.aborted) this.draw(changes);
    });
  }

  /** Keeps the changes from now on. The list that is being read may be older than they are. */
  keepChanges() {
    const kept = new Map();
    this.kept.add(kept);
    return kept;
  }

  /** Applies kept changes to the list that was read. It includes all earlier ones. */
  applyKept(kept) {
    this.kept.delete(kept);
    this.reset();
    if (kept.size) this.draw(kept);
  }

  draw(changes) {
    // Read before rows change, because it forces a layout.
    const { isBusy } = this.view.table;
    this.view.tabs.changed();
    for (const [id, [name, data]] of changes) {
      const row = this.view.table.rows.get(id);
      if (name === "job") {
        if (!row) this.noteNew(data);
        else if (Number(data.revision) >= Number(row.job.revision)) row.update(data);
        continue;
      }
      this.unshown.delete(id);
      row?.leave(name === "left" ? String(data.state) : "deleted");
    }
    this.offer(isBusy);
  }

  /** Counts a job that is not shown, if it belongs on this page. */
  noteNew(job) {
    const { table, page, isFirstPage } = this.view;
    const last = page.next ? table.jobs.at(-1)?.created_at ?? "" : "";
    if (!isFirstPage || job.created_at < last || !this.isWithinTimes(job.created_at)) return;
    this.unshown.delete(job.id);
    this.unshown.set(job.id, job);
    if (this.unshown.size > maxCountedJobs) this.unshown.delete(this.unshown.keys().next().value);
  }

  isWithinTimes(created) {
    const { since, until } = this.view.filter;
    const isTime = (text) => /^\d{4}-/.test(text);
    return (!isTime(since) || Date.parse(created) >= Date.parse(since))
      && (!until || (isTime(until) && Date.parse(created) < Date.parse(until)));
  }

  /** Schedules the insertion of new rows, or offers it by a button while the table is in use. */
  offer(isBusy) {
    const { table } = this.view;
    const size = this.unshown.size;
    if (!size && !table.hasPassed) return;
    if (isBusy) {
      const count = size >= maxCountedJobs ? "1,000+ new jobs" : counted(size, "new job");
      setText(this.button, size ? `${count} ↑` : "Refresh");
      if (size && this.button.hidden) announce("There are new jobs. Press r to show them.");
      this.button.hidden = false;
    } else if (!this.timer) {
      const interval = size ? newRowsInterval : passedInterval;
      const wait = Math.max(size ? 0 : passedInterval, this.lastRows + interval - performance.now());
      this.timer = setTimeout(() => {
        this.timer = 0;
        if (table.isBusy) this.offer(true);
        else this.moveRows();
      }, wait);
    }
  }

  /** Inserts new rows and removes those that have left. */
  moveRows() {
    const { view } = this;
    this.lastRows = performance.now();
    const order = (a, b) => (a.created_at < b.created_at ? 1 : a.created_at > b.created_at ? -1 : 0);
    const jobs = [...[...this.unshown.values()].reverse(), ...view.table.jobs].sort(order);
    this.reset();
    const { next } = view.page;
    // Too many rows for a last page, or too few for another: only the API has the cursor, or the rows.
    const needsAPI = next ? jobs.length < rowsOfPage : jobs.length > rowsOfPage;
    if (needsAPI) return void view.load({ isRefresh: true });
    const isMoved = view.page.isMoved || jobs.length > rowsOfPage;
    view.show({ jobs: jobs.slice(0, rowsOfPage), next, isMoved });
  }
}
