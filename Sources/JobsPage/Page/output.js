// Values as a person wants them: pictures, sounds, films and texts, and JSON in a tree that opens by parts.

const filesAtOnce = 24;
const partsAtOnce = 100;
/** Parts of a value are counted so far, so that a summary costs little. */
const maxCountedParts = 1000;

/**
 * Appends what an iterator gives to a list, so many at once, with a button for more.
 *
 * `total` may be unknown.
 */
function appendInPieces(list, iterator, { atOnce, noun, total, make }) {
  const more = button("", () => appendPiece(true), "more");
  let [next, shown] = [iterator.next(), 0];
  const appendPiece = (isRequested) => {
    let first = null;
    for (let index = 0; index < atOnce && !next.done; index++, shown++) {
      const node = make(next.value, shown);
      first ??= node;
      list.append(node);
      next = iterator.next();
    }
    more.remove();
    if (isRequested && first) {
      // The button has gone, so the focus goes to what it has brought.
      const link = first.querySelector("a, summary, button");
      (link ?? first).focus();
    }
    if (next.done) return;
    setText(more, total ? `Show more: ${formatNumber(total - shown)} of ${counted(total, noun)} are left`
      : `Show ${atOnce} more`);
    list.after(more);
  };
  appendPiece(false);
}

/** The number of a value's parts, at most `limit`; 1 of a string. */
function partCount(text, limit = Infinity) {
  if (text[0] === '"') return 1;
  let number = 0;
  for (const _ of jsonParts(text)) if (++number === limit) break;
  return number;
}

/** That number as text, such as `3 members` or `1,000+ elements`. */
function partsText(text) {
  const number = partCount(text, maxCountedParts);
  const noun = text[0] === "{" ? "member" : "element";
  return number < maxCountedParts ? counted(number, noun) : `${formatNumber(number)}+ ${noun}s`;
}

/** At most 200 characters of a text whose whole is elsewhere. */
function cut(text) {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** A string of JSON: a link where it is a URL of the web, else a text. */
function jsonString(value) {
  return webURL(value) ? fileLink(value, visibleText(cut(value))) : longText(value, "string");
}

/** A value as a line of a tree: a folded part of it is made when it is opened. */
function jsonNode(text, name = null, isOpen = false) {
  const label = name === null ? null : element("span", { class: "name" }, `${visibleText(cut(name))}: `);
  const isContainer = text[0] === "{" || text[0] === "[";
  if (!isContainer || /^.[ \t\n\r]*.$/.test(text)) {
    const value = text[0] === '"' ? jsonString(JSON.parse(text))
      : element("span", { class: jsonKind(text) }, visibleText(text));
    return element("span", { class: "leaf" }, label, value);
  }
  const [open, close] = text[0] === "{" ? "{}" : "[]";
  const details = element("details", {},
    element("summary", {}, label,
      element("span", { class: "muted" }, `${open} ${partsText(text)} ${close}`)));
  const fillOnce = () => {
    details.removeEventListener("toggle", fillOnce);
    const list = element("ul");
    details.append(list);
    appendInPieces(list, jsonParts(text), {
      atOnce: partsAtOnce, make: (part, index) => element("li", { tabindex: -1 },
        jsonNode(part.text, part.name ?? String(index))),
    });
  };
  if (isOpen) fillOnce(); else details.addEventListener("toggle", fillOnce);
  details.open = isOpen;
  return details;
}

function jsonTree(text) {
  return element("div", { class: "json" }, jsonNode(text, null, true));
}

/** The members of an input, by name: texts as texts, and URLs as links that load nothing. */
function inputView(text) {
  if (text[0] !== "{") return jsonTree(text);
  const list = element("dl", { class: "members" });
  const box = element("div", {}, list);
  appendInPieces(list, jsonParts(text), { atOnce: partsAtOnce, make: inputMember });
  if (!list.hasChildNodes()) return muted("The input is empty.");
  return box;
}

function inputMember({ name, text }) {
  const value = () => {
    if (text[0] === "{" || text[0] === "[") return element("div", { class: "json" }, jsonNode(text));
    if (text[0] !== '"') return element("span", { class: jsonKind(text) }, visibleText(text));
    const string = JSON.parse(text);
    // What is in the text itself needs no request.
    if (mediaData.test(string)) {
      return new MediaFigure(string, { alternative: `The file in ${name}` }).node;
    }
    return webURL(string) ? jsonString(string) : longText(string, "prose");
  };
  return element("div", { tabindex: -1 }, element("dt", {}, visibleText(name)), element("dd", {}, value()));
}

/** The output of a job, which may grow while it runs. Figures that are shown already stay as they are. */
class OutputView {
  constructor() {
    this.node = element("div", { class: "output" });
    this.shown = null;
    this.figures = new Map();
  }

  /**
   * - `context`: `subject` for alternative texts, `age`, the milliseconds since the job's end, and `kept`,
   *   the copies of its files.
   */
  update(text, context) {
    const { shown, kept } = this;
    [this.shown, this.kept] = [text, context.kept];
    if (text === shown) {
      if (this.kept.text === kept.text) return;
      if (this.kept.byPlace.size === kept.byPlace.size) return this.updateFiles(context);
    }
    const prose = text[0] === '"' ? JSON.parse(text) : joinedText(text);
    if (prose !== null && mediaKind(prose) === null) {
      return replace(this.node,
        prose === "" ? muted("The output is an empty text.") : longText(prose, "prose", 20_000));
    }
    const strings = [...jsonStrings(text)];
    const isPlain = text[0] !== "{" && strings.length > 0 && strings.every(({ path, value }) =>
      /^(?:\[\d+\])?$/.test(path) && mediaKind(value) !== null) && strings.length === partCount(text);
    // A tree has links already: only media and kept files are shown beside it.
    const files = strings.filter(({ pointer, value }) =>
      isPlain || this.kept.at(pointer) || !["file", null].includes(mediaKind(value)));
    replace(this.node);
    if (files.length > 0) this.showFiles(files, context);
    if (!isPlain) this.node.append(jsonTree(text));
  }

  /** Shows what has become of the files, and leaves the figures as they are otherwise. */
  updateFiles({ age }) {
    for (const { figure, pointer } of this.figures.values()) figure.update(this.kept.at(pointer), age);
  }

  showFiles(files, { subject, age }) {
    const gallery = element("ul", { class: "gallery" });
    this.node.append(gallery);
    const before = this.figures;
    this.figures = new Map();
    appendInPieces(gallery, files[Symbol.iterator](), {
      atOnce: filesAtOnce, noun: "file", total: files.length, make: ({ path, pointer, value }, index) => {
        const key = `${index} ${value}`;
        const number = files.length > 1 ? ` ${index + 1} of ${files.length}` : "";
        const old = before.get(key);
        const figure = old?.figure ?? new MediaFigure(value, {
          alternative: `Output${number} of ${subject}`, age, kept: this.kept.at(pointer),
          // A name from an object has a meaning; the index of an array is counted from 1 instead.
          caption: /^(?:\[\d+\])?$/.test(path) ? number && String(index + 1) : path,
        });
        const item = old?.item ?? element("li", { tabindex: -1 }, figure.node);
        if (old) figure.update(this.kept.at(pointer), age);
        this.figures.set(key, { figure, item, pointer });
        return item;
      },
    });
  }
}

/** The text of which an array holds the pieces, as language models give it; null for any other value. */
function joinedText(text) {
  if (text[0] !== "[") return null;
  const pieces = [];
  for (const part of jsonParts(text)) {
    if (part.text[0] !== '"') return null;
    const piece = JSON.parse(part.text);
    if (mediaKind(piece) !== null) return null;
    pieces.push(piece);
  }
  return pieces.length > 0 ? pieces.join("") : null;
}
