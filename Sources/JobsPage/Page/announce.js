// What happens, for those who look elsewhere: a polite live region, notices and questions.

let announcement = 0;

/** Has a screen reader announce a text when it is idle. */
function announce(text) {
  const region = byID("announcements");
  // The same text twice is announced twice only if the region was empty between.
  region.textContent = "";
  clearTimeout(announcement);
  announcement = setTimeout(() => { region.textContent = text; }, 50);
}

/** A notice at the edge of the window. One of an error stays until it is closed. */
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

/** What went wrong and what to do about it, in place of what could not be shown. */
function problemBox(problem, { retry } = {}) {
  return element("div", { class: "problem", role: "alert" },
    icon("failed"),
    element("div", {},
      element("h2", {}, visibleText(problem.title)),
      problem.detail ? element("p", {}, visibleText(problem.detail)) : null,
      problem.remedy ? element("p", { class: "muted" }, visibleText(problem.remedy)) : null,
      retry ? button("Try again", () => retry()) : null));
}

/** A question before a change that cannot be undone. The safe button has the focus. */
function confirmDialog({ title, text, action, isDangerous = false }) {
  return new Promise((resolve) => {
    const dialog = element("dialog", { "aria-labelledby": "question", "aria-describedby": "consequence" },
      element("h2", { id: "question" }, visibleText(title)),
      element("p", { id: "consequence" }, visibleText(text)),
      element("div", { class: "buttons" },
        button("Keep it", () => dialog.close()),
        button(action, () => dialog.close("yes"), `button ${isDangerous ? "danger" : "primary"}`)));
    showDialog(dialog).then((answer) => resolve(answer === "yes"));
  });
}

/** Shows a dialog, and removes it when it is closed. The focus returns to where it was. */
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
