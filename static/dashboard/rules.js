// What people do to rules: one dialog for every act, and the answer of the server where it refuses.

import { call, Refused } from "./api.js";
import { byId, setText, toast } from "./dom.js";
import { bindThemeToggle } from "./theme-toggle.js";

const LOOK_MS = 2000;
const ACTS = {
  validate: { title: "Validate", yes: "Validate", fields: [] },
  campaign: { title: "Repeat in a campaign", yes: "Start the campaign", fields: ["start", "end"] },
  promote: { title: "Promote", yes: "Promote", fields: ["tag"], tellsChance: true },
  demote: { title: "Demote", yes: "Take it out of the market", fields: ["position", "why"] },
  reject: { title: "Reject", yes: "Reject", fields: ["why"] },
};
const dialog = byId("act-dialog");
const form = byId("act-form");
let asked = null; // {act, rule}

bindThemeToggle(() => {});
if (dialog) {
  for (const button of document.querySelectorAll("[data-act]")) button.addEventListener("click", () => open(button.dataset));
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  form.addEventListener("submit", (event) => { event.preventDefault(); act(); });
}
if (document.querySelector("[data-waiting]")) setInterval(look, LOOK_MS);

function open({ act: name, rule, name: title, words }) {
  const wanted = ACTS[name];
  asked = { act: name, rule };
  form.reset();
  for (const part of form.querySelectorAll("[data-for]")) {
    part.hidden = !part.dataset.for.split(" ").includes(name);
    for (const field of part.querySelectorAll("input, select")) field.disabled = part.hidden;
  }
  setText(byId("act-title"), `${wanted.title}: ${title}`);
  setText(byId("act-words"), wanted.tellsChance ? words : "");
  setText(byId("act-yes"), wanted.yes);
  setText(byId("act-error"), "");
  dialog.showModal();
}

async function act() {
  const button = byId("act-yes");
  const body = Object.fromEntries(ACTS[asked.act].fields.map((name) => [name, form.elements[name].value]).filter(([, value]) => value));
  button.disabled = true;
  setText(byId("act-error"), "");
  try {
    await call("POST", `/api/discovery/rules/${asked.rule}/${asked.act}`, body);
    location.assign(`/discovery/rules/${asked.rule}/life`);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    setText(byId("act-error"), error.message);
  } finally {
    button.disabled = false;
  }
}

// A check is under way: the page is loaded anew when it has ended.
async function look() {
  const rule = location.pathname.match(/\/rules\/(\d+)\//)[1];
  try {
    const life = await call("GET", `/api/discovery/rules/${rule}/life`);
    if (!life.checks.some((check) => ["queued", "running"].includes(check.state)) && !dialog?.open) location.reload();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    toast(error.message, "bad");
  }
}
