// Requests to the jobs API of this origin, and their problems (RFC 9457).

/** A number that JavaScript would round or write in another way: its text is that of the JSON. */
class NumberText {
  constructor(text, number) {
    this.text = text;
    this.number = number;
  }
  toString() { return this.text; }
  valueOf() { return this.number; }
}

/**
 * JSON whose numbers keep their text.
 *
 * Browsers without `JSON.parse` source text access show the rounded number, and so does a document that is
 * too deep for the reviver, which recurses.
 */
function parseJSON(text) {
  const keep = (_, value, context) => typeof value === "number" && context?.source !== undefined
    && String(value) !== context.source ? new NumberText(context.source, value) : value;
  try {
    return JSON.parse(text, keep);
  } catch (error) {
    if (error instanceof RangeError) return JSON.parse(text);
    throw error;
  }
}

const remediesByCode = {
  unreachable: "Is the daemon running, and this machine online? The page tries again by itself.",
  store_unavailable: "The database cannot be read at present. The daemon's log has the cause.",
  overloaded: "The daemon has as many requests as it takes. Try again in a moment.",
  too_many_streams: "Close other tabs of this page, or raise MAX_STREAMS.",
  host_not_allowed: "Open the page by a loopback address, or set API_TOKENS.",
};

/** The problem of a response, also where a proxy in between has answered with a page of its own. */
function problemOf(status, text, type) {
  let document = {};
  if (/\bjson\b/.test(type ?? "")) {
    try { document = JSON.parse(text) ?? {}; } catch { /* The status alone is the reason. */ }
  }
  const word = (value, otherwise) => typeof value === "string" && value ? value : otherwise;
  const code = word(document.code, "");
  return {
    status, code,
    title: word(document.title, status ? `The status is ${status}` : "The daemon cannot be reached"),
    detail: word(document.detail, ""),
    remedy: remediesByCode[code] ?? (code ? "" : "A proxy in between may have answered, and not the daemon."),
  };
}

const unreachable = () =>
  ({ ...problemOf(0, "", ""), code: "unreachable", remedy: remediesByCode.unreachable });

function address(path, query) {
  const parameters = query instanceof URLSearchParams ? query : new URLSearchParams(query ?? {});
  return parameters.size ? `${path}?${parameters}` : path;
}

/** Sends a request. Throws nothing but `AbortError`: when the signal aborts, and where one has to sign in. */
async function request(path, { method = "GET", body, query, headers, signal } = {}) {
  const isJSON = body !== undefined && typeof body !== "string";
  try {
    const response = await fetch(address(path, query), {
      method, signal, cache: "no-store", redirect: "error",
      headers: {
        Accept: "application/json", ...isJSON && { "Content-Type": "application/json" }, ...headers,
      },
      body: isJSON ? JSON.stringify(body) : body,
    });
    clock.observe(response.headers.get("date"));
    const text = await response.text();
    if (response.status === 401 && path !== "/session") throw endedSession();
    const isFine = response.ok || response.status === 304;
    return {
      status: response.status, ok: isFine, text,
      etag: response.headers.get("etag"), headers: response.headers,
      problem: isFine ? null : problemOf(response.status, text, response.headers.get("content-type")),
    };
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return { status: 0, ok: false, text: "", etag: null, headers: new Headers(), problem: unreachable() };
  }
}

/** The same with the answer's JSON as `data`. */
async function requestJSON(path, options) {
  const response = await request(path, options);
  if (!response.ok) return response;
  try {
    return { ...response, data: parseJSON(response.text) };
  } catch {
    const problem = { ...problemOf(response.status, "", ""), title: "The answer is no JSON" };
    return { ...response, ok: false, problem };
  }
}

/** Shows the form to sign in. The error ends what has made the request. */
function endedSession() {
  requireSignIn();
  return new DOMException("Sign in first", "AbortError");
}

/** Waits, and ends early with `AbortError`. */
function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}
