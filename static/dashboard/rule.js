// One rule, and the way from it to a slot.

import { call, Refused } from "./api.js";
import { byId, setText } from "./dom.js";
import { bindThemeToggle } from "./theme-toggle.js";

const config = JSON.parse(byId("page-config").textContent);
const dialog = byId("promote-dialog");

bindThemeToggle(() => {});
if (dialog) {
  byId("promote").addEventListener("click", () => dialog.showModal());
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  byId("promote-form").addEventListener("submit", (event) => { event.preventDefault(); promote(event.target); });
}

async function promote(form) {
  const button = form.querySelector("button.primary");
  button.disabled = true;
  setText(byId("promote-error"), "");
  try {
    await call("POST", `/api/discovery/rules/${config.rule}/promote`, { tag: form.tag.value });
    location.reload();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    setText(byId("promote-error"), error.message);
    button.disabled = false;
  }
}
