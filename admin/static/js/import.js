/** The import page: a file is read into the text field, where it can be looked at before it is sent. */

const MOST_BYTES = 2 * 1024 * 1024;

for (const form of document.querySelectorAll("form[data-import]")) {
  const text = form.querySelector("textarea");
  if (!text) continue;
  const place = document.createElement("div");
  const label = document.createElement("label");
  const input = document.createElement("input");
  const said = document.createElement("p");
  place.className = "field";
  label.textContent = "From a file";
  input.type = "file";
  input.id = "csv-file";
  input.accept = ".csv,.txt,text/csv,text/plain";
  label.htmlFor = input.id;
  said.className = "hint";
  said.setAttribute("role", "status");
  place.append(label, input, said);
  text.parentElement?.before(place);
  input.addEventListener("change", async () => {
    const file = input.files?.[0];
    if (!file) return;
    try {
      if (file.size > MOST_BYTES) throw new RangeError("It is larger than 2 MB. Take it in parts.");
      text.value = await read(file);
      said.textContent = `${file.name} is in the field below.`;
    } catch (error) {
      input.value = "";
      said.textContent = error instanceof RangeError ? error.message : "It is not UTF-8. Save it as CSV UTF-8 and choose it again.";
    }
  });
}

/** The text of a file; throws a TypeError for what is not UTF-8. A byte order mark at its beginning is taken off. */
async function read(/** @type {File} */ file) {
  return new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
}
