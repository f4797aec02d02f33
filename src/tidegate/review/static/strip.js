// What moves: a click or an arrow shows another moment in the large picture.
import { taken } from "./free.js";

const FRESH = 90_000; // Links end after two minutes.

const place = document.querySelector("#case");
const picture = document.querySelector("#picture");
const scrub = document.querySelector("#scrub");
const shownAt = document.querySelector("#shown-at");
const spans = document.querySelector("#spans");
const strip = [...document.querySelectorAll(".strip a[data-second]")];
const duration = Number(spans?.dataset.duration ?? scrub?.max ?? 0);

let link = picture.src.replace(/&at=[^&]*$/, "");
let made = performance.now();
let second = Number(place.dataset.second);

async function fresh() {
  if (performance.now() - made > FRESH) {
    const answer = await fetch(`/v1/items/${place.dataset.item}/media`);
    if (answer.ok) {
      link = (await answer.json()).preview;
      made = performance.now();
    }
  }
  return link;
}

function clock(at) {
  const minutes = Math.floor(at / 60);
  return `${String(minutes).padStart(2, "0")}:${(at % 60).toFixed(1).padStart(4, "0")}`;
}

async function go(at) {
  second = Math.min(Math.max(0, at), duration);
  if (scrub) {
    scrub.value = second;
    scrub.setAttribute("aria-valuetext", clock(second));
  }
  if (shownAt) shownAt.textContent = clock(second);
  const nearest = strip.reduce((a, b) => (distance(b) < distance(a) ? b : a), strip[0]);
  for (const one of strip) {
    if (one === nearest && distance(one) < 0.05) one.setAttribute("aria-current", "true");
    else one.removeAttribute("aria-current");
  }
  const wanted = second;
  const from = await fresh();
  if (wanted === second) picture.src = `${from}&at=${wanted.toFixed(3)}`;
}

function distance(one) {
  return Math.abs(Number(one.dataset.second) - second);
}

function step(by) {
  const moments = strip.map((one) => Number(one.dataset.second));
  const next = by > 0 ? moments.find((m) => m > second + 0.05) : moments.findLast((m) => m < second - 0.05);
  if (next !== undefined) go(next);
}

document.addEventListener("click", (event) => {
  const one = event.target.closest("a[data-second]");
  if (one && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    go(Number(one.dataset.second));
    return;
  }
  const plot = event.target.closest("#spans .timeline:not(.scrub) .lane .plot svg");
  if (plot) {
    const whole = plot.closest(".plot").querySelector(":scope > svg").getBoundingClientRect();
    go(((event.clientX - whole.left) / whole.width) * duration);
  }
});
addEventListener("keydown", (event) => {
  if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
  if (taken(event)) return;
  event.preventDefault();
  step(event.key === "ArrowRight" ? 1 : -1);
});
if (scrub) {
  scrub.disabled = false;
  scrub.addEventListener("input", () => {
    shownAt.textContent = clock(Number(scrub.value));
  });
  scrub.addEventListener("change", () => go(Number(scrub.value)));
}
