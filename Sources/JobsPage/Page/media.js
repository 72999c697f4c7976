// Media of outputs: which texts are files, how they are shown, and why one is not.

const mediaKinds = {
  image: /\.(?:png|jpe?g|gif|webp|avif|svg|bmp)$/i,
  audio: /\.(?:mp3|wav|ogg|oga|opus|flac|m4a|aac)$/i,
  video: /\.(?:mp4|m4v|webm|mov|ogv)$/i,
};
// Of data: URIs only these types. An SVG is an image: there its scripts do not run and it loads nothing.
const mediaData = /^data:(image|audio|video)\/[\w.+-]+(?:;[\w=.+-]+)*,/i;

/** The URL of a text that is one of http or https; null for any other text. */
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

/** A figure of one file of an output, from its source or from the copy that the daemon has kept. */
class MediaFigure {
  /**
   * - `alternative` describes it for who does not see it.
   * - `age` is the time since the job's end in milliseconds: Replicate deletes files after an hour.
   * - `kept` is the file's entry in `files` of the job.
   */
  constructor(text, { alternative, caption, age, kept }) {
    Object.assign(this, { text, alternative, caption, age, kept });
    this.isData = mediaData.test(text);
    this.node = element("figure");
    this.label = element("figcaption");
    this.show();
  }

  /** Takes a newer entry. What the browser has loaded stays, because it may be playing. */
  update(kept, age) {
    if (JSON.stringify(kept) === JSON.stringify(this.kept)) return;
    const isSame = keptURL(kept) === keptURL(this.kept) && keptKind(kept) === keptKind(this.kept);
    Object.assign(this, { kept, age });
    if (isSame || this.isLoaded) this.showLabel(); else this.show();
  }

  /** What the figure shows and links. */
  get source() {
    return this.isData ? this.text : keptURL(this.kept) ?? this.text;
  }

  /** The name of its source, or of the copy of a data: URI that the page does not show. */
  get name() {
    return webURL(this.text) ? fileName(this.text) : visibleText(this.kept?.name ?? "file");
  }

  showLabel() {
    replace(this.label, this.caption ? `${visibleText(this.caption)} · ` : "",
      this.isData ? fileName(this.text) : fileLink(this.source, this.name),
      this.kept ? element("span", { class: `kept ${this.kept.state}` }, " · ", keptNote(this.kept)) : null);
  }

  fail(reason) {
    this.node.classList.add("failed");
    replace(this.node, element("p", { class: "reason" }, reason), this.label);
  }

  show() {
    const { source, isData } = this;
    const isKept = source !== this.text;
    const kind = (isKept ? keptKind(this.kept) : null) ?? mediaKind(this.text) ?? "file";
    this.node.className = `media ${kind}`;
    this.showLabel();
    if (kind === "file") return replace(this.node, this.label);
    if (!isData && !isKept && !isAllowed(webURL(source), mediaSources())) {
      return this.fail(`Not loaded: no output rule (OUTPUT_RULES) names the host ${webURL(source).host}.`);
    }
    const media = kind === "image"
      ? element("img", {
        referrerpolicy: "no-referrer", loading: "lazy", decoding: "async", alt: this.alternative,
      }) : element(kind, { controls: "", preload: "metadata", "aria-label": this.alternative });
    // After the policy of the referrer: an image begins to load with its source.
    setAttribute(media, "src", source);
    media.addEventListener(kind === "image" ? "load" : "loadedmetadata", () => { this.isLoaded = true; });
    media.addEventListener("error", () => {
      if (!this.node.contains(media)) return;
      this.fail(isKept ? "The kept copy could not be loaded. Try the link: it has the reason."
        : this.age > 3_600_000
          ? "The file is gone: Replicate deletes files an hour after the end of a job."
          : "The file could not be loaded, or leads to a host that this page may not use. Try the link.");
    });
    const frame = kind === "image" && !isData
      ? element("a", { href: source, rel: "noopener noreferrer", target: "_blank" }, media) : media;
    replace(this.node, frame, this.label);
  }
}
