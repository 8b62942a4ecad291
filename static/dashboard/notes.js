// What people remember of a rule.

import { call, Refused } from "./api.js";
import { byId, setText, toast } from "./dom.js";

byId("notes")?.addEventListener("submit", (event) => { event.preventDefault(); save(event.target); });

async function save(form) {
  setText(byId("notes-error"), "");
  try {
    await call("PATCH", `/api/discovery/rules/${form.dataset.rule}`, { notes: form.notes.value });
    toast("Noted.", "good");
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    setText(byId("notes-error"), error.message);
  }
}
