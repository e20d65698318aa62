// A button that plays a voice's sample, which is spoken on first use and then kept.

import { h, icon } from "./dom.js";
import { notice } from "./notices.js";
import { url } from "./server.js";
import { capital } from "./words.js";

const WAIT_S = 30;

/** The address of a voice's sample; `exaggeration` overrides the one in the voice's notes. */
export function sampleAddress(id, exaggeration = null) {
  const asked = exaggeration === null ? "" : `&exaggeration=${exaggeration}`;
  return url(`voices/${encodeURIComponent(id)}/preview?wait=${WAIT_S}${asked}`);
}

/** `nameOf()` and `addressOf()` are called on each click, because the choice may change. */
export function sample(nameOf, addressOf) {
  const player = h("audio", { preload: "none", hidden: true });
  const button = h("button", { type: "button", class: "plain" });
  const draw = (glyph, text, spoken) => {
    button.replaceChildren(icon(glyph), text);
    button.setAttribute("aria-label", `${spoken} ${nameOf()}`);
  };
  const rest = () => draw("play", "Listen", "Listen to");
  const stop = () => { player.pause(); rest(); };
  player.addEventListener("ended", stop);
  player.addEventListener("error", () => { rest(); notice(`${capital(nameOf())} cannot be heard now. Try again in a moment.`); });
  player.addEventListener("playing", () => draw("pause", "Stop", "Stop"));
  button.addEventListener("click", () => {
    if (!player.paused) return stop();
    const address = addressOf();
    if (player.src !== address || player.error) player.src = address;
    draw("play", "One moment…", "One moment:");
    return player.play().catch(() => {});
  });
  rest();
  const element = h("div", { class: "sample" }, button, player);
  element.rest = stop; // the playing sample is no longer the chosen one
  return element;
}
