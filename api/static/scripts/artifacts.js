// The files of a finished job: which can be played here, and links to download them.

import { h, icon } from "./dom.js";
import { url } from "./server.js";
import { FORMATS, size, titleOf } from "./words.js";

const MEDIA_TYPES = { mp3: "audio/mpeg", m4a: "audio/mp4", m4b: "audio/mp4", opus: "audio/ogg; codecs=opus", flac: "audio/flac", wav: "audio/wav" };
const CAPTIONS = new Set(["vtt", "srt"]);

const fileName = (format) => `${CAPTIONS.has(format) ? "captions" : "audio"}.${format}`;
const fileUrl = (job, format) => url(`jobs/${job.id}/artifacts/${fileName(format)}${named(job)}`);

/** The number of the delivery: a job that is mended delivers again, under the same names. */
function named(job) {
  const number = job.state === "succeeded" ? job.revision : job.revision - 1; // the next is still being made
  return number > 1 ? `?revision=${number}` : "";
}

/** The URL of the file that this browser plays best; null if it can play none. */
export function audioOf(job) {
  const probe = document.createElement("audio");
  const playable = Object.keys(MEDIA_TYPES).filter((format) => job.settings.outputs.includes(format) && probe.canPlayType(MEDIA_TYPES[format]));
  return playable.length ? fileUrl(job, playable[0]) : null;
}

/** Whether a job has any audio output. */
export const hasSound = (job) => job.settings.outputs.some((format) => !CAPTIONS.has(format));

/** A link that downloads the job's first file, or leads to all of them. */
export function downloadLink(job, { isShort = false } = {}) {
  const [first, ...others] = job.settings.outputs;
  const name = `Download ${titleOf(job)}`;
  if (others.length && isShort) return h("a", { class: "button plain", href: `#/jobs/${job.id}?files`, "aria-label": name }, icon("download"), "Download");
  return h("a", { class: "button plain", href: fileUrl(job, first), download: "", "aria-label": name }, icon("download"), "Download");
}

/** Links to all files of a job, as listed by the server. */
export function fileLinks(job, items) {
  return items.filter(({ name }) => name !== "manifest.json").map(({ name, size_bytes }) => {
    const format = name.split(".").pop();
    return h("li", {}, h("a", { class: "button", href: url(`jobs/${job.id}/artifacts/${name}`), download: "" },
      icon("download"), `${FORMATS[format] ?? name} · ${size(size_bytes)}`));
  });
}
