/** Lets people read the password that they are choosing, so that nobody is locked out by a slip of the finger. */

for (const field of document.querySelectorAll("[data-reveal]")) {
  const input = field.querySelector("input");
  if (!input) continue;
  const place = document.createElement("div");
  const label = document.createElement("label");
  const box = document.createElement("input");
  label.className = "check small";
  box.type = "checkbox";
  label.append(box, " Show it");
  place.append(label);
  box.addEventListener("change", () => {
    input.type = box.checked ? "text" : "password";
  });
  input.form?.addEventListener("submit", () => {
    input.type = "password";
  });
  input.after(place);
}
