// One fingerprint: its progress as it happens, and the colours of its tables.

import { call, Refused } from "./api.js";
import { byId, setText, toast } from "./dom.js";
import { Socket } from "./socket.js";
import { bindThemeToggle } from "./theme-toggle.js";

const OVER = ["done", "cancelled", "failed"];
const config = JSON.parse(byId("page-config").textContent);

bindThemeToggle(() => {});
for (const cell of document.querySelectorAll("[data-share]")) cell.style.setProperty("--share", `${cell.dataset.share}%`);
for (const choice of document.querySelectorAll(".choose select")) choice.addEventListener("change", () => choice.form.requestSubmit());
if (!config.is_over) new Socket(`/ws/discovery/fingerprints/${config.run}`, { onMessage: progress, onState: () => {} });
byId("cancel")?.addEventListener("click", (event) => cancel(event.target));

function progress(message) {
  byId("progress").max = message.total || 1;
  byId("progress").value = message.done;
  setText(byId("progress-text"), `${message.done} of ${message.total} steps`);
  setText(byId("state"), message.is_cancelling ? "cancelling" : message.state);
  if (OVER.includes(message.state)) location.reload();
}

async function cancel(button) {
  button.disabled = true;
  try {
    await call("POST", `/api/discovery/fingerprints/${config.run}/cancel`);
    location.reload();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    toast(error.message, "bad");
    button.disabled = false;
  }
}
