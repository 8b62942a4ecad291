// The portfolio: numbers as people read them, and the whole page drawn again every few seconds.

import { byId } from "./dom.js";
import { cash, fees, price, tone } from "./format.js";
import { bindThemeToggle } from "./theme-toggle.js";

const EVERY_MS = 5000;

function format(root) {
  for (const cell of root.querySelectorAll("[data-cash]")) {
    if (!cell.dataset.cash) continue;
    cell.textContent = cash(cell.dataset.cash);
    if (!("plain" in cell.dataset) && tone(cell.dataset.cash)) cell.classList.add(tone(cell.dataset.cash));
  }
  for (const cell of root.querySelectorAll("[data-amount]")) if (cell.dataset.amount) cell.textContent = fees(cell.dataset.amount);
  for (const cell of root.querySelectorAll("[data-price]")) if (cell.dataset.price) cell.textContent = price(cell.dataset.price);
}

async function refresh() {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const found = answer.ok && !answer.redirected && new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("portfolio");
    if (!found) return;
    format(found);
    byId("portfolio").replaceChildren(...found.childNodes);
  } catch {
    // the server is away: the next round asks again
  }
}

bindThemeToggle(() => {});
format(document);
setInterval(refresh, EVERY_MS);
