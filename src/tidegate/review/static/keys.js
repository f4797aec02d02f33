/**
 * Keys: an element with data-key="n" is activated by that key; "?" lists all of the page.
 *
 * A button or a link is clicked, a field takes the focus. What cannot be seen or is disabled does
 * nothing. A <template data-key data-key-label> declares a key of another module, for the list.
 */

import { nameOf, taken } from "./free.js";

const NAMES = {
  " ": "Space", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc",
};
const FIELDS = "input, select, textarea";

/** Seconds in which the same form is not sent twice: a second press is a slip. */
const ONCE = 2;

const declared = () => [...document.querySelectorAll("[data-key]")];
const usable = (element) => !element.disabled && element.checkVisibility();

document.addEventListener("keydown", (event) => {
  if (taken(event)) return;
  const key = nameOf(event);
  if (key === "?") {
    event.preventDefault();
    list();
    return;
  }
  const element = declared().find((one) => one.dataset.key === key && usable(one));
  if (!element) return;
  event.preventDefault();
  if (element.matches(FIELDS)) {
    element.focus();
    element.select?.();
  } else {
    element.click();
  }
});

const sent = new WeakMap();
document.addEventListener("submit", (event) => {
  if (event.timeStamp - (sent.get(event.target) ?? -Infinity) < ONCE * 1000) {
    event.preventDefault();
  } else if (!event.defaultPrevented) {
    sent.set(event.target, event.timeStamp);
  }
});

/** Show all keys of the page with what they do. */
function list() {
  const told = new Map();
  for (const element of declared()) {
    if (element instanceof HTMLTemplateElement || usable(element)) {
      if (!told.has(element.dataset.key)) told.set(element.dataset.key, label(element));
    }
  }
  told.set("?", "Show the keys of this page");
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-labelledby", "keys-title");
  const pairs = [...told].flatMap(([key, words]) => [
    make("dt", make("kbd", NAMES[key] ?? key)), make("dd", words),
  ]);
  const title = make("h2", "Keys of this page");
  title.id = "keys-title";
  const pairList = make("dl", ...pairs);
  pairList.className = "keys";
  const close = make("button", "Close");
  close.autofocus = true;
  const form = make("form", close);
  form.method = "dialog";
  const off = make("a", "your preferences");
  off.href = "/console/wellness";
  const hint = make("p", "They do nothing while you write. You can switch them off in ", off, ".");
  hint.className = "muted small";
  dialog.append(title, pairList, hint, form);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function make(name, ...inside) {
  const element = document.createElement(name);
  element.append(...inside);
  return element;
}

/** Return what an element does, in words: without the keys that are written on it. */
function label(element) {
  const given = element.dataset.keyLabel ?? element.getAttribute("aria-label")
    ?? element.labels?.[0]?.textContent;
  if (given) return given.trim();
  const copy = element.cloneNode(true);
  for (const key of copy.querySelectorAll("kbd, .hidden")) key.remove();
  return copy.textContent.replace(/\s+/g, " ").trim();
}

if (document.body.dataset.keys !== "off") {
  for (const element of declared()) {
    if (!(element instanceof HTMLTemplateElement)) {
      element.setAttribute("aria-keyshortcuts", NAMES[element.dataset.key] === "Space" ? "Space" : element.dataset.key);
    }
  }
  const hint = document.getElementById("keys-list");
  if (hint) {
    hint.hidden = false;
    hint.addEventListener("click", list);
  }
}
