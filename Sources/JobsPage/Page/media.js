// Media of outputs: which texts are files, how they are shown, and why one is not.

const mediaKinds = {
  image: /\.(?:png|jpe?g|gif|webp|avif|svg|bmp)$/i,
  audio: /\.(?:mp3|wav|ogg|oga|opus|flac|m4a|aac)$/i,
  video: /\.(?:mp4|m4v|webm|mov|ogv)$/i,
};
// Of data: URIs only these types. An SVG is an image: there its scripts do not run and it loads nothing.
const mediaData = /^data:(image|audio|video)\/[\w.+-]+(?:;[\w=.+-]+)*,/i;

/** The URL of a text that is one of http or https; nil for any other text. */
function webURL(text) {
  return /^https?:\/\/\S+$/i.test(text) && URL.canParse(text) ? new URL(text) : null;
}

/** The kind of the file that a text leads to: image, audio, video, file, or null for plain text. */
function mediaKind(text) {
  const data = mediaData.exec(text);
  if (data) return data[1].toLowerCase();
  const url = webURL(text);
  if (!url) return null;
  return Object.keys(mediaKinds).find((kind) => mediaKinds[kind].test(url.pathname)) ?? "file";
}

/** The name of the file at a URL, as a person would call it. */
function fileName(text) {
  const data = mediaData.exec(text);
  if (data) return `${text.slice(5, text.search(/[;,]/))}, ${formatNumber(text.length)} characters`;
  const url = webURL(text);
  const last = url.pathname.split("/").filter(Boolean).pop() ?? url.host;
  try {
    return visibleText(decodeURIComponent(last));
  } catch {
    return last;
  }
}

/** A link to a file of others, which learns nothing of this page. */
function fileLink(text, label = fileName(text)) {
  return element("a", { href: text, rel: "noopener noreferrer", target: "_blank", class: "file" }, label);
}

/** The sources from which media may come, as in the Content-Security-Policy; null where the page has none. */
function mediaSources() {
  const content = document.querySelector('meta[name="output-origins"]')?.content;
  return content ? content.split(" ") : null;
}

/** Whether a source of the policy, such as `https://*.replicate.delivery`, allows the URL. */
function isAllowed(url, sources) {
  return sources === null || url.origin === location.origin || sources.some((source) => {
    const [scheme, host] = source.split("://");
    if (url.protocol !== `${scheme}:`) return false;
    return host.startsWith("*.") ? url.host.endsWith(host.slice(1)) : url.host === host;
  });
}

/** Figures that show media, by their URLs, for reports of the policy. */
const shownMedia = new Map();

document.addEventListener("securitypolicyviolation", (event) => {
  shownMedia.get(event.blockedURI)?.fail(
    "This page may not load files of this host. It loads from hosts that the output rules allow.");
});

/**
 * A figure of one file of an output.
 *
 * - `alternative` describes it for who does not see it.
 * - `age` is the time since the job's end in milliseconds: Replicate deletes files after an hour.
 */
function mediaFigure(text, { alternative, caption, age }) {
  const kind = mediaKind(text);
  const isData = text.startsWith("data:");
  const label = element("figcaption", {}, caption ? `${visibleText(caption)} · ` : "",
    isData ? fileName(text) : fileLink(text));
  const figure = element("figure", { class: `media ${kind}` });
  const fail = (reason) => {
    figure.classList.add("failed");
    figure.replaceChildren(element("p", { class: "reason" }, reason), label);
  };
  if (kind === "file") {
    figure.append(label);
    return figure;
  }
  if (!isData && !isAllowed(webURL(text), mediaSources())) {
    fail("Not loaded: the output rules do not name this host.");
    return figure;
  }
  const media = kind === "image"
    ? element("img", { referrerpolicy: "no-referrer", loading: "lazy", decoding: "async", alt: alternative })
    : element(kind, { controls: "", preload: "metadata", "aria-label": alternative });
  // After the policy of the referrer: an image begins to load with its source.
  media.src = text;
  media.addEventListener("error", () => fail(
    age > 3_600_000
      ? "The file is gone: Replicate deletes files an hour after the end of a job."
      : "The file could not be loaded. The link may give the reason."));
  if (!isData) shownMedia.set(webURL(text).href, { fail });
  const frame = kind === "image" && !isData
    ? element("a", { href: text, rel: "noopener noreferrer", target: "_blank" }, media) : media;
  figure.append(frame, label);
  return figure;
}
