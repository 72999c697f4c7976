// Signs in with one of API_TOKENS, if any are set. The token is exchanged for a cookie that scripts cannot
// read.

/** Shows the sign-in form in place of the view, and the view after it. */
function requireSignIn() {
  const main = byID("main");
  if (main.className === "sign-in") return;
  shown?.controller.abort();
  shown = null;
  showConnection("off");
  byID("sign-out").hidden = true;
  setTitle("Sign in");
  const token = element("input", { id: "token", type: "password", name: "password", required: true,
    autocomplete: "current-password", spellcheck: "false", "aria-describedby": "token-hint token-error" });
  const error = element("p", { id: "token-error", class: "error", role: "alert" });
  const button = element("button", { type: "submit", class: "button primary" }, "Sign in");
  const form = element("form", { class: "panel", method: "post", onsubmit: submit },
    element("h1", { tabindex: "-1" }, "Sign in"),
    // Password managers store a name with each password.
    element("input", { name: "username", autocomplete: "username", value: "API token", hidden: true }),
    element("label", { for: "token" }, "API token"), token,
    element("p", { id: "token-hint", class: "muted" },
      "One of API_TOKENS in the daemon's settings. This browser keeps a session of 12 hours, not the token."),
    error, button);
  main.className = "sign-in";
  replace(main, form);
  token.focus();

  async function submit(event) {
    event.preventDefault();
    if (!token.value.trim()) return;
    button.disabled = true;
    const body = { token: token.value.trim() };
    const { ok, status, problem } = await request("/session", { method: "POST", body });
    button.disabled = false;
    if (ok) {
      announce("Signed in");
      show();
      void showSession();
      return;
    }
    setText(error, status === 401
      ? "This token is not one of API_TOKENS. Copy it again, or add it there."
      : `${problem.title}. ${problem.detail} ${problem.remedy}`);
    setAttribute(token, "aria-invalid", "true");
    token.select();
    token.focus();
  }
}

/** Shows what needs a session: the button that ends it, and the link to workflows. */
async function showSession() {
  const { ok, data: session } = await requestJSON("/session");
  if (!ok) return;
  isTokenRequired = session.required === true;
  // The server refuses changes of such a session.
  document.body.classList.toggle("read-only", session.scope === "read");
  byID("sign-out").hidden = session.signed_in !== true || session.required === false;
  if (session.signed_in || !session.required) void offerWorkflows();
}

byID("sign-out").addEventListener("click", async () => {
  const { ok, problem } = await request("/session", { method: "DELETE" });
  if (ok) requireSignIn();
  else notify(`Not signed out: ${problem.title}. ${problem.remedy}`, { isError: true });
});
