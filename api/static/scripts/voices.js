// The voices: bundled ones and the user's own; a new one by microphone or from a file.

import { field, h, icon } from "./dom.js";
import { notice } from "./notices.js";
import { canRecord, Recorder } from "./recorder.js";
import { sample, sampleAddress } from "./sample.js";
import { pause, post, read, remove, url } from "./server.js";
import { capital, explain, length, sentence, voiceName } from "./words.js";

const LEAST_S = 5;
const LETTERS = { ß: "ss", æ: "ae", ø: "o", ł: "l", œ: "oe" };
const POLL_MS = 1500;
const PASSAGE = "Every evening, when the shop was closed, my grandfather put out two chairs and a lamp. One chair was for him, and the other for whoever wished to hear a story. Some nights half the street came, and nobody went home before the end.";

const leaving = new Set(); // ids of voices that are gone unless somebody says undo
let redraw = () => {}; // of the view that is shown, which may be another one by the time of an undo

/** Delete what is waiting to be deleted before the page goes away. */
export function settleVoices() {
  for (const id of leaving) fetch(url(`voices/${id}`), { method: "DELETE", keepalive: true });
}

export function voicesView() {
  const list = h("ul", { class: "voice-list" });
  let turn = 0; // only the latest drawing goes on, none after the view is closed
  const draw = async () => {
    turn += 1;
    const own = turn;
    try {
      const { items, bundled } = await read("voices");
      if (own !== turn) return;
      list.replaceChildren(...items.filter(({ id }) => !leaving.has(id)).map(ownVoice), ...bundled.map(houseVoice));
      if (items.some((voice) => voice.state === "preparing")) {
        await pause(POLL_MS);
        if (own === turn) await draw();
      }
    } catch (problem) {
      if (!problem.code) throw problem;
      if (own !== turn) return;
      list.replaceChildren(h("li", { class: "problem", role: "alert" }, explain(problem)));
    }
  };
  const form = newVoice();
  redraw = draw;
  return {
    title: "Voices",
    element: h("div", { class: "voices" }, h("div", { class: "view-head" }, h("h1", {}, "Voices")), list, form.element),
    shown: draw,
    back: draw,
    dropped: (file) => { form.take(file, file.name); return true; },
    close: () => { turn += 1; redraw = () => {}; form.close(); },
  };
}

function houseVoice(voice) {
  return h("li", { class: "voice panel" }, h("div", { class: "about" }, h("p", { class: "name" }, capital(voiceName(voice.name))), h("p", { class: "quiet small" }, "Comes with the model")), hear(voice));
}

function hear(voice) {
  return sample(() => voiceName(voice.name), () => sampleAddress(voice.id));
}

function ownVoice(voice) {
  const states = { preparing: "Being prepared…", ready: `Your voice · from ${length(voice.duration_s)} of speech`, failed: sentence(voice.error ?? "It could not be prepared") };
  const item = h("li", { class: "voice panel" },
    h("div", { class: "about" }, h("p", { class: "name" }, capital(voiceName(voice.name))), h("p", { class: voice.state === "failed" ? "fault small" : "quiet small" }, states[voice.state] ?? "")),
    ...(voice.state === "ready" ? [hear(voice)] : []),
    h("button", { type: "button", class: "plain square", title: "Delete", "aria-label": `Delete the voice ${voiceName(voice.name)}`, onclick: () => {
      leaving.add(voice.id);
      item.hidden = true; // not drawn anew: another voice may be heard at the moment
      const end = () => { leaving.delete(voice.id); redraw(); };
      notice(`The voice “${voiceName(voice.name)}” deleted.`, {
        action: "Undo",
        onaction: end,
        onend: () => remove(`voices/${voice.id}`).catch((problem) => notice(explain(problem))).then(end),
      });
    } }, icon("bin")));
  return item;
}

function newVoice() {
  let recording = null;
  const name = h("input", { type: "text", maxlength: 63, autocomplete: "off", required: true });
  const nameField = field("Name", name, { id: "voice-name", help: "For example: Anna, or Grandfather." });
  const told = h("p", { role: "status", class: "small" });
  const listen = h("audio", { controls: true, hidden: true, "aria-label": "Your recording" });
  const say = (text, isFault = false) => {
    told.textContent = text;
    told.classList.toggle("fault", isFault);
  };
  const forget = () => { if (listen.src) URL.revokeObjectURL(listen.src); };
  const take = (blob, fileName) => {
    recording = { blob, fileName };
    forget();
    listen.src = URL.createObjectURL(blob);
    listen.hidden = false;
    say("Listen to it, give it a name, and save it.");
  };
  const recorder = recordingControls({ take, say });
  const picker = h("input", { type: "file", hidden: true, onchange: () => {
    const [file] = picker.files;
    if (file) take(file, file.name);
    picker.value = ""; // or the same file could not be chosen again
  } });
  const button = h("button", { class: "primary" }, "Save the voice");
  const save = async (event) => {
    event.preventDefault();
    nameField.fault("");
    if (!recording) return say("Record something, or choose a file first.", true);
    const plain = plainName(name.value);
    if (!plain) { nameField.fault("Give it a name of letters or digits."); return name.focus(); }
    if (button.getAttribute("aria-disabled")) return;
    button.setAttribute("aria-disabled", "true");
    say("Sending…");
    try {
      const body = new FormData();
      body.append("name", plain);
      body.append("file", recording.blob, recording.fileName);
      await post("voices", body);
      say(`${capital(voiceName(plain))} is being prepared, and can be chosen in a moment.`);
      recording = null;
      listen.hidden = true;
      name.value = "";
      redraw();
    } catch (problem) {
      say(explain(problem), true);
    } finally {
      button.removeAttribute("aria-disabled");
    }
  };
  const element = h("form", { class: "panel new-voice", onsubmit: save, novalidate: true },
    h("h2", {}, "A voice of your own"),
    h("p", { class: "quiet" }, "Ten to twenty seconds of one person in a quiet room are enough. Use only voices that you may use. You can read this aloud:"),
    h("blockquote", { class: "read" }, PASSAGE),
    h("div", { class: "record" }, recorder.element, h("button", { type: "button", onclick: () => picker.click() }, icon("page"), "Choose a file"), picker),
    listen, nameField, button, told);
  return { element, take, close: () => { recorder.close(); forget(); } };
}

function recordingControls({ take, say }) {
  const meter = h("meter", { min: 0, max: 1, "aria-label": "Loudness", hidden: true });
  let recorder = null;
  let isAsking = false; // whether the microphone may be used
  let isClosed = false;
  const button = h("button", { type: "button", onclick: () => (recorder ? stop() : start()) }, icon("mic"), "Record");
  const draw = (text) => button.replaceChildren(icon(recorder ? "stop" : "mic"), text);
  const start = async () => {
    if (isAsking) return;
    if (!canRecord()) return say("Browsers record on secure addresses only: open this page over HTTPS or on this computer itself, or choose a file.", true);
    isAsking = true;
    try {
      recorder = await Recorder.begin((level, seconds) => {
        meter.value = level;
        draw(`Stop (${Math.floor(seconds)} s)`);
      });
      if (isClosed) return void recorder.end(); // the browser asks for as long as nobody answers
      meter.hidden = false;
      say("Recording. Speak as you would to a friend.");
    } catch {
      say("The microphone cannot be used. Allow it for this page in your browser, and check that one is connected.", true);
    } finally {
      isAsking = false;
    }
  };
  const stop = async () => {
    const done = recorder;
    recorder = null;
    meter.hidden = true;
    draw("Record again");
    const { blob, seconds } = await done.end();
    if (seconds < LEAST_S) say(`That was ${length(seconds)}. At least ${LEAST_S} seconds are needed: record a little more.`, true);
    else take(blob, "recording.wav");
  };
  return { element: h("div", { class: "record" }, button, meter), close: () => { isClosed = true; recorder?.end(); } };
}

/** Convert a name to the server's characters: letters, digits, - and _. */
function plainName(text) {
  return text.replaceAll(/[ßæøłœ]/gi, (letter) => LETTERS[letter.toLowerCase()]).normalize("NFKD").replaceAll(/\p{M}/gu, "").trim().replaceAll(/[^A-Za-z0-9_-]+/g, "-").replaceAll(/^[-_]+|-+$/g, "").slice(0, 63);
}
