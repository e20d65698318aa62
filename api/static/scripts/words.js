// Texts for users: durations, states, findings and errors in plain words.

const HELP = {
  unreachable: "The server does not answer. Check that it is running; this page keeps trying.",
  unauthorized: "This key is not known here. Check it, or ask whoever runs this server for one.",
  forbidden: "This can only be done on the page of this server. Open it again and try there.",
  not_found: "This is not here any more. It may have been deleted.",
  signature_invalid: "This address is not valid any more. Open the page again.",
  gone: "This was deleted. The finished files are still there.",
  nothing_spoken: "Nothing is spoken yet. Try again in a few seconds.",
  conflict: "That is not possible in its present state. Check the state, and try again.",
  voice_not_ready: "This voice is still being prepared. Try again in a few seconds.",
  too_large: "This is larger than this server accepts. Split it into parts and narrate them one by one.",
  body_timeout: "The upload took too long. Try again over a faster connection.",
  busy: "The server is busy reading other files. Try again in a moment.",
  queue_full: "Many narrations are waiting already. Try again in a few minutes.",
  unavailable: "A part of the server does not answer. Try again in a moment.",
  output_denied: "The server cannot write the finished files. Whoever runs it has to look at its storage.",
  key_expired: "This key has expired. Ask whoever runs this server for a new one.",
  key_revoked: "This key was revoked. Ask whoever runs this server for a new one.",
  scope_missing: "This key may not do that. Ask whoever runs this server for one that may.",
  limit_reached: "This key has reached its limit. Try again later, or ask whoever runs this server for more.",
  disk_full: "The disk of the server is full. Whoever runs it has to make room; what is finished is kept.",
  storage_full: "The storage of the server is full. Whoever runs it has to make room; what is finished is kept.",
  schema_outdated: "The server is being updated. Try again in a minute.",
  internal: "Something went wrong on the server. Try again; if it happens again, tell whoever runs it.",
  chunk_failed: "One sentence could not be spoken. Try again; what is finished is kept.",
  quality_failed: "One sentence did not come out well in any take, and the settings ask for perfection. Try again.",
  checkpoint_invalid: "The voice model of this server is damaged. Whoever runs it has to install it again.",
  deadline_exceeded: "It took longer than was allowed, and was stopped. Try again; what is finished is kept.",
  no_worker: "Nothing on the server can speak just now. Whoever runs it has to start what speaks.",
  storage_failing: "The storage of the server fails. Whoever runs it has to look at it; what is finished is kept.",
  engine_died: "The speech engine stopped. Try again; what is finished is kept.",
  lease_lost: "The machine that was speaking disappeared. Try again; what is finished is kept.",
};
for (const part of ["storage", "database", "broker"]) HELP[`${part}_unavailable`] = HELP.unavailable;

/** What a job waits for until somebody fixes it. */
const TROUBLES = {
  disk_full: "the disk of the server is full",
  storage_full: "the storage of the server is full",
  storage_failing: "the storage of the server fails",
  storage_unavailable: "the storage of the server does not answer",
  database_unavailable: "a part of the server does not answer",
  broker_unavailable: "a part of the server does not answer",
  schema_outdated: "the server is being updated",
  output_denied: "the server cannot write the finished files",
  no_worker: "nothing on the server can speak just now",
};

/** Codes whose server messages are written for users already. */
const TOLD_BY_SERVER = new Set(["document_invalid", "voice_rejected"]);

/** The page's names for request fields. */
const FIELDS = { title: "Title", author: "Author", name: "Name", voice: "Voice", delivery: "Expression", pauses: "Pauses", outputs: "Files", chapters: "Chapters", seed: "Reading", text: "Text", file: "File", spoken_text: "Text" };

const FINDINGS = {
  too_long: "spoken far too slowly, or with something added",
  too_short: "spoken too fast, or something is missing",
  silent: "nothing can be heard",
  clipped: "it is distorted",
  inner_silence: "there is a long silence in the middle",
  looping: "a sound or a word is repeated over and over",
  truncated: "it breaks off before the end",
  broken: "it is only noise",
  unknown_characters: "it contains characters that the voice cannot say",
  foreign_language: "it is in a language that the voice does not speak",
};

export const STATES = {
  queued: "Waiting for its turn",
  planning: "Reading the text",
  rendering: "Speaking",
  assembling: "Putting the files together",
  succeeded: "Ready",
  failed: "Stopped by a problem",
  canceled: "Canceled",
};

export const FORMATS = {
  m4b: "Audiobook (M4B)",
  mp3: "MP3",
  m4a: "M4A",
  opus: "Opus",
  flac: "FLAC",
  wav: "WAV",
  vtt: "Captions (VTT)",
  srt: "Captions (SRT)",
};

/** Whether a text was refused only for its language, and can be read anyway. */
export function isOfOtherLanguage(problem) {
  return problem.code === "document_invalid" && problem.message.includes("other_language");
}

/** Say what went wrong and what to do about it. */
export function explain(problem) {
  if (!problem.code) return HELP.internal;
  if (isOfOtherLanguage(problem)) return "This text does not seem to be English, and the voices speak English only. Choose a translation, or have it read all the same.";
  if (TOLD_BY_SERVER.has(problem.code)) return sentence(problem.message);
  if (problem.code === "invalid_request") return explainFields(problem);
  const help = HELP[problem.code] ?? (problem.message ? sentence(problem.message) : HELP.internal);
  return problem.code === "internal" && problem.requestId ? `${help} (Number ${problem.requestId})` : help;
}

/** The warning that says what a job waits for; null if it waits for nothing. */
export function troubleOf(job) {
  return job.warnings?.find(({ code }) => code in TROUBLES) ?? null;
}

/** The same in a few words: "Waiting: the disk of the server is full". */
export function waiting({ code }) {
  return `Waiting: ${TROUBLES[code]}`;
}

/** What to do about a trouble, by its code. */
export function explainTrouble(code) {
  return HELP[code] ?? HELP.unavailable;
}

/** The same for a job that failed. */
export function explainFailure(failure) {
  if (TOLD_BY_SERVER.has(failure.code)) return sentence(failure.detail);
  return HELP[failure.code] ?? HELP.internal;
}

function explainFields(problem) {
  const told = problem.fields.map(({ pointer, detail }) =>
    pointer === "/voice" ? "This voice is not here any more: choose another." : sentence(`${FIELDS[pointer.split("/")[1]] ?? "What was sent"}: ${detail}`));
  return told.join(" ") || sentence(problem.message);
}

/** A finding in a sentence, in plain words. */
export function finding({ flag }) {
  return FINDINGS[flag] ?? "it does not sound as it should";
}

/** "3 h 12 min", "8 min", "45 s". */
export function length(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const rest = minutes % 60;
  return rest ? `${Math.floor(minutes / 60)} h ${rest} min` : `${minutes / 60} h`;
}

/** "1:02:03", for a position. */
export function clock(seconds) {
  const whole = Math.floor(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** A position in words, for screen readers. */
export function spokenClock(seconds) {
  const whole = Math.floor(seconds);
  const parts = [[Math.floor(whole / 3600), "hour"], [Math.floor(whole / 60) % 60, "minute"], [whole % 60, "second"]];
  const told = parts.filter(([number]) => number > 0).map(([number, unit]) => count(number, unit));
  return told.join(" ") || "0 seconds";
}

export function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

export function size(bytes) {
  if (bytes < 1e6) return `${Math.max(1, Math.round(bytes / 1e3))} KB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

export function titleOf(job) {
  return job.title ?? job.source.name.replace(/\.[a-z0-9]{2,5}$/i, "");
}

/** The voice's name as users write it. */
export function voiceName(name) {
  return name === "default" ? "the house voice" : name.replaceAll(/[-_]/g, " ");
}

export function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function sentence(text) {
  const trimmed = text.trim();
  const capital = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}
