// A button that lets a voice be heard: its sample is spoken at the first wish, and kept.

import { h, icon } from "./dom.js";
import { notice } from "./notices.js";
import { url } from "./server.js";
import { capital } from "./words.js";

const WAIT_S = 30;

/** Where the sample of a voice is; `exaggeration` as it is noted of the voice unless one is given. */
export function sampleAddress(id, exaggeration = null) {
  const asked = exaggeration === null ? "" : `&exaggeration=${exaggeration}`;
  return url(`voices/${encodeURIComponent(id)}/preview?wait=${WAIT_S}${asked}`);
}

/** `nameOf()` and `addressOf()` are asked at each press: what is heard may be chosen anew meanwhile. */
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
  element.rest = stop; // what was being heard is no longer what is chosen
  return element;
}
