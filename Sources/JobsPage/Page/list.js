// Pages of the list. A page of the API may be empty and still have a next one: then the search goes on.

const rowsOfPage = 50;

/**
 * Reads rows until there are enough.
 *
 * `progress(jobs, requests)` is called after each answer. The result has `next` where there is more.
 */
async function readPage(filter, progress, signal) {
  const page = { jobs: [], next: filter.after, problem: null };
  for (let requests = 1; ; requests++) {
    const query = filterQuery(filter);
    query.set("limit", rowsOfPage - page.jobs.length);
    if (page.next) query.set("after", page.next);
    const { ok, text, problem } = await request("/jobs", { query, signal });
    if (!ok) return { ...page, problem };
    const answer = parseJSON(text);
    page.jobs.push(...answer.jobs);
    page.next = answer.next === undefined ? "" : String(answer.next);
    if (!page.next || page.jobs.length >= rowsOfPage) return page;
    progress(page, requests);
  }
}
