// Routes within the page, the frame around the views, and what is common to all views.

import { composeView, giveFile } from "./compose.js";
import { watchCondition } from "./condition.js";
import { jobView } from "./job.js";
import { jobs } from "./jobs.js";
import { notice } from "./notices.js";
import { connection } from "./server.js";
import { beginSession } from "./session.js";
import { shelfView } from "./bookshelf.js";
import { settleVoices, voicesView } from "./voices.js";

const EARLIER_ADDRESS = /^#(job_[0-9a-z]+)$/; // used by the first version of this page
const main = document.getElementById("main");
let current = null;

function view(path, tools) {
  const job = /^\/jobs\/(job_[0-9a-z]+)$/.exec(path);
  if (job) return ["job", jobView({ ...tools, id: job[1] })];
  if (path === "/new") return ["new", composeView(tools)];
  if (path === "/voices") return ["voices", voicesView(tools)];
  return ["bookshelf", shelfView(tools)];
}

function show({ isFirst = false } = {}) {
  const earlier = EARLIER_ADDRESS.exec(location.hash);
  if (earlier) location.replace(`#/jobs/${earlier[1]}`);
  const hash = location.hash.startsWith("#/") ? location.hash.slice(1) : "/";
  const [path, query = ""] = hash.split("?");
  current?.close?.();
  document.body.className = "";
  const [name, made] = view(path, { params: new URLSearchParams(query), replaceParams: (params) => replaceParams(path, params) });
  current = made;
  main.replaceChildren(made.element);
  document.title = `${made.title} · Rhapsode`;
  for (const link of document.querySelectorAll("[data-view]")) {
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (!isFirst) {
    scrollTo(0, 0);
    main.focus({ preventScroll: true });
  }
  made.shown?.();
}

function replaceParams(path, params) {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== null)).toString();
  history.replaceState(null, "", `#${path}${query ? `?${query}` : ""}`);
}

function watchConnection() {
  const line = document.getElementById("connection");
  connection.addEventListener("down", () => {
    line.textContent = "The server does not answer. Trying again…";
    line.hidden = false;
  });
  connection.addEventListener("up", () => {
    line.hidden = true;
    current?.back?.(); // what could not be read is read now
  });
}

/** Dropping a file anywhere starts a new narration. */
function takeDrops() {
  let depth = 0;
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => { if (hasFiles(event) && ++depth) document.body.classList.add("dropping"); });
  addEventListener("dragleave", (event) => { if (hasFiles(event) && --depth === 0) document.body.classList.remove("dropping"); });
  addEventListener("dragover", (event) => { if (hasFiles(event)) event.preventDefault(); });
  addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth = 0;
    document.body.classList.remove("dropping");
    const { files } = event.dataTransfer;
    const [file] = files;
    if (files.length > 1) notice(`Only “${file.name}” was taken: one narration is made of one file. Drop the others one by one.`);
    if (file && !current.dropped?.(file)) {
      giveFile(file);
      location.hash = "#/new";
    }
  });
}

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
addEventListener("hashchange", () => show());
addEventListener("pagehide", () => { jobs.settle(); settleVoices(); });
watchConnection();
takeDrops();
beginSession();
watchCondition();
show({ isFirst: true });
jobs.follow();
