/**
 * Whether a key is free to act on the page.
 *
 * It is not where somebody writes, nor where the control in focus has its own use for it; not while
 * it is held down, with Ctrl, Alt or Meta, in an open dialog; and not where its user has switched
 * keys off (WCAG 2.2, 2.1.4).
 */

const OFF = () => document.body.dataset.keys === "off";
const WRITING = "textarea, select, [contenteditable], input:not([type=button], [type=submit], [type=reset], [type=checkbox], [type=radio])";
const PRESSING = "a[href], button, summary, [role=button], input, video, audio";
const CHOOSING = "input[type=radio], input[type=range], video, audio, .scroll";

/** Return whether a keydown is for somebody else. */
export function taken(event) {
  if (OFF() || event.defaultPrevented || event.repeat || event.isComposing) return true;
  if (event.ctrlKey || event.altKey || event.metaKey) return true;
  const at = event.target instanceof Element ? event.target : document.body;
  if (at.closest(WRITING) || document.querySelector("dialog[open]")) return true;
  if ((event.key === " " || event.key === "Enter") && at.closest(PRESSING)) return true;
  return event.key.startsWith("Arrow") && at.closest(CHOOSING) !== null;
}

/** Return the name of a key as pages declare it: a letter is the same with Caps Lock. */
export function nameOf(event) {
  return event.key.length === 1 && !event.shiftKey ? event.key.toLowerCase() : event.key;
}
