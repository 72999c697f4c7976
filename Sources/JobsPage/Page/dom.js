// Builds elements without parsing HTML. Texts become text nodes; attributes come from a fixed list.

const knownAttributes = new Set(`
  id class role title lang dir tabindex hidden type name value for list placeholder autocomplete
  autocapitalize spellcheck enterkeyhint inputmode maxlength min max step size required readonly disabled
  checked selected open href rel target download src alt width height loading decoding controls preload
  referrerpolicy datetime colspan scope method
  viewBox d x y x1 y1 x2 y2 cx cy r rx points transform fill stroke stroke-width stroke-linecap
  text-anchor preserveAspectRatio vector-effect pathLength
`.split(/\s+/));

/** Whether a URL may be the value of an attribute. A script is no such URL. */
function isSafeURL(name, text) {
  if (!URL.canParse(text, location.href)) return false;
  const { protocol, origin } = new URL(text, location.href);
  if (protocol === "http:" || protocol === "https:") return true;
  if (protocol === "blob:") return origin === location.origin;
  return name === "src" && /^data:(?:image|audio|video)\//i.test(text);
}

function setAttribute(node, name, value) {
  if (value === null || value === undefined || value === false) return node.removeAttribute(name);
  if (typeof value === "function" && name.startsWith("on")) {
    return node.addEventListener(name.slice(2), value);
  }
  if (!knownAttributes.has(name) && !/^(?:aria|data)-[a-z-]+$/.test(name)) {
    throw new TypeError(`${name} is no attribute that this page sets`);
  }
  // Fragments lead to this document's own symbols and headings.
  const isURL = name === "href" || name === "src";
  if (isURL && !String(value).startsWith("#") && !isSafeURL(name, String(value))) return;
  node.setAttribute(name, value === true ? "" : String(value));
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) setAttribute(node, name, value);
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

/** An element. Children are nodes, or texts that are never parsed. */
function element(name, attributes, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** An element of SVG. */
function svg(name, attributes, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

/** A symbol of `index.html`. It is decoration: a text beside it has the meaning. */
function icon(id) {
  return svg("svg", { class: "icon", "aria-hidden": "true", viewBox: "0 0 16 16" },
    svg("use", { href: `#icon-${id}` }));
}

function button(text, run, className = "button") {
  return element("button", { type: "button", class: className, onclick: run }, text);
}

/** Writes a text only where it differs, which avoids a layout. */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function replace(parent, ...children) {
  parent.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
}

/** The element with an id of `index.html`. */
function byID(id) {
  return document.getElementById(id);
}

/** The state of a job: a word and a shape, never colour alone. */
function stateBadge(state) {
  return setState(element("span"), state);
}

const knownStates = ["pending", "running", "stale", "succeeded", "failed", "canceled"];
/** The states that only steps of workflows have. */
const stepStates = ["waiting", "skipped"];

function setState(badge, state) {
  if (badge.dataset.state === state) return badge;
  const known = knownStates.includes(state) || stepStates.includes(state) ? state : "unknown";
  badge.dataset.state = state;
  badge.className = `state ${known}`;
  replace(badge, icon(known), visibleText(state.slice(0, 24)));
  return badge;
}
