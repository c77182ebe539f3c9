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

for (const many of document.querySelectorAll("form[data-many]")) {
  const button = many.querySelector("button");
  const boxes = [...document.querySelectorAll("input[name=ids]")];
  if (!button || boxes.length === 0) continue;
  const label = document.createElement("label");
  const all = document.createElement("input");
  label.className = "check";
  all.type = "checkbox";
  label.append(all, " Choose all on this page");
  button.before(label);
  const count = () => {
    const chosen = boxes.filter((box) => box.checked).length;
    button.disabled = chosen === 0;
    button.lastChild.textContent = chosen ? `Delete ${chosen} chosen` : "Delete chosen";
    all.checked = chosen === boxes.length;
    all.indeterminate = chosen > 0 && chosen < boxes.length;
  };
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    count();
  });
  for (const box of boxes) box.addEventListener("change", count);
  addEventListener("pageshow", count);
  count();
}
