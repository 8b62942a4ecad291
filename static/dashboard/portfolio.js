// The portfolio: numbers as people read them, and the whole page drawn again every few seconds.

import { cash, fees, price, tone } from "./format.js";
import { renew } from "./renew.js";
import { bindThemeToggle } from "./theme-toggle.js";

const EVERY_MS = 3000;

function format(root) {
  for (const cell of root.querySelectorAll("[data-cash]")) {
    if (!cell.dataset.cash) continue;
    cell.textContent = cash(cell.dataset.cash);
    if (!("plain" in cell.dataset) && tone(cell.dataset.cash)) cell.classList.add(tone(cell.dataset.cash));
  }
  for (const cell of root.querySelectorAll("[data-amount]")) if (cell.dataset.amount) cell.textContent = fees(cell.dataset.amount);
  for (const cell of root.querySelectorAll("[data-price]")) if (cell.dataset.price) cell.textContent = price(cell.dataset.price);
}

bindThemeToggle(() => {});
renew("portfolio", EVERY_MS, format);
