// Plays a narration while it is spoken: reads its playlist, and feeds segments into an audio element.
//
// Browsers without Media Source Extensions play the playlist themselves.

import { Problem, send, url } from "./server.js";

const TYPE = 'audio/mp4; codecs="mp4a.40.2"';
const RELOAD_MS = 6000; // events of the job trigger it sooner
const AGAIN_MS = 2000; // after a segment failed to load
const AHEAD_S = 60;
const BEHIND_S = 60;
const EXPECTED = new Set(["InvalidStateError", "QuotaExceededError"]); // the element was discarded, or is full
const DELAY_S = 1024 / 24000; // by which the encoder's packets are early

export class LiveAudio {
  #audio;
  #id;
  #onmore;
  #onfault;
  #feed = null;
  #timer = null;
  #isReading = false;
  #isWanted = false;
  #isClosed = false;
  duration = 0;
  isEnded = false;

  /** `onmore()` is called when more audio is available, `onfault()` when none is any longer. */
  constructor(audio, id, { onmore, onfault }) {
    this.#audio = audio;
    this.#id = id;
    this.#onmore = onmore;
    this.#onfault = onfault;
    const Source = globalThis.ManagedMediaSource ?? globalThis.MediaSource;
    if (Source?.isTypeSupported(TYPE)) this.#feed = new Feed(audio, Source, (name) => this.#fetch(name));
    this.refresh();
  }

  /** Check now for more. */
  async refresh() {
    this.#isWanted = true; // a running read then reads once more
    if (this.#isReading || this.#isClosed || this.isEnded) return;
    this.#isReading = true;
    clearTimeout(this.#timer);
    try {
      while (this.#isWanted) {
        this.#isWanted = false;
        this.#take(parse(await (await send(`jobs/${this.#id}/listen.m3u8`)).text()));
      }
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (["gone", "not_found"].includes(problem.code)) return this.#onfault();
    } finally {
      this.#isReading = false;
    }
    if (!this.#isClosed && !this.isEnded) this.#timer = setTimeout(() => this.refresh(), RELOAD_MS);
  }

  close() {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#feed?.close();
  }

  #take({ init, segments, isEnded }) {
    if (this.#isClosed) return;
    const duration = segments.at(-1)?.end ?? 0;
    const isNews = duration !== this.duration || isEnded !== this.isEnded;
    this.duration = duration;
    this.isEnded = isEnded;
    if (this.#feed) this.#feed.take(init, segments, isEnded);
    else if (!this.#audio.src) this.#audio.src = url(`jobs/${this.#id}/listen.m3u8`);
    if (isNews) this.#onmore();
  }

  async #fetch(name) {
    return (await send(`jobs/${this.#id}/${name}`)).arrayBuffer();
  }
}

/** Keeps an audio element filled around its position. */
class Feed {
  #audio;
  #source;
  #fetch;
  #buffer = null;
  #init = null;
  #segments = [];
  #isComplete = false;
  #isRunning = false;
  #isWanted = false;
  #address;

  constructor(audio, Source, fetchNamed) {
    this.#audio = audio;
    this.#fetch = fetchNamed;
    this.#source = new Source();
    this.#source.addEventListener("sourceopen", this.#run, { once: true });
    this.#address = URL.createObjectURL(this.#source);
    audio.disableRemotePlayback = true; // required by ManagedMediaSource
    audio.src = this.#address;
    for (const type of ["timeupdate", "seeking", "waiting"]) audio.addEventListener(type, this.#run);
  }

  take(init, segments, isComplete) {
    this.#init = init;
    this.#segments = segments;
    this.#isComplete = isComplete;
    this.#lengthen();
    this.#run();
  }

  close() {
    for (const type of ["timeupdate", "seeking", "waiting"]) this.#audio.removeEventListener(type, this.#run);
    URL.revokeObjectURL(this.#address);
    this.#segments = [];
  }

  /** Fetch and append until enough is buffered; only one run at a time. */
  #run = async () => {
    this.#isWanted = true;
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      while (this.#isWanted) {
        this.#isWanted = false;
        let last = null;
        for (let next = this.#next(); next && next !== last; next = this.#next()) {
          last = next;
          await this.#add(next);
        }
      }
    } catch (problem) {
      if (!(problem instanceof Problem) && !EXPECTED.has(problem.name)) throw problem;
      if (this.#segments.length) setTimeout(this.#run, AGAIN_MS);
    } finally {
      this.#isRunning = false;
    }
  };

  /** Allow seeking as far as it is spoken: an element does not seek beyond its duration. */
  #lengthen() {
    const { duration, readyState } = this.#source;
    const end = this.#segments.at(-1)?.end;
    if (end === undefined || readyState !== "open" || this.#buffer === null || this.#buffer.updating) return;
    // A stream without a known duration counts as endless.
    if (!Number.isFinite(duration) || duration < end) this.#source.duration = end;
  }

  /** The first segment that is missing around the position. */
  #next() {
    if (this.#source.readyState === "closed" || this.#segments.length === 0) return null;
    this.#lengthen();
    const here = this.#audio.currentTime;
    const next = this.#segments.find((segment) => segment.end > here && segment.start < here + AHEAD_S && !this.#has(segment));
    if (next === undefined && this.#isComplete && this.#source.readyState === "open" && this.#has(this.#segments.at(-1))) this.#source.endOfStream();
    return next ?? null;
  }

  #has({ start, end }) {
    const { buffered } = this.#buffer ?? { buffered: { length: 0 } };
    const middle = (start + end) / 2 - DELAY_S;
    for (let n = 0; n < buffered.length; n += 1) if (buffered.start(n) <= middle && middle < buffered.end(n)) return true;
    return false;
  }

  async #add(segment) {
    if (this.#buffer === null) {
      this.#buffer = this.#source.addSourceBuffer(TYPE);
      this.#lengthen(); // or the place where one stopped lies beyond all that the element knows of
      await this.#change(this.#buffer.appendBuffer.bind(this.#buffer), await this.#fetch(this.#init));
    }
    const data = await this.#fetch(segment.name);
    if (this.#source.readyState === "closed") return;
    this.#lengthen();
    await this.#change(this.#buffer.appendBuffer.bind(this.#buffer), data);
    const before = this.#audio.currentTime - BEHIND_S;
    if (before > BEHIND_S) await this.#change(this.#buffer.remove.bind(this.#buffer), 0, before);
  }

  #change(act, ...values) {
    return new Promise((resolve, reject) => {
      this.#buffer.addEventListener("updateend", resolve, { once: true });
      try { act(...values); } catch (problem) { reject(problem); }
    });
  }
}

/** Read a playlist: the name of its init segment, and its segments with their times. */
function parse(text) {
  const segments = [];
  let length = 0;
  let start = 0;
  for (const line of text.split("\n")) {
    if (line.startsWith("#EXTINF:")) length = Number.parseFloat(line.slice(8));
    else if (line && !line.startsWith("#")) {
      segments.push({ name: line, start, end: start + length });
      start += length;
    }
  }
  return { init: /#EXT-X-MAP:URI="([^"]+)"/.exec(text)?.[1], segments, isEnded: text.includes("#EXT-X-ENDLIST") };
}
