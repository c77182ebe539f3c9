// YA-16: loaded when it is asked for.
export async function take({ bot, ...who }) {
  const answer = await fetch(`/w/${bot}/transcript`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    credentials: "omit",
    body: JSON.stringify(who),
  });
  if (!answer.ok) throw new Error(String(answer.status));
  const [, name] = /filename="([\w.-]+)"/.exec(answer.headers.get("Content-Disposition")) ?? [];
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = name ?? "transcript.txt";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
