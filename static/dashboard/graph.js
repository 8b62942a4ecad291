// The page of what strategies compute: drawn by the server, so that only the theme is left to do.

import { bindThemeToggle } from "./theme-toggle.js";

bindThemeToggle(() => {});
