// The logs of a job: its last lines, or all of them.

/** Logs as a terminal shows them: without colours, and with what a progress bar has written last. */
function terminalText(text) {
  return text.replace(/\x1b\[[\d;?]*[A-Za-z]/g, "").split("\n")
    .map((line) => line.replace(/\r+$/, "").split("\r").pop()).join("\n");
}

class LogsView {
  constructor(id, signal) {
    this.path = `/jobs/${encodeURIComponent(id)}/logs`;
    this.signal = signal;
    this.areAllShown = false;
    this.text = element("pre", { tabindex: 0, role: "region", "aria-label": "Text of the logs", class: "logs wrap" });
    this.follow = element("input", { type: "checkbox", checked: true, onchange: () => this.scroll() });
    const wrap = element("input", {
      type: "checkbox", checked: true, onchange: () => this.text.classList.toggle("wrap", wrap.checked),
    });
    this.all = element("button", { type: "button", class: "button small", onclick: () => this.showAll() }, "Show all");
    this.text.addEventListener("scroll", () => {
      const { scrollTop, scrollHeight, clientHeight } = this.text;
      if (scrollTop + clientHeight < scrollHeight - 40) this.follow.checked = false;
    });
    this.node = element("div", {},
      element("div", { class: "toolbar" },
        element("label", {}, this.follow, " Follow"), element("label", {}, wrap, " Wrap lines"), this.all),
      this.text);
  }

  /** - `literal`: the end of the logs as a JSON string of at most 4 KiB. */
  update(literal) {
    const tail = JSON.parse(literal);
    if (this.tail === tail) return;
    this.tail = tail;
    if (this.areAllShown) return this.load();
    this.show(tail);
    // Less than the limit is all there is; a character at its edge is not cut.
    this.all.hidden = new TextEncoder().encode(literal).length < 4080;
  }

  show(text) {
    setText(this.text, visibleText(terminalText(text)));
    this.scroll();
  }

  scroll() {
    if (this.follow.checked) this.text.scrollTop = this.text.scrollHeight;
  }

  async showAll() {
    this.areAllShown = true;
    this.all.hidden = true;
    await this.load();
    this.text.focus();
  }

  /** Reads all logs, not again while it reads them. */
  async load() {
    if (this.isLoading) return;
    this.isLoading = true;
    const answer = await request(this.path, { headers: { Accept: "text/plain" }, signal: this.signal });
    this.isLoading = false;
    if (answer.problem) return notify(`The logs could not be read: ${problemText(answer.problem)}`, { isError: true });
    this.show(answer.text);
  }
}
