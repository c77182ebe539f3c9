/** The ranges page: a switch counts when it is moved, and a pasted block becomes start and end. */

import { ends } from "./blocks.js";

for (const form of document.querySelectorAll("form[data-switch]")) {
  form.classList.add("is-enhanced");
  form.addEventListener("change", () => /** @type {HTMLFormElement} */ (form).requestSubmit());
}

for (const start of document.querySelectorAll("input[name=start]")) {
  const end = start.closest("form")?.querySelector("input[name=end]");
  if (!end) continue;
  start.addEventListener("paste", (event) => {
    const found = ends(event.clipboardData?.getData("text") ?? "");
    if (!found) return;
    event.preventDefault();
    start.value = found.start;
    end.value = found.end;
  });
}
