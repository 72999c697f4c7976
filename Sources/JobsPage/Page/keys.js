// Keyboard shortcuts. Those of one character can be switched off, as WCAG 2.1.4 demands: dictation software
// types characters.

const shortcuts = new Map();
const shortcutSetting = "single-key shortcuts";

function areShortcutsOn() {
  try {
    return localStorage.getItem(shortcutSetting) !== "off";
  } catch {
    return true;
  }
}

/** A shortcut while the signal has not aborted. `run` may return false: then the key does what it did. */
function addShortcut(key, text, run, signal) {
  const shortcut = { text, run };
  shortcuts.set(key, shortcut);
  signal?.addEventListener("abort", () => {
    if (shortcuts.get(key) === shortcut) shortcuts.delete(key);
  });
}

const isTyping = (node) => node.closest?.("input:not([type=checkbox]), select, textarea, [contenteditable]");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
  const shortcut = shortcuts.get(event.key);
  if (!shortcut || (event.key.length === 1 && !areShortcutsOn())) return;
  if (shortcut.run(event) !== false) event.preventDefault();
});

function showKeys() {
  const names = { ArrowDown: "↓", ArrowUp: "↑" };
  const rows = [...shortcuts].map(([key, { text }]) => element("tr", {},
    element("th", { scope: "row" }, element("kbd", {}, names[key] ?? key)), element("td", {}, text)));
  const setting = element("input", { type: "checkbox", checked: areShortcutsOn() });
  setting.addEventListener("change", () => {
    try {
      localStorage.setItem(shortcutSetting, setting.checked ? "on" : "off");
    } catch { /* Without storage they stay on. */ }
  });
  const dialog = element("dialog", { "aria-labelledby": "keys-title", class: "keys" },
    element("h2", { id: "keys-title" }, "Keys"),
    element("table", {}, element("tbody", {}, rows)),
    element("label", { class: "check" }, setting, "Single-key shortcuts"),
    element("div", { class: "buttons" }, button("Close", () => dialog.close())));
  void showDialog(dialog);
}

byID("keys").addEventListener("click", showKeys);
addShortcut("?", "These keys", showKeys);
