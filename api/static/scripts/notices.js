// One-line notices at the bottom of the page, with an action; they stay while it has focus.

import { h } from "./dom.js";

const LASTS_MS = 10_000;

/** Show a notice; `onend` is called when it disappears without its action being used. */
export function notice(text, { action = null, onaction = null, onend = null } = {}) {
  let timer = null;
  let isOver = false;
  const close = (isTaken) => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    const hadFocus = box.contains(document.activeElement);
    box.remove();
    if (hadFocus) document.getElementById("main").focus();
    if (isTaken) onaction?.();
    else onend?.();
  };
  const wait = () => { timer = setTimeout(close, LASTS_MS, false); };
  const hold = () => clearTimeout(timer);
  const box = h("div", { class: "notice", onpointerenter: hold, onpointerleave: wait, onfocusin: hold, onfocusout: wait },
    h("span", {}, text),
    action && h("button", { class: "plain", type: "button", onclick: () => close(true) }, action),
    h("button", { class: "plain square", type: "button", "aria-label": "Dismiss", onclick: () => close(false) }, "✕"));
  document.getElementById("notices").append(box);
  wait();
  return close;
}
