// The portfolio: numbers as people read them, and the whole page drawn again every few seconds.

import { dressCash, fees, price } from "./format.js";
import { renew } from "./renew.js";
import { bindThemeToggle } from "./theme-toggle.js";

const EVERY_MS = 3000;

function format(root) {
  dressCash(root);
  for (const cell of root.querySelectorAll("[data-amount]")) if (cell.dataset.amount) cell.textContent = fees(cell.dataset.amount);
  for (const cell of root.querySelectorAll("[data-price]")) if (cell.dataset.price) cell.textContent = price(cell.dataset.price);
}

bindThemeToggle(() => {});
renew("portfolio", EVERY_MS, format);
