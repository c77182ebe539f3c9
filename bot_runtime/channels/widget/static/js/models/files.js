// PS-8: loaded when the bot takes files or one was shared. The secret stands in a header, never in an address.

const SENTENCES = {
  400: "file_cut",
  403: "file_off",
  409: "file_over",
  413: "file_large",
  415: "file_kind",
  422: "file_kind",
  429: "file_many",
};

// Resolves to the word that says what went wrong; empty when it was kept. Only XMLHttpRequest tells how far an upload is.
export function send({ bot, device, ticket, file, id, progress, request = new XMLHttpRequest() }) {
  return new Promise((resolve) => {
    request.open("POST", `/w/${bot}/files`);
    request.setRequestHeader("Content-Type", file.type || "application/octet-stream");
    request.setRequestHeader("X-Device", device);
    if (ticket) request.setRequestHeader("X-Ticket", ticket);
    request.setRequestHeader("X-File-Name", encodeURIComponent(wellFormed(file.name)));
    request.setRequestHeader("X-Client-Id", id);
    request.upload.onprogress = ({ loaded, total }) => progress(total ? Math.floor((100 * loaded) / total) : 0);
    request.onload = () => resolve(request.status === 201 ? "" : (SENTENCES[request.status] ?? "file_failed"));
    request.onerror = request.onabort = request.ontimeout = () => resolve("file_failed");
    request.send(file);
  });
}

export async function load({ bot, device, ticket, file, picture, fetch = window.fetch }) {
  const answer = await fetch(`/w/${bot}/files/${file}${picture ? "?show=1" : ""}`, {
    method: "POST",
    headers: { "X-Device": device, ...(ticket && { "X-Ticket": ticket }) },
    credentials: "omit",
  });
  if (!answer.ok) throw new Error(String(answer.status));
  // A page in a blob of its own type would run as one of ours.
  const type = picture ? (answer.headers.get("Content-Type") ?? "") : "application/octet-stream";
  return new Blob([await answer.arrayBuffer()], { type });
}

export function sizeOf(bytes, locale) {
  const [unit, value] = bytes < 1_000_000 ? ["kilobyte", Math.max(1, Math.round(bytes / 1_000))] : ["megabyte", bytes / 1_000_000];
  const digits = { maximumFractionDigits: 1 };
  return new Intl.NumberFormat(locale.replaceAll("_", "-"), { style: "unit", unit, ...digits }).format(value);
}

function wellFormed(name) {
  return name.replace(/\p{Cs}/gu, "");
}
