/** A button beside what is to be copied. Without a clipboard the text can still be selected with one click. */

for (const place of document.querySelectorAll("[data-copy]")) {
  const code = place.querySelector("code");
  if (!code || !navigator.clipboard) continue;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button small";
  button.textContent = "Copy";
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent ?? "");
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select and copy";
      getSelection()?.selectAllChildren(code);
    }
  });
  place.append(button);
}
