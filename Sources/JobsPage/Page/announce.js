// Notices, problems and confirmations, and a live region for screen readers (WAI-ARIA `status`).

let announcement = 0;

/** Announces a text to screen readers when they are idle. */
function announce(text) {
  const region = byID("announcements");
  // A repeated text is announced again only if the region was empty in between.
  region.textContent = "";
  clearTimeout(announcement);
  announcement = setTimeout(() => { region.textContent = text; }, 50);
}

/** A notice in a corner of the window. An error stays until it is closed. */
function notify(text, { isError = false } = {}) {
  const close = () => notice.remove();
  const cross = button("×", close, "quiet");
  cross.ariaLabel = "Close notice";
  const notice = element("div", { class: isError ? "notice error" : "notice" },
    icon(isError ? "failed" : "succeeded"), element("p", {}, visibleText(text)), cross);
  byID("notices").append(notice);
  announce(text);
  if (!isError) setTimeout(close, 6000);
}

/** A problem with its cause and remedy, in place of the content. */
function problemBox(problem, { retry } = {}) {
  return element("div", { class: "problem", role: "alert" },
    icon("failed"),
    element("div", {},
      element("h2", {}, visibleText(problem.detail || problem.title)),
      problem.remedy ? element("p", {}, visibleText(problem.remedy)) : null,
      problem.code ? element("p", { class: "muted mono" }, visibleText(problem.code)) : null,
      retry ? button("Try again", () => retry()) : null));
}

/** Confirms a change that cannot be undone. The safe button has the focus. */
function confirmDialog({ title, text, action, refusal = "Keep it", isDangerous = false }) {
  return new Promise((resolve) => {
    const dialog = element("dialog", { "aria-labelledby": "question", "aria-describedby": "consequence" },
      element("h2", { id: "question" }, visibleText(title)),
      element("p", { id: "consequence" }, visibleText(text)),
      element("div", { class: "buttons" },
        button(refusal, () => dialog.close()),
        button(action, () => dialog.close("yes"), `button ${isDangerous ? "danger" : "primary"}`)));
    showDialog(dialog).then((answer) => resolve(answer === "yes"));
  });
}

/** Shows a modal dialog until it is closed, then restores the focus. */
function showDialog(dialog) {
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
