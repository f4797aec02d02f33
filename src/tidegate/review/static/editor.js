/* The editor of policies: numbers beside the lines, a check while one types, and the way to a line
   that is wrong. Without this there is the Check button, and the lines are told by their numbers. */

"use strict";

const PAUSE = 600; // Milliseconds without a key after which the text is checked.

const form = document.querySelector("form[data-check]");
const source = document.getElementById("source");

/* Numbers beside the lines */

const gutter = document.createElement("div");
const numbers = document.createElement("div");
gutter.className = "gutter";
gutter.setAttribute("aria-hidden", "true");
gutter.append(numbers);
source.before(gutter);
source.parentElement.classList.add("numbered");

function number() {
  const lines = source.value.split("\n").length;
  while (numbers.childElementCount > lines) numbers.lastElementChild.remove();
  for (let line = numbers.childElementCount + 1; line <= lines; line += 1) {
    const shown = document.createElement("span");
    shown.textContent = String(line);
    numbers.append(shown);
  }
}

function follow() {
  numbers.style.transform = `translateY(${-source.scrollTop}px)`;
}

function mark() {
  const wrong = new Set();
  for (const link of form.querySelectorAll("[data-line]")) wrong.add(Number(link.dataset.line));
  [...numbers.children].forEach((shown, at) => shown.classList.toggle("wrong", wrong.has(at + 1)));
}

/* The way to a line */

function go(line, column) {
  const lines = source.value.split("\n");
  const before = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
  const end = before + (lines[line - 1] ?? "").length;
  source.focus();
  source.setSelectionRange(Math.min(before + column - 1, end), end);
  const height = parseFloat(getComputedStyle(source).lineHeight);
  source.scrollTop = Math.max(0, (line - 6) * height);
}

form.addEventListener("click", (event) => {
  const link = event.target.closest("[data-line]");
  if (!link) return;
  event.preventDefault();
  go(Number(link.dataset.line), Number(link.dataset.column));
});

/* The check */

let waiting = 0;
let asked = null;

async function check() {
  asked?.abort();
  asked = new AbortController();
  const { signal } = asked;
  let page;
  try {
    const answer = await fetch(form.dataset.check, {
      method: "POST", body: new FormData(form), signal, redirect: "error",
    });
    page = new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    return; // The next key asks again; the button tells what is wrong.
  }
  const [verdict, told] = ["verdict", "checked"].map((id) => page.getElementById(id));
  if (signal.aborted || !verdict || !told) return;
  const here = document.getElementById("verdict");
  if (here.textContent !== verdict.textContent) here.textContent = verdict.textContent;
  document.getElementById("checked").replaceChildren(...told.childNodes);
  source.setAttribute("aria-invalid", String(told.querySelector("[data-line]") !== null));
  mark();
}

source.addEventListener("input", () => {
  number();
  clearTimeout(waiting);
  waiting = setTimeout(check, PAUSE);
});
source.addEventListener("scroll", follow);
number();
mark();
