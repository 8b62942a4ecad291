// The page of analytics: open profit as people read it, and a form that asks as soon as something is chosen.

import { dressCash } from "./format.js";
import { bindThemeToggle } from "./theme-toggle.js";

bindThemeToggle(() => {});
dressCash(document);
for (const select of document.querySelectorAll(".analytics-form select")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}
