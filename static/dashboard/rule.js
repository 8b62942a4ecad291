// One rule.

import { bindThemeToggle } from "./theme-toggle.js";

bindThemeToggle(() => {});
