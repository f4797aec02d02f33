// Hold to see: pictures lose their veil while a key or a button is held, and what was seen is told
// to the server every few seconds, for the reviewer alone. Where somebody wants no blur at all, the
// time that the page is seen counts.
import { taken } from "./free.js";

const EVERY = 5000;
const place = document.querySelector("#case");
const csrf = document.querySelector('input[name="csrf"]')?.value ?? "";
const buttons = document.querySelectorAll("[data-peek]");

let since = null;
let owed = 0;

function seen() {
  return document.visibilityState === "visible" && (place.classList.contains("peeked") || "bare" in place.dataset) && !("capped" in place.dataset);
}

function count() {
  const now = performance.now();
  if (since !== null) owed += now - since;
  since = seen() ? now : null;
}

async function tell() {
  count();
  const seconds = owed / 1000;
  if (seconds < 0.05) return;
  owed = 0;
  const body = new URLSearchParams({ csrf, seconds: seconds.toFixed(2) });
  try {
    const answer = await fetch(`${place.dataset.base}/seen`, { method: "POST", body, keepalive: true });
    if (!answer.ok || answer.redirected) return;
    const told = await answer.json();
    if (told.capped) stop();
  } catch {
    owed += seconds * 1000; // The network is away: it is told with the next.
  }
}

// The server gives blotches from now on; what this page has already is veiled, and stays so.
function stop() {
  place.classList.remove("peeked");
  place.classList.add("capped");
  place.dataset.capped = "";
  for (const button of buttons) {
    button.disabled = true;
    button.textContent = "Nothing more is unblurred today";
  }
  count();
}

function show() {
  if ("capped" in place.dataset || place.classList.contains("peeked")) return;
  place.classList.add("peeked");
  for (const button of buttons) button.setAttribute("aria-pressed", "true");
  count();
}

function hide() {
  if (!place.classList.contains("peeked")) return;
  count();
  place.classList.remove("peeked");
  for (const button of buttons) button.setAttribute("aria-pressed", "false");
  tell();
}

addEventListener("keydown", (event) => {
  const button = event.target.closest?.("[data-peek]");
  if (event.key !== " ") return;
  const held = event.repeat && place.classList.contains("peeked");
  if (!held && !button && taken(event)) return;
  event.preventDefault(); // A page that is held does not scroll.
  if (!event.repeat) show();
});
addEventListener("keyup", (event) => {
  if (event.key === " ") hide();
});
for (const button of buttons) {
  button.addEventListener("pointerdown", (event) => {
    button.setPointerCapture(event.pointerId);
    show();
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) button.addEventListener(end, hide);
  button.addEventListener("contextmenu", (event) => event.preventDefault());
}
addEventListener("blur", hide);
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") {
    hide();
    tell();
  } else count();
});
addEventListener("pagehide", tell);
setInterval(tell, EVERY);
count();
