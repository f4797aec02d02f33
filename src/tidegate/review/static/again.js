/* What changes by itself: an element with an id and data-again="MILLISECONDS" is fetched anew from
   the page's own address until the page says no more. Without this there is a link to look again. */

"use strict";

async function look(element) {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  // The page is another one, such as the login: nothing here changes any more.
  if (!answer.ok || answer.redirected) throw new Error("gone");
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const now = page.getElementById(element.id);
  if (!now) throw new Error("gone");
  if (now.textContent !== element.textContent) element.replaceChildren(...now.childNodes);
  element.dataset.again = now.dataset.again;
}

async function watch(element) {
  while (Number(element.dataset.again)) {
    await new Promise((wake) => setTimeout(wake, Number(element.dataset.again)));
    if (document.hidden) continue;
    try {
      await look(element);
    } catch {
      return; // The service is away, or the login has ended: the link stays.
    }
  }
}

for (const element of document.querySelectorAll("[id][data-again]")) watch(element);
