// The number of jobs in each state, as tabs. `GET /counts` reads counters, and no jobs.

const countInterval = 3000;

/** Tabs that filter by state. `changed()` requests the counts again, throttled. */
function stateTabs(signal) {
  let [timer, last, filter] = [0, -countInterval, null];
  const total = element("span", { class: "number" });
  const all = element("a", { href: "/" }, "All", total);
  const tabs = knownStates.map((state) => {
    const number = element("span", { class: "number" });
    return { state, number, link: element("a", { href: "/" }, stateBadge(state), number) };
  });
  signal.addEventListener("abort", () => clearTimeout(timer));

  async function read() {
    [timer, last] = [0, performance.now()];
    const { ok, data: counts } = await requestJSON("/counts", { signal });
    if (!ok) return;
    setText(total, formatNumber(counts.total));
    for (const { state, number } of tabs) setText(number, formatNumber(counts.states[state] ?? 0));
    const open = ["running", "pending"].filter((state) => counts.states[state] > 0)
      .map((state) => `${formatNumber(counts.states[state])} ${state}`);
    setTitle(open.length ? `${open.join(", ")} · Jobs` : "Jobs");
  }

  return {
    node: element("nav", { class: "tabs", "aria-label": "State" }, all, tabs.map(({ link }) => link)),
    changed() {
      if (timer || document.hidden) return;
      timer = setTimeout(() => read().catch(() => {}), Math.max(0, last + countInterval - performance.now()));
    },
    update(next) {
      filter = next;
      setAttribute(all, "href", filterPath(filter, { state: "" }));
      setAttribute(all, "aria-current", filter.state ? null : "true");
      for (const { state, link } of tabs) {
        setAttribute(link, "href", filterPath(filter, { state }));
        setAttribute(link, "aria-current", filter.state === state ? "true" : null);
      }
      // With other filters the counts of all jobs would mislead.
      for (const { number } of [{ number: total }, ...tabs]) number.hidden = isNarrowed(filter);
    },
  };
}
