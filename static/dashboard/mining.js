// One search: its progress and its stages as they happen.

import { call, Refused } from "./api.js";
import { byId, element, setText, toast } from "./dom.js";
import { Socket } from "./socket.js";
import { bindThemeToggle } from "./theme-toggle.js";

const config = JSON.parse(byId("page-config").textContent);
const OVER = ["done", "failed", "cancelled"];
const COUNTS = ["considered", "too_rare", "same_signals", "tried", "no_better", "kept"];

bindThemeToggle(() => {});
if (!config.is_over) new Socket(`/ws/discovery/mining/${config.run}`, { onMessage: progress, onState: () => {} });
byId("cancel")?.addEventListener("click", cancel);

function progress(message) {
  byId("progress").max = message.total || 1;
  byId("progress").value = message.done;
  setText(byId("progress-text"), `${message.done.toLocaleString("en")} of ${message.total.toLocaleString("en")} steps`);
  setText(byId("state"), message.is_cancelling ? "cancelling" : message.state);
  if (message.stages.length) byId("stages").replaceChildren(...message.stages.map(row));
  if (OVER.includes(message.state)) location.reload();
}

function row(stage) {
  const count = (value) => element("td", { className: "n", text: String(value) });
  return element("tr", {}, count(stage.fold), element("td", { text: stage.name }), element("td", { text: stage.side }), ...COUNTS.map((name) => count(stage[name])),
    count(stage.best_sharpe === null ? "–" : stage.best_sharpe.toFixed(3)), element("td", { className: "why", text: stage.best }));
}

async function cancel(event) {
  event.target.disabled = true;
  try {
    const run = await call("POST", `/api/discovery/mining/${config.run}/cancel`);
    if (OVER.includes(run.state)) location.reload();
    else setText(byId("state"), "cancelling");
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    toast(error.message, "bad");
    event.target.disabled = false;
  }
}
