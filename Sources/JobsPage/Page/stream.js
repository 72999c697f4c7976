// Server-sent events (HTML standard, section 9.2) by fetch. EventSource hides the status of a refusal, and
// without it 401, 404, 410 and 503 look alike.

/** Events from the text of a stream, whose lines end with a line feed, as the daemon writes them. */
class EventParser {
  constructor(receive) {
    this.receive = receive;
    this.rest = "";
    this.id = "";
  }

  /** Takes the next piece. Returns whether it has completed an event. */
  push(piece) {
    this.rest += piece;
    // An event may have megabytes: its text is looked through when its line ends.
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

/** The connection as the header shows it. */
function showConnection(state) {
  const node = byID("connection");
  if (node.dataset.state === state) return;
  const wasLost = node.dataset.state === "reconnecting";
  node.dataset.state = state;
  setText(node.lastElementChild, connectionTexts[state]);
  if (state === "reconnecting") announce("The connection is lost. Reconnecting.");
  if (state === "live" && wasLost) announce("Connected again.");
}

/** A page that nobody looks at gives its connection back after this time: a browser has six for an origin. */
const hiddenGrace = 30_000;
/** The daemon writes at least every 15 seconds. */
const silenceLimit = 40_000;

/**
 * Follows a stream until the signal aborts or the stream has ended for good.
 *
 * - `event(name, text, id)` receives the events.
 * - `opened(isResumed)` is called when the stream is there; where it was not resumed, changes may be missing.
 */
async function stream(path, { query, cursor = "", event, opened }, signal) {
  let [last, failures] = [cursor, 0];
  signal.addEventListener("abort", () => showConnection("off"));
  showConnection("connecting");
  while (!signal.aborted) {
    await untilVisible(signal);
    const result = await readStream();
    if (signal.aborted || result === "ended") break;
    if (result === "expired") last = "";
    if (result === "hidden" || result === "expired") continue;
    failures += 1;
    showConnection("reconnecting");
    // At random, so that not all pages come at once after a restart.
    const wait = Math.min(15_000, 500 * 2 ** failures) * (0.5 + Math.random() / 2);
    await pause(wait, signal).catch(() => {});
  }
  showConnection("off");

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
      if (!response.ok || !response.body) return "failed";
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
        // One piece a frame: meanwhile the daemon gathers, and skips to the newest states.
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

/** The next animation frame. Hidden pages have none. */
function nextFrame() {
  return document.hidden ? pause(250) : new Promise((resolve) => { requestAnimationFrame(resolve); });
}

/** Waits while the page is hidden. */
function untilVisible(signal) {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const check = () => {
      if (document.hidden && !signal.aborted) return;
      document.removeEventListener("visibilitychange", check);
      resolve();
    };
    document.addEventListener("visibilitychange", check);
    signal.addEventListener("abort", check, { once: true });
  });
}

/** Calls back when the page was hidden for long; returns what stops that. */
function whenHidden(run) {
  let timer = 0;
  const check = () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(() => { showConnection("paused"); run(); }, hiddenGrace);
  };
  document.addEventListener("visibilitychange", check);
  return () => {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", check);
  };
}
