// The player at the bottom of the window; remembers the position in each job.

import { h, icon } from "./dom.js";
import { clock, spokenClock } from "./words.js";

const PLACES = "rhapsode.places";
const SPEED = "rhapsode.speed";
const KEPT_PLACES = 200;
const SPEEDS = [0.75, 0.9, 1, 1.15, 1.3, 1.5, 1.75, 2];
const BACK_S = 15;
const FORWARD_S = 30;
const SAVE_MS = 3000;
const TICK_MS = 120;

export class Player {
  #id;
  #audio;
  #timer = null;
  #saved = 0;
  #ontime;
  #chapters = () => [];
  #live = null;
  #isClosed = false;
  #expected = 0; // total seconds, while it is being spoken

  /**
   * `ontime(seconds)` is called as the position moves; `chapters()` returns where they start.
   * `onmend()` is called when the user wants to mend the sentence that is heard; its button, `mend`, is hidden at first.
   * Without `src` it plays what is spoken so far; `onmore()` is called when that has grown.
   */
  constructor({ id, src, title, duration, ontime, onmore, onmend, chapters }) {
    this.#id = id;
    this.#ontime = ontime;
    this.#chapters = chapters;
    this.#audio = h("audio", { src: src ?? false, preload: src ? "metadata" : "auto" });
    this.#audio.dataset.duration = duration;
    this.#build(title, onmend);
    this.#listen();
    this.#audio.currentTime = recall(PLACES)[id] ?? 0;
    this.#audio.playbackRate = this.#audio.defaultPlaybackRate = recall(SPEED).rate ?? 1;
    this.speed.value = this.#audio.playbackRate;
    addEventListener("keydown", this.#key);
    addEventListener("pagehide", this.#save);
    this.#offerToMachine(title);
    if (src) this.#show();
    else this.#listenLive(onmore);
  }

  get seconds() {
    return this.#audio.currentTime;
  }

  get isPlaying() {
    return !this.#audio.paused;
  }

  /** The estimated total duration, while it is still being spoken. */
  expect(seconds) {
    this.#expected = seconds;
    this.#show();
  }

  /** Check whether more audio is available. */
  refresh() {
    this.#live?.refresh();
  }

  /** Fetch anew what could not be fetched. */
  again() {
    if (!this.#audio.error || this.#live) return;
    const { currentTime } = this.#audio;
    this.#audio.load();
    this.#audio.currentTime = currentTime;
  }

  close() {
    this.#isClosed = true;
    this.#save();
    this.#live?.close();
    clearInterval(this.#timer);
    this.#audio.pause();
    this.#audio.removeAttribute("src");
    this.#audio.load();
    removeEventListener("keydown", this.#key);
    removeEventListener("pagehide", this.#save);
  }

  play() {
    return this.#audio.play().catch(() => null); // a browser may require a click first
  }

  toggle() {
    return this.#audio.paused ? this.play() : this.#audio.pause();
  }

  seek(seconds) {
    this.#audio.currentTime = Math.min(Math.max(seconds, 0), this.#spoken());
    this.#show();
  }

  /** Go to the next chapter, or to the start of this one and then the one before. */
  skip(direction) {
    const starts = this.#chapters();
    const here = this.seconds;
    const target = direction > 0 ? starts.find((start) => start > here + 0.2) : starts.filter((start) => start < here - 3).at(-1);
    // A little later, because a seek may land early and would mark the previous sentence.
    this.seek(target === undefined ? (direction > 0 ? this.#spoken() : 0) : target + 0.01);
  }

  /** How far one can listen. */
  #spoken() {
    return this.#live && !this.#live.isEnded ? this.#live.duration : this.#duration();
  }

  #duration() {
    if (this.#live) return this.#live.isEnded ? this.#live.duration : Math.max(this.#expected, this.#live.duration);
    const known = this.#audio.duration;
    return Number.isFinite(known) ? known : Number(this.#audio.dataset.duration);
  }

  #build(title, onmend) {
    this.button = h("button", { type: "button", class: "primary play", "aria-label": "Play", onclick: () => this.toggle() }, icon("play"));
    this.slider = h("input", { type: "range", min: 0, max: 1000, step: 1, "aria-label": "Position", oninput: () => this.seek((this.slider.value / 1000) * this.#duration()) });
    this.past = h("span", {}, "0:00");
    this.left = h("span", {}, "");
    this.fault = h("p", { class: "fault small", role: "alert", hidden: true }, "The sound cannot be loaded at the moment. Try again, or download the file.");
    this.mend = h("button", { type: "button", class: "square plain", "aria-label": "Mend this sentence", title: "Mend this sentence", hidden: true, onclick: onmend }, icon("pencil"));
    this.speed = h("select", { "aria-label": "Speed", onchange: () => this.#setSpeed(Number(this.speed.value)) },
      SPEEDS.map((rate) => h("option", { value: rate }, `${rate} ×`)));
    const jump = (name, label, seconds) => h("button", { type: "button", class: "square plain", "aria-label": label, title: label, onclick: () => this.seek(this.seconds + seconds) }, icon(name));
    this.element = h("section", { class: "player", "aria-label": `Player: ${title}` }, h("div", { class: "inside" },
      h("div", { class: "keys" },
        jump("back", `Back ${BACK_S} seconds`, -BACK_S), this.button, jump("forward", `On ${FORWARD_S} seconds`, FORWARD_S),
        h("div", { class: "speed" }, this.speed), this.mend),
      h("div", { class: "position" }, this.past, this.slider, this.left), this.fault), this.#audio);
  }

  /** Load the module for unfinished narrations only when needed. */
  async #listenLive(onmore) {
    const { LiveAudio } = await import("./live_audio.js").catch(() => ({}));
    if (this.#isClosed) return;
    this.fault.hidden = LiveAudio !== undefined;
    if (LiveAudio) this.#live = new LiveAudio(this.#audio, this.#id, { onmore: () => { this.#show(); onmore(); }, onfault: () => { this.fault.hidden = false; } });
    this.#show();
  }

  /** Connect the player to media keys and the lock screen. */
  #offerToMachine(title) {
    if (!("mediaSession" in navigator)) return;
    navigator.mediaSession.metadata = new MediaMetadata({ title });
    const keys = {
      play: () => this.play(),
      pause: () => this.#audio.pause(),
      seekbackward: () => this.seek(this.seconds - BACK_S),
      seekforward: () => this.seek(this.seconds + FORWARD_S),
      previoustrack: () => this.skip(-1),
      nexttrack: () => this.skip(1),
    };
    for (const [name, act] of Object.entries(keys)) navigator.mediaSession.setActionHandler(name, act);
  }

  #listen() {
    const audio = this.#audio;
    const drawButton = () => {
      this.button.replaceChildren(icon(audio.paused ? "play" : "pause"));
      this.button.setAttribute("aria-label", audio.paused ? "Play" : "Pause");
      clearInterval(this.#timer);
      if (!audio.paused) this.#timer = setInterval(() => this.#show(), TICK_MS);
    };
    audio.addEventListener("play", drawButton);
    audio.addEventListener("pause", () => { drawButton(); this.#save(); });
    audio.addEventListener("timeupdate", () => this.#show());
    audio.addEventListener("durationchange", () => this.#show());
    audio.addEventListener("ended", () => { audio.currentTime = 0; this.#save(); });
    audio.addEventListener("error", () => { this.fault.hidden = !audio.hasAttribute("src"); });
    audio.addEventListener("canplay", () => { this.fault.hidden = true; });
  }

  #show() {
    const duration = this.#duration() || 0;
    const here = this.seconds;
    this.past.textContent = clock(here);
    const isGrowing = this.#live !== null && !this.#live.isEnded;
    this.left.textContent = isGrowing ? this.#growth() : `−${clock(Math.max(duration - here, 0))}`;
    this.slider.classList.toggle("growing", isGrowing);
    this.slider.style.setProperty("--spoken", isGrowing && duration ? `${(100 * this.#spoken()) / duration}%` : "100%");
    if (document.activeElement !== this.slider || this.#audio.paused === false) this.slider.value = duration ? (here / duration) * 1000 : 0;
    this.slider.setAttribute("aria-valuetext", `${spokenClock(here)} of ${spokenClock(this.#spoken())}${isGrowing ? " spoken so far" : ""}`);
    if (performance.now() - this.#saved > SAVE_MS && !this.#audio.paused) this.#save();
    this.#ontime(here);
  }

  /** How far it is spoken; who waits for more, and for the very first words, is told so. */
  #growth() {
    if (this.#spoken() === 0) return "waiting for the first words…";
    const isWaiting = !this.#audio.paused && this.#audio.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
    return isWaiting ? "waiting for the voice…" : `${clock(this.#spoken())} spoken so far`;
  }

  #setSpeed(rate) {
    this.#audio.playbackRate = this.#audio.defaultPlaybackRate = rate;
    keep(SPEED, { rate });
  }

  #save = () => {
    this.#saved = performance.now();
    const places = recall(PLACES);
    delete places[this.#id]; // re-inserted last: the oldest are dropped first
    const kept = Object.entries(places).slice(-KEPT_PLACES);
    keep(PLACES, { ...Object.fromEntries(kept), [this.#id]: Math.ceil(this.seconds * 1000) / 1000 }); // rounded up: never before the current sentence
  };

  // No letters: speech-control software would trigger them by accident.
  #key = (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, select, textarea, button, a, summary, dialog")) return;
    const moves = {
      " ": () => this.toggle(),
      ArrowLeft: () => (event.shiftKey ? this.skip(-1) : this.seek(this.seconds - BACK_S)),
      ArrowRight: () => (event.shiftKey ? this.skip(1) : this.seek(this.seconds + FORWARD_S)),
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    move();
  };
}

function recall(name) {
  try {
    return JSON.parse(localStorage.getItem(name)) ?? {};
  } catch {
    return {};
  }
}

function keep(name, value) {
  try {
    localStorage.setItem(name, JSON.stringify(value));
  } catch { /* storage is disabled: nothing is remembered */ }
}
