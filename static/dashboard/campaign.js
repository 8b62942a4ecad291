// Pages below a campaign: nothing moves on them but their colours.

import { bindThemeToggle } from "./theme-toggle.js";

bindThemeToggle(() => {});
for (const cell of document.querySelectorAll("[data-share]")) cell.style.setProperty("--share", `${cell.dataset.share}%`);
