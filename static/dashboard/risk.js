// The page of limits, drawn again every second.

import { renew } from "./renew.js";
import { bindThemeToggle } from "./theme-toggle.js";

bindThemeToggle(() => {});
renew("risk", 1000);
