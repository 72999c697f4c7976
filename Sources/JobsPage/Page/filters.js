// The filters of the list: in the page's address, in requests, and as fields.

const listParameters = ["state", "model", "since", "until"];
const metadataPrefix = "metadata.";

/** The filter that an address names. */
function readFilter(query) {
  const filter = { metadata: [], after: query.get("after") ?? "" };
  for (const name of listParameters) filter[name] = query.get(name) ?? "";
  for (const [name, value] of query) {
    if (name.startsWith(metadataPrefix)) filter.metadata.push([name.slice(metadataPrefix.length), value]);
  }
  return filter;
}

/** The parameters of a filter, without the page that is shown of its list. */
function filterQuery(filter, names = listParameters) {
  const query = new URLSearchParams();
  for (const name of names) if (filter[name]) query.set(name, filter[name]);
  for (const [key, value] of filter.metadata) query.set(metadataPrefix + key, value);
  return query;
}

/** The address of the list with changes of its filter, from its first page. */
function filterPath(filter, changes = {}) {
  return jobsPath(filterQuery({ ...filter, ...changes }));
}

function withMetadata(filter, key, value) {
  return { metadata: [...filter.metadata.filter(([other]) => other !== key), [key, value]] };
}

/** Whether anything but the state is filtered: then the counts of all jobs are not those of the list. */
const isNarrowed = ({ model, since, until, metadata }) => Boolean(model || since || until || metadata.length);
const isFiltered = (filter) => Boolean(filter.state) || isNarrowed(filter);

const quickTimes = { "": "Any time", "1h": "Last hour", "24h": "Last 24 hours", "7d": "Last 7 days" };

/** A time of the API as the value of a `datetime-local` field, which is by the reader's clock. */
function localTime(text) {
  const date = new Date(text);
  if (!text || Number.isNaN(date.getTime())) return "";
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

/** The time of such a field, for the API. */
function utcTime(value) {
  return value ? new Date(value).toISOString().replace(".000Z", "Z") : "";
}

function labeled(label, field, className = "") {
  return element("div", { class: `labeled ${className}` }, element("label", { for: field.id }, label), field);
}

/** The fields above the list. `update(filter)` shows another filter in them. */
function filterBar(apply, signal) {
  let filter = readFilter(new URLSearchParams());
  const field = (id, attributes) => element("input", {
    id, class: "field", autocomplete: "off", spellcheck: "false", autocapitalize: "off", ...attributes,
  });
  const error = element("p", { class: "error", id: "filter-error", role: "alert" });
  const search = field("search", { type: "search", placeholder: "Id of a job or prediction",
    enterkeyhint: "go", "aria-describedby": "filter-error" });
  const model = field("model", { type: "search", placeholder: "owner/name", list: "models" });
  const models = element("datalist", { id: "models" });
  const member = field("metadata", { type: "search", placeholder: "key=value", enterkeyhint: "search",
    "aria-describedby": "filter-error" });
  const time = element("select", { id: "time", class: "field" },
    Object.entries(quickTimes).map(([value, text]) => element("option", { value }, text)),
    element("option", { value: "exact" }, "Exact times…"));
  const from = field("since", { type: "datetime-local", step: "1" });
  const until = field("until", { type: "datetime-local", step: "1" });
  const exact = element("div", { class: "exact", hidden: true },
    labeled("From", from), labeled("Until", until));
  const chips = element("ul", { class: "chips", "aria-label": "Filters" });

  const find = element("form", { role: "search" }, labeled("Find", search));
  const fold = button("Filters", () => { fold.ariaExpanded = fold.ariaExpanded === "false"; }, "button fold");
  fold.ariaExpanded = "false";
  const narrow = element("form", { class: "narrow", "aria-label": "Filters" },
    labeled("Model", model), models, labeled("Metadata", member), labeled("Time", time), exact,
    element("button", { type: "submit", class: "visually-hidden", tabindex: "-1" }, "Filter"));

  find.addEventListener("submit", (event) => {
    event.preventDefault();
    void lead();
  });
  narrow.addEventListener("submit", (event) => {
    event.preventDefault();
    addMember();
    change({ model: model.value.trim() });
  });
  // `search` is the event of the cross that empties a field.
  for (const name of ["change", "search"]) {
    model.addEventListener(name, () => change({ model: model.value.trim() }));
  }
  time.addEventListener("change", () => {
    exact.hidden = time.value !== "exact";
    if (time.value === "exact") from.focus();
    else change({ since: time.value, until: "" });
  });
  exact.addEventListener("change", () => change({ since: utcTime(from.value), until: utcTime(until.value) }));

  function change(changes) {
    setText(error, "");
    const path = filterPath(filter, changes);
    if (path !== filterPath(filter)) apply(path);
  }

  function addMember() {
    const text = member.value.trim();
    if (!text) return;
    const equals = text.indexOf("=");
    if (equals < 1) return setText(error, "Write a member of the metadata as key=value, such as user=7.");
    member.value = "";
    change(withMetadata(filter, text.slice(0, equals), text.slice(equals + 1)));
  }

  async function lead() {
    const id = search.value.trim();
    if (!id) return;
    if (!/^[\w-]{1,128}$/.test(id)) return setText(error, "An id has letters, digits, - and _ alone.");
    setText(error, "");
    const { ok, data, problem } = await requestJSON("/jobs", { query: { ids: id }, signal });
    if (!ok) return setText(error, `${problem.title}. ${problem.detail || problem.remedy}`);
    const [job] = data.jobs;
    if (job) navigate(jobPath(job.id));
    else setText(error, `No job has the id ${id}. It may have been deleted, or pruned after RETENTION.`);
  }

  function chip(text, changes) {
    const shownText = visibleText(text);
    const cross = button("×", () => { change(changes); member.focus(); }, "");
    cross.ariaLabel = `Remove filter ${shownText}`;
    return element("li", { class: "chip" }, element("bdi", { title: shownText }, shownText), cross);
  }

  return {
    node: element("div", { class: "filters" }, find, fold, narrow, chips, error),
    search,
    knowModels(names) {
      const known = new Set([...models.children].map((option) => option.value));
      for (const name of names) {
        if (name && known.size < 200 && !known.has(name)) models.append(element("option", { value: name }));
        known.add(name);
      }
    },
    update(next) {
      filter = next;
      setText(error, "");
      if (document.activeElement !== model) model.value = filter.model;
      const isQuick = !filter.until && filter.since in quickTimes;
      time.value = isQuick ? filter.since : "exact";
      exact.hidden = isQuick;
      // A field that is being edited keeps what it has.
      if (!isQuick && !exact.contains(document.activeElement)) {
        [from.value, until.value] = [localTime(filter.since), localTime(filter.until)];
      }
      const isOther = (text) => text && !localTime(text) && !(text in quickTimes);
      replace(chips,
        filter.metadata.map(([key, value]) => chip(`${key}=${value}`,
          { metadata: filter.metadata.filter(([other]) => other !== key) })),
        isOther(filter.since) ? chip(`since ${filter.since}`, { since: "" }) : null,
        isOther(filter.until) ? chip(`until ${filter.until}`, { until: "" }) : null,
        isNarrowed(filter) ? element("li", {}, element("a", { href: "/" }, "Clear filters")) : null);
      chips.hidden = chips.childElementCount === 0;
    },
  };
}
