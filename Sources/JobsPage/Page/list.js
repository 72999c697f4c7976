// Pages of the list. A page of the API may be empty and still have a next one: then the search goes on.

const rowsOfPage = 50;

/**
 * Reads rows until there are enough.
 *
 * `progress(page, requests)` is called after each answer that had too few. The result has `next` where there is more.
 */
async function readPage(filter, progress, signal) {
  const page = { jobs: [], next: filter.after, problem: null };
  for (let requests = 1; ; requests++) {
    const query = filterQuery(filter);
    query.set("limit", rowsOfPage - page.jobs.length);
    if (page.next) query.set("after", page.next);
    const { ok, data, problem } = await requestJSON("/jobs", { query, signal });
    if (!ok) return { ...page, problem };
    page.jobs.push(...data.jobs);
    page.next = data.next ?? "";
    if (!page.next || page.jobs.length >= rowsOfPage) return page;
    progress(page, requests);
  }
}
