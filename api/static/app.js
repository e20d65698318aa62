// The page: send a text or a file, watch the job, play what comes of it. Talks to /v1 only.

const $ = (id) => document.getElementById(id);
const ENDED = new Set(["succeeded", "failed", "canceled"]);
const JOB_HASH = /^#(job_[0-9a-z]+)$/;
let watched = null;

class Problem extends Error {
  constructor(body, status) {
    super(body.detail ? `${body.detail}. ${body.what_now ?? ""}` : `The server answered ${status}.`);
    this.status = status;
  }
}

async function call(path, options = {}) {
  const key = sessionStorage.getItem("key");
  const headers = new Headers(options.headers);
  if (key) headers.set("Authorization", `Bearer ${key}`);
  const response = await fetch(path, { ...options, headers });
  if (response.status === 401) $("key-field").hidden = false;
  if (!response.ok && response.status !== 304) throw new Problem(await response.json().catch(() => ({})), response.status);
  return response;
}

function say(text, isError = false) {
  $("message").textContent = text;
  $("message").classList.toggle("error", isError);
}

const guarded = (action) => async (event) => {
  event?.preventDefault();
  say("");
  try { await action(event); } catch (error) { say(error.message, true); }
};

async function submit() {
  if ($("key").value) sessionStorage.setItem("key", $("key").value);
  const settings = { voice: $("voice").value, outputs: [$("format").value] };
  const file = $("file").files[0];
  let request;
  if (file) {
    const body = new FormData();
    body.append("job", JSON.stringify(settings));
    body.append("file", file);
    request = { body };
  } else {
    if (!$("text").value.trim()) throw new Error("Paste a text or choose a file first.");
    const body = JSON.stringify({ ...settings, text: $("text").value });
    request = { body, headers: { "Content-Type": "application/json" } };
  }
  // The button can be pressed twice and a connection can break: one key, one job.
  const headers = new Headers(request.headers);
  headers.set("Idempotency-Key", crypto.randomUUID?.() ?? String(Math.random()));
  const job = await (await call("/v1/jobs", { method: "POST", ...request, headers })).json();
  history.replaceState(null, "", `#${job.id}`);
  watch(job.id);
}

async function watch(id) {
  watched = id;
  $("files").replaceChildren();
  $("player").hidden = true;
  $("result").hidden = false;
  let etag = null;
  while (watched === id) {
    let waitS = 5;
    try {
      const headers = etag ? { "If-None-Match": etag } : {};
      const response = await call(`/v1/jobs/${id}`, { headers, cache: "no-store" });
      waitS = Number(response.headers.get("Retry-After") ?? 1);
      etag = response.headers.get("ETag");
      if (response.status === 200) {
        const job = await response.json();
        show(job);
        if (ENDED.has(job.state)) return await finish(job);
      }
    } catch (error) {
      say(error.message, true);
      if (error.status && error.status < 500) return;
    }
    await new Promise((resolve) => setTimeout(resolve, waitS * 1000));
  }
}

function show(job) {
  const { percent, chunks_done, chunks_total, audio_s, eta_s } = job.progress;
  $("result-title").textContent = job.title ?? job.source.name;
  $("bar").value = percent;
  const parts = [job.state];
  if (chunks_total) parts.push(`${chunks_done} of ${chunks_total} chunks`, `${clock(audio_s)} of speech`);
  if (eta_s !== null) parts.push(`about ${clock(eta_s)} left`);
  $("state").textContent = parts.join(" · ");
  $("cancel").hidden = ENDED.has(job.state);
  $("warnings").replaceChildren(...job.warnings.map((warning) => item(warning.detail)));
  if (job.error) say(job.error.detail, true);
}

async function finish(job) {
  if (job.state !== "succeeded") return;
  const { items } = await (await call(job.urls.artifacts)).json();
  for (const file of items) {
    const link = document.createElement("a");
    link.href = file.url;
    link.textContent = `${file.name} (${(file.size_bytes / 1e6).toFixed(1)} MB)`;
    link.download = file.name;
    $("files").append(item(link));
  }
  const audio = items.find((file) => file.media_type.startsWith("audio/"));
  if (audio) {
    $("player").src = audio.url;
    $("player").hidden = false;
  }
}

function item(content) {
  const element = document.createElement("li");
  element.append(content);
  return element;
}

function clock(seconds) {
  const whole = Math.round(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

async function listVoices() {
  const { items, bundled } = await (await call("/v1/voices")).json();
  const ready = items.filter((voice) => voice.state === "ready").map((voice) => voice.name);
  const names = [...new Set(["default", ...ready, ...bundled])];
  const chosen = $("voice").value;
  $("voice").replaceChildren(...names.map((name) => new Option(name, name, false, name === chosen)));
}

// Which voice speaks, if it is only the demonstration; 503 has it, too. Not worth an error message.
async function showNotice() {
  const { notice } = await (await fetch("/readyz")).json().catch(() => ({}));
  $("notice").textContent = notice ?? "";
  $("notice").hidden = !notice;
}

async function addVoice() {
  const body = new FormData();
  body.append("name", $("voice-name").value);
  body.append("file", $("voice-file").files[0]);
  let voice = await (await call("/v1/voices", { method: "POST", body })).json();
  while (voice.state === "preparing") {
    say(`Preparing ${voice.name} …`);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    voice = await (await call(`/v1/voices/${voice.id}`)).json();
  }
  if (voice.state === "failed") throw new Error(voice.error);
  await listVoices();
  $("voice").value = voice.name;
  say(`${voice.name} is ready.`);
}

$("job").addEventListener("submit", guarded(submit));
$("voice-form").addEventListener("submit", guarded(addVoice));
$("key").addEventListener("change", guarded(async () => {
  sessionStorage.setItem("key", $("key").value);
  await listVoices();
}));
$("cancel").addEventListener("click", guarded(async () => {
  show(await (await call(`/v1/jobs/${watched}/cancel`, { method: "POST" })).json());
}));
guarded(listVoices)();
showNotice();
const earlier = JOB_HASH.exec(location.hash);
if (earlier) watch(earlier[1]);
