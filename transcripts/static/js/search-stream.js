/** A search as it comes: lines of JSON, each handed out when it is whole. DOM-free; `fetch` is an argument. */

export class Refused extends Error {}

/**
 * Ask, and hand out every line until the answer ends or `signal` aborts.
 *
 * @param {{query: string, after: string | null, fetch: typeof globalThis.fetch, signal?: AbortSignal}} options
 * @returns {AsyncGenerator<any>} throws `Refused` with a sentence for people
 */
export async function* search({ query, after, fetch, signal }) {
  const answer = await fetch("/api/search", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query, after }),
    credentials: "same-origin",
    signal,
  });
  if (!answer.ok || !answer.body) {
    const problem = await answer.json().catch(() => ({}));
    throw new Refused(typeof problem.detail === "string" ? problem.detail : `The server refused (${answer.status}).`);
  }
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const lines = (rest + value).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line) yield JSON.parse(line);
  }
  if (rest) throw new Refused("The answer broke off. What is shown was found; search again for the rest.");
}

/** What the status says. @param {{found: number, scanned: number, state: "busy" | "more" | "done", unreadable: number}} at */
export function statusWords({ found, scanned, state, unreadable }) {
  const hits = found === 1 ? "1 conversation found" : `${found.toLocaleString("en")} conversations found`;
  const seen = `${scanned.toLocaleString("en")} looked through`;
  const words = state === "busy" ? `Searching … ${hits}, ${seen}` : `${hits}, ${seen}`;
  const damaged = unreadable > 0 ? ` ${unreadable} could not be read: they are damaged.` : "";
  return `${words}${state === "more" ? "; there is more to look through" : ""}.${damaged}`;
}
