// Routes by the page's URL, which has the whole state of a view: back, forward, reload and links work.

/** Functions `(main, route, signal)`. One may return `{ update(route) }` for changes within its view. */
const views = {};
let shown = null;

function readRoute() {
  const query = new URLSearchParams(location.search);
  if (query.has("job")) return { view: "job", id: query.get("job"), query };
  if (query.has("workflow")) return { view: "workflow", id: query.get("workflow"), query };
  const view = query.get("view");
  return { view: ["health", "workflows"].includes(view) ? view : "jobs", query };
}

function jobPath(id) {
  return `/?${new URLSearchParams({ job: id })}`;
}

/** The URL of the list with these parameters of `GET /jobs`. */
function jobsPath(parameters) {
  return address("/", parameters);
}

function jobLink(id, ...children) {
  return element("a", { href: jobPath(id) }, children.length ? children : visibleText(id));
}

function setTitle(text) {
  document.title = `${visibleText(text)} · replicate-webhookd`;
}

/** Opens another URL of the page, with a state for the history. */
function navigate(path, state = {}) {
  history.replaceState({ ...history.state, scroll: scrollY }, "");
  history.pushState(state, "", path);
  show();
}

/** Shows the view of the present URL. */
function show({ isFirst = false, scroll = 0 } = {}) {
  const route = readRoute();
  for (const link of document.querySelectorAll("[data-view]")) {
    setAttribute(link, "aria-current", link.dataset.view === route.view ? "page" : null);
  }
  if (shown?.view === route.view && shown.handle?.update) {
    scrollTo(0, 0);
    void Promise.resolve(shown.handle.update(route)).then(() => scroll && scrollTo(0, scroll));
    return;
  }
  shown?.controller.abort();
  const controller = new AbortController();
  shown = { view: route.view, controller };
  const main = byID("main");
  main.replaceChildren();
  main.className = route.view;
  const started = views[route.view](main, route, controller.signal);
  if (started?.update) shown.handle = started;
  if (!isFirst) {
    scrollTo(0, 0);
    focusHeading(main);
  }
  // After back and forward the scroll position is restored when the rows are there.
  Promise.resolve(started?.ready ?? started).then(() => {
    if (scroll && !controller.signal.aborted) scrollTo(0, scroll);
  }, (error) => {
    if (error?.name !== "AbortError") throw error;
  });
}

function focusHeading(main) {
  const heading = main.querySelector("h1") ?? main;
  if (heading !== main) heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}

addEventListener("popstate", (event) => show({ scroll: event.state?.scroll ?? 0 }));

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || link.target || event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (link.classList.contains("skip")) {
    event.preventDefault();
    byID("main").focus();
    return;
  }
  const url = new URL(link.href);
  if (url.origin !== location.origin || url.pathname !== "/" || url.hash || link.download) return;
  event.preventDefault();
  navigate(url.pathname + url.search);
});
