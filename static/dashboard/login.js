import { bindThemeToggle } from "./theme-toggle.js";

bindThemeToggle(() => {});
