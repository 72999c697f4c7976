// JSON by its text. JSON.parse would round numbers, merge members of one name and read a whole document of
// megabytes at once. Here a value is a slice of the text, and its parts are found when they are shown.
// Nothing recurses: a document may be as deep as it likes. The texts come from the daemon, which has
// validated them.

const jsonSpace = /[ \t\n\r]*/y;
const jsonPlain = /[^"{}[\],]*/y;
const jsonScalar = /[^ \t\n\r,\]}]+/y;
/** The levels of an output in which the daemon looks for files. */
const maxFileDepth = 32;

/** Where a sticky pattern that starts at `index` stops. */
function endOfMatch(pattern, text, index) {
  pattern.lastIndex = index;
  return pattern.test(text) ? pattern.lastIndex : index;
}

/** The end of the string literal that begins at `start`. */
function jsonStringEnd(text, start) {
  for (let quote = text.indexOf('"', start + 1); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (text[quote - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
  }
  return text.length;
}

/** The end of the value that begins at `start`. */
function jsonValueEnd(text, start) {
  if (text[start] === '"') return jsonStringEnd(text, start);
  if (text[start] !== "{" && text[start] !== "[") return endOfMatch(jsonScalar, text, start);
  let depth = 0;
  for (let index = start; index < text.length; index = endOfMatch(jsonPlain, text, index)) {
    if (text[index] === '"') {
      index = jsonStringEnd(text, index);
      continue;
    }
    if (text[index] !== ",") depth += text[index] === "{" || text[index] === "[" ? 1 : -1;
    index++;
    if (depth === 0) return index;
  }
  return text.length;
}

/** The kind of a value: object, array, string, number, boolean or null. */
function jsonKind(text) {
  const kinds = { "{": "object", "[": "array", '"': "string", t: "boolean", f: "boolean", n: "null" };
  return kinds[text[0]] ?? "number";
}

/** The parts of an object or array, in order; names are decoded, and null in an array. */
function* jsonParts(text) {
  const isObject = text[0] === "{";
  let index = endOfMatch(jsonSpace, text, 1);
  while (index < text.length - 1) {
    let name = null;
    if (isObject) {
      const end = jsonStringEnd(text, index);
      name = JSON.parse(text.slice(index, end));
      index = endOfMatch(jsonSpace, text, endOfMatch(jsonSpace, text, end) + 1);
    }
    const end = jsonValueEnd(text, index);
    yield { name, text: text.slice(index, end) };
    // The comma and the space around it.
    index = endOfMatch(jsonSpace, text, endOfMatch(jsonSpace, text, end) + 1);
  }
}

/** The members of an object as a map from names to texts. A map, because `__proto__` is a name too. */
function jsonMembers(text) {
  const members = new Map();
  if (text[0] === "{") for (const part of jsonParts(text)) members.set(part.name, part.text);
  return members;
}

/** The strings in a value in one pass, with their paths, such as `frames[2].url`, and JSON pointers. */
function* jsonStrings(text) {
  const open = [];
  for (let index = 0; index < text.length; index = endOfMatch(jsonPlain, text, index)) {
    const [unit, top] = [text[index], open[open.length - 1]];
    index++;
    if (unit === '"') {
      const start = index - 1;
      index = jsonStringEnd(text, start);
      const value = JSON.parse(text.slice(start, index));
      if (top?.awaitsName) [top.step, top.awaitsName] = [value, false];
      else yield { path: jsonPath(open), pointer: jsonPointer(open), value };
    } else if (unit === "{" || unit === "[") {
      open.push({ isObject: unit === "{", awaitsName: unit === "{", step: 0 });
    } else if (unit === "," && top) {
      if (top.isObject) top.awaitsName = true; else top.step++;
    } else {
      open.pop();
    }
  }
}

/** The path of a value; a longer one is cut. */
function jsonPath(open) {
  const steps = open.slice(0, 8).map(({ isObject, step }) => (isObject ? `.${step}` : `[${step}]`));
  return steps.join("").replace(/^\./, "");
}

/** The pointer to a value (RFC 6901); null for one that is too deep to be a file. */
function jsonPointer(open) {
  if (open.length > maxFileDepth) return null;
  return open.map(({ step }) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** JSON with control and bidi characters escaped: the same document, safe to paste. */
function escapedJSON(text) {
  return text.replace(harmful, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
