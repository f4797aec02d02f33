/**
 * Live: figures with data-live="queue:NAME:open" stay true, and an element with data-case and
 * data-version learns when the case has changed, by a notice and the event "case-changed".
 *
 * It listens only while the page is seen: browsers have few connections to a server.
 */

const figures = new Map();
for (const element of document.querySelectorAll("[data-live^='queue:']")) {
  const [, queue, figure] = /^queue:(.*):([a-z]+)$/.exec(element.dataset.live);
  if (!figures.has(queue)) figures.set(queue, []);
  figures.get(queue).push([element, figure]);
}
const cases = [...document.querySelectorAll("[data-case][data-version]")];

/** Milliseconds after which a stream that was refused is asked for again: first, and at most. */
const FIRST = 4000;
const LAST = 60000;

let source = null;
let waiting = FIRST;
let timer = 0;
let over = false;
const notices = document.getElementById("changes");

function listen() {
  clearTimeout(timer);
  if (source !== null || over || document.hidden) return;
  const asked = new URLSearchParams();
  for (const queue of figures.keys()) asked.append("queue", queue);
  for (const element of cases) asked.append("case", element.dataset.case);
  source = new EventSource(`/console/events?${asked}`);
  source.addEventListener("queue", (event) => depth(JSON.parse(event.data)));
  source.addEventListener("case", (event) => change(JSON.parse(event.data)));
  source.addEventListener("over", () => {
    over = true;
    stop();
    tell("Your login has ended.", "Log in again", `/console/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  });
  // Another page of the same person has taken this one's place; it listens again when it is seen.
  source.addEventListener("enough", stop);
  source.addEventListener("open", () => {
    waiting = FIRST;
    document.documentElement.dataset.live = "on";
  });
  source.addEventListener("error", () => {
    delete document.documentElement.dataset.live;
    if (source?.readyState !== EventSource.CLOSED) return;  // The browser tries again by itself.
    stop();
    timer = setTimeout(listen, waiting * (0.75 + Math.random() / 2));
    waiting = Math.min(2 * waiting, LAST);
  });
}

function stop() {
  clearTimeout(timer);
  source?.close();
  source = null;
  delete document.documentElement.dataset.live;
}

function depth(told) {
  for (const [element, figure] of figures.get(told.queue) ?? []) {
    if (figure in told) element.textContent = told[figure].toLocaleString("en");
  }
}

function change(told) {
  for (const element of cases) {
    if (element.dataset.case !== told.case || element.dataset.version === String(told.version)) continue;
    element.dataset.version = told.version;
    element.dispatchEvent(new CustomEvent("case-changed", { detail: told, bubbles: true }));
    const ended = { decided: "This case was decided meanwhile.", closed: "This case was closed meanwhile." };
    tell(ended[told.state] ?? "This case has changed meanwhile.", "Show it as it is now", location.href);
  }
}

function tell(words, action, address) {
  const notice = document.createElement("div");
  notice.className = "notice warn";
  const text = document.createElement("p");
  text.textContent = words;
  const link = document.createElement("a");
  link.className = "button small";
  link.href = address;
  link.textContent = action;
  notice.append(text, link);
  notices.replaceChildren(notice);
}

if (figures.size > 0 || cases.length > 0) {
  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : listen()));
  window.addEventListener("pagehide", stop);
  window.addEventListener("pageshow", listen);
  listen();
}
