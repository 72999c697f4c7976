// Server-sent events (HTML standard, section 9.2) by fetch. EventSource hides the status of a failed
// request, so that 401, 404, 410 and 503 look alike.

/** Parses server-sent events whose lines end with a line feed, as the daemon's do. */
class EventParser {
  constructor(receive) {
    this.receive = receive;
    this.rest = "";
    this.id = "";
  }

  /** Parses the next chunk. Returns whether it completed an event. */
  push(piece) {
    this.rest += piece;
    // An event may have megabytes: a chunk without a line's end is not split.
    if (!piece.includes("\n")) return false;
    const lines = this.rest.split("\n");
    this.rest = lines.pop();
    this.hasEvent = false;
    for (const line of lines) this.line(line);
    return this.hasEvent;
  }

  line(line) {
    if (line === "") {
      if (this.data !== undefined) {
        this.hasEvent = true;
        this.receive(this.name ?? "message", this.data, this.id);
      }
      this.name = this.data = undefined;
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
    if (field === "event") this.name = value;
    if (field === "data") this.data = this.data === undefined ? value : `${this.data}\n${value}`;
    if (field === "id") this.id = value;
  }
}

const connectionTexts = {
  live: "Live", connecting: "Connecting…", reconnecting: "Reconnecting…", paused: "Paused", off: "",
};

/** Shows the state of the connection in the header, and why it is lost. */
function showConnection(state, problem = null) {
  const node = byID("connection");
  node.title = problem ? `${problem.detail || problem.title}. ${problem.remedy}` : "";
  if (node.dataset.state === state) return;
  const wasLost = node.dataset.state === "reconnecting";
  node.dataset.state = state;
  setText(node.lastElementChild, connectionTexts[state]);
  if (state === "reconnecting") announce("The connection is lost. Reconnecting.");
  if (state === "live" && wasLost) announce("Connected again.");
}

/** A hidden page closes its stream after this time. A browser opens six connections per origin. */
const hiddenGrace = 30_000;
/** Without data for so long the connection is dead: the daemon writes every 15 seconds. */
const silenceLimit = 40_000;

/**
 * Follows a stream, and reconnects until the signal aborts or the stream has ended for good.
 *
 * - `event(name, text, id)` receives each event.
 * - `opened(isResumed)` is called after each connect. If it is not resumed, changes may be missing.
 */
async function stream(path, { query, cursor = "", event, opened }, signal) {
  let [last, failures, problem] = [cursor, 0, null];
  signal.addEventListener("abort", () => showConnection("off"), { once: true });
  showConnection("connecting");
  while (!signal.aborted) {
    await untilVisible(signal);
    const result = await readStream();
    if (signal.aborted || result === "ended") break;
    if (result === "expired") last = "";
    if (result === "hidden" || result === "expired") continue;
    failures += 1;
    showConnection("reconnecting", problem);
    // With jitter, so that after a restart not all pages reconnect at once.
    const wait = Math.min(15_000, 500 * 2 ** failures) * (0.5 + Math.random() / 2);
    await pause(wait, signal).catch(() => {});
  }
  if (!signal.aborted) showConnection("off");

  async function readStream() {
    const attempt = new AbortController();
    const abort = () => attempt.abort();
    signal.addEventListener("abort", abort, { once: true });
    let watchdog = setTimeout(abort, silenceLimit);
    const stopHiding = whenHidden(() => attempt.abort("hidden"));
    try {
      const response = await fetch(address(path, query), {
        signal: attempt.signal, cache: "no-store",
        headers: { Accept: "text/event-stream", ...last && { "Last-Event-ID": last } },
      });
      if (response.status === 401) throw endedSession();
      if (response.status === 410) return "expired";
      if (response.status === 204 || response.status === 404) return "ended";
      if (!response.ok) {
        problem = problemOf(response.status, await response.text(), response.headers.get("content-type"));
        return "failed";
      }
      problem = null;
      showConnection("live");
      opened?.(last !== "");
      let isDeleted = false;
      const parser = new EventParser((name, text, id) => {
        if (id) last = id;
        isDeleted ||= name === "deleted" && path !== "/events";
        event(name, text, id);
      });
      parser.id = last;
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return isDeleted ? "ended" : "failed";
        failures = 0;
        clearTimeout(watchdog);
        watchdog = setTimeout(abort, silenceLimit);
        const hasEvent = parser.push(value);
        if (parser.id) last = parser.id;
        // Back-pressure: one chunk per frame. Meanwhile the daemon coalesces changes.
        if (hasEvent) await nextFrame();
      }
    } catch (error) {
      if (attempt.signal.reason === "hidden") return "hidden";
      return "failed";
    } finally {
      clearTimeout(watchdog);
      stopHiding();
      signal.removeEventListener("abort", abort);
      attempt.abort();
    }
  }
}

/** Waits for the next animation frame. Hidden pages have none. */
function nextFrame() {
  return document.hidden ? pause(250) : new Promise((resolve) => { requestAnimationFrame(resolve); });
}

/** Waits while the page is hidden. */
function untilVisible(signal) {
  if (!document.hidden && !isLeft) return Promise.resolve();
  return new Promise((resolve) => {
    const check = () => {
      if ((document.hidden || isLeft) && !signal.aborted) return;
      document.removeEventListener("visibilitychange", check);
      removeEventListener("pageshow", check);
      resolve();
    };
    document.addEventListener("visibilitychange", check);
    addEventListener("pageshow", check);
    signal.addEventListener("abort", check, { once: true });
  });
}

/** Whether the page is in the back/forward cache, where a stream would take a connection from others. */
let isLeft = false;
addEventListener("pagehide", () => { isLeft = true; });
addEventListener("pageshow", () => { isLeft = false; });

/**
 * Calls `run` after the page was hidden for a while, or at once when it is left.
 * Returns a function that stops this.
 */
function whenHidden(run) {
  let timer = 0;
  const check = () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(() => { showConnection("paused"); run(); }, hiddenGrace);
  };
  document.addEventListener("visibilitychange", check);
  addEventListener("pagehide", run);
  return () => {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", check);
    removeEventListener("pagehide", run);
  };
}
