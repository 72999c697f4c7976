// Text of others: shown whole, and without power over the page around it.

/** Controls but tab and line feed, bidi controls, line separators, and surrogates without a partner. */
const harmful =
  /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\p{Surrogate}/gu;

/** The text with such characters written as their code points: `⟨U+202E⟩`. */
function visibleText(text) {
  return text.replace(harmful, (unit) =>
    `⟨U+${unit.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);
}

/** A text of any length: a long one is cut, with a button for the rest. */
function longText(text, className = "text", shownCharacters = 1000) {
  if (text.length <= shownCharacters * 1.2) return element("span", { class: className }, visibleText(text));
  const shown = document.createTextNode(`${visibleText(text.slice(0, shownCharacters))}… `);
  const more = button(`Show all ${formatNumber(text.length)} characters`, () => {
    more.remove();
    shown.replaceWith(...textBlocks(visibleText(text)));
  }, "more");
  return element("span", { class: className }, shown, more);
}

/** Blocks of a text, of which only those in sight are laid out: a megabyte would take seconds. */
function textBlocks(text) {
  const blocks = [];
  for (let start = 0, end; start < text.length; start = end) {
    const line = text.lastIndexOf("\n", start + 10_000);
    end = line > start && start + 10_000 < text.length ? line + 1 : start + 10_000;
    blocks.push(element("span", { class: "block" }, text.slice(start, end)));
  }
  return blocks;
}

/** `1 file`, `2 files`. */
function counted(number, noun) {
  return `${formatNumber(number)} ${noun}${Number(number) === 1 ? "" : "s"}`;
}

/** A line of less weight. */
function muted(...children) {
  return element("p", { class: "muted" }, children);
}

const filledTexts = new WeakMap();

/** Puts rows into a list. One whose text has not changed stays, with its focus and what is open in it. */
function fill(list, rows) {
  for (const [index, row] of rows.entries()) {
    const old = list.children[index];
    filledTexts.set(row, row.textContent);
    if (!old) list.append(row);
    else if (filledTexts.get(old) !== row.textContent) old.replaceWith(row);
  }
  while (list.children.length > rows.length) list.lastElementChild.remove();
}
