/** Shows new mails by itself: looks every five seconds, while somebody looks, and loads the page again only when there is something new. */

const EVERY = 5_000;
const shown = document.querySelector("[data-newest]")?.getAttribute("data-newest");

async function look() {
  if (document.visibilityState !== "visible") return;
  const answer = await fetch(location.href).catch(() => null);
  if (answer?.ok && !(await answer.text()).includes(`data-newest="${shown}"`)) location.reload();
}

setInterval(look, EVERY);
