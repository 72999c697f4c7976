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
  const more = element("button", {
    type: "button", class: "more", onclick: () => {
      shown.data = visibleText(text);
      more.remove();
    },
  }, `Show all ${formatNumber(text.length)} characters`);
  return element("span", { class: className }, shown, more);
}

/** `1 file`, `2 files`. */
function counted(number, noun) {
  return `${formatNumber(number)} ${noun}${Number(number) === 1 ? "" : "s"}`;
}
