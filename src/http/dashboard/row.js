// One job's row: its elements and what they say. Every text that comes from a job is set as text, never
// as markup. Where a row stands among the others is up to `board.js`.

import { bytes, duration, instant, joined, percent, plain, span, speed } from "./format.js";
import { isOver } from "./jobs.js";

const LABELS_SHOWN = 8;
const STATE_WORDS = {
  queued: "Queued",
  running: "Running",
  paused: "Paused",
  cancelling: "Cancelling",
  succeeded: "Succeeded",
  failed: "Failed",
  cancelled: "Cancelled",
};
// What else can be done with a job, by its state, and how that is said.
const OTHER_ACTS = { queued: "pause", running: "pause", paused: "resume", failed: "retry", cancelled: "retry" };
const ACT_WORDS = {
  cancel: ["Cancel", "Cancelling…", "cancelled"],
  pause: ["Pause", "Pausing…", "paused"],
  resume: ["Resume", "Resuming…", "resumed"],
  retry: ["Retry", "Retrying…", "tried again"],
};
const REASON_WORDS = {
  client: "on a client’s request",
  timeout: "at its time limit",
  shutdown: "by the server’s shutdown",
  stalled: "because nothing moved any more",
};
const METHOD_WORDS = {
  not_started: "ffmpeg wasn’t running",
  quit: "ffmpeg finished its files",
  terminate: "ffmpeg finished its files after SIGTERM",
  kill: "ffmpeg was killed",
};

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
  element.hidden = text === "";
}

function element(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

// A link is only made of an address that leads to a page, whatever the job's text says.
function safeAddress(url) {
  if (typeof url !== "string" || !URL.canParse(url, location.href)) return null;
  const address = new URL(url, location.href);
  return address.protocol === "http:" || address.protocol === "https:" ? address.href : null;
}

function mediaWords(output) {
  const { media } = output;
  const video = media?.video;
  return joined(
    bytes(output.size_bytes),
    video?.width && video.height ? `${video.width}×${video.height}` : "",
    joined(video?.codec, media?.audio?.codec).replace(" · ", " + "),
    duration(media?.duration_ms, true),
  );
}

function outputItem(output) {
  const item = document.createElement("li");
  const href = safeAddress(output.url);
  const name = element(href ? "a" : "span", "file", plain(output.name));
  name.dir = "auto";
  if (href) {
    Object.assign(name, { href, target: "_blank", rel: "noopener" });
    name.dataset.role = "result";
  }
  item.append(name);
  if (output.partial) item.append(element("span", "flag", "partial"));
  if (output.playable === false) item.append(element("span", "flag bad", "not playable"));
  const facts = href ? mediaWords(output) : output.preset;
  if (facts) item.append(element("span", "about", facts));
  return item;
}

function labelItems(labels) {
  const all = Object.entries(labels ?? {}).map(([key, value]) => plain(`${key}: ${value}`));
  const items = all.slice(0, LABELS_SHOWN).map((label) => element("span", "label", label));
  for (const item of items) item.dir = "auto";
  const rest = all.slice(LABELS_SHOWN);
  if (rest.length > 0) {
    const more = element("span", "label", `+${rest.length}`);
    more.title = rest.join("\n");
    items.push(more);
  }
  return items;
}

function attemptWords(job) {
  const number = job.attempts?.length ?? 0;
  return number > 1 ? `attempt ${number} of ${Math.max(number, job.max_attempts ?? number)}` : "";
}

function noteWords(job) {
  const { cancellation } = job;
  if (cancellation && (job.state === "cancelling" || job.state === "cancelled")) {
    const stopped = job.state === "cancelled" ? "Stopped" : "Being stopped";
    const reason = REASON_WORDS[cancellation.reason] ?? `(${cancellation.reason})`;
    const method = METHOD_WORDS[cancellation.method] ?? cancellation.method ?? "";
    const drained = cancellation.drain_ms > 0 ? `after ${duration(cancellation.drain_ms, true)}` : "";
    return joined(`${stopped} ${reason}`, [method, drained].filter(Boolean).join(" "));
  }
  if (job.state === "queued" && instant(job.run_at) > Date.now()) {
    const waits = `Not before ${new Date(job.run_at).toLocaleString()}`;
    return job.error ? `${waits}; the last attempt failed` : waits;
  }
  const last = job.attempts?.findLast((attempt) => attempt.outcome != null);
  if (isOver(job.state) || !last) return "";
  if (last.error) return `Attempt ${last.number} failed: ${last.error.code}. ${last.error.message}`;
  const interrupted = last.outcome === "interrupted" || last.outcome === "lost";
  return interrupted ? `Attempt ${last.number} was interrupted by the server’s end` : "";
}

/** A job's row. `root` is its list item. */
export class Row {
  #parts = {};
  #asked = null;

  constructor(template, job) {
    this.root = template.content.firstElementChild.cloneNode(true);
    for (const part of this.root.querySelectorAll("[data-part]")) this.#parts[part.dataset.part] = part;
    this.root.dataset.jobId = job.id;
    this.#parts.id.href = `/v1/jobs/${encodeURIComponent(job.id)}`;
    this.#parts.log.href = `${this.#parts.id.href}/log`;
    // The end of the id: its beginning is the time, which neighbours share.
    this.#parts.id.textContent = `…${job.id.slice(-8)}`;
    this.#parts.progress.setAttribute("aria-label", `Progress of ${plain(job.input)}`);
    say(this.#parts.refusal, "");
    this.show(job);
  }

  /** Shows all of the job. */
  show(job) {
    const { state, input, outputs, labels, mode, priority, log, error, note } = this.#parts;
    if (this.root.dataset.state !== job.state) this.#changeState(job.state);
    say(state, STATE_WORDS[job.state] ?? job.state);
    say(input, plain(job.input));
    input.title = input.textContent;
    outputs.replaceChildren(...(job.outputs ?? []).map(outputItem));
    outputs.hidden = outputs.childElementCount === 0;
    labels.replaceChildren(...labelItems(job.labels));
    say(mode, job.mode ?? "");
    say(priority, job.priority ? `priority ${job.priority}` : "");
    log.hidden = !job.attempts?.length;
    say(error, job.error ? plain(`${job.error.code}: ${job.error.message}`) : "");
    say(note, plain(noteWords(job)));
    this.#showActs(job);
    this.showProgress(job);
    this.tick(job, Date.now());
  }

  /** Shows only how far the job is. */
  showProgress(job) {
    const { bar, progress, percent: number, facts } = this.#parts;
    // One that is paused half way stands still where it is.
    const half = job.state === "paused" && typeof job.progress?.percent === "number";
    const busy = job.state === "running" || job.state === "cancelling";
    bar.hidden = !busy && !half;
    const now = busy ? (job.progress ?? {}) : half ? { percent: job.progress.percent } : {};
    if (typeof now.percent === "number") progress.value = now.percent;
    else progress.removeAttribute("value");
    number.textContent = percent(now.percent);
    const left = now.eta_ms == null ? "" : `${duration(now.eta_ms)} left`;
    say(facts, joined(now.phase, speed(now.speed), left, attemptWords(job), isOver(job.state) ? this.#took(job) : ""));
  }

  /** Brings the job's age up to `now`. */
  tick(job, now) {
    const { time } = this.#parts;
    const at = isOver(job.state) ? job.finished_at : job.state === "queued" ? job.created_at : job.started_at;
    const age = span(now - instant(at ?? job.created_at));
    say(time, isOver(job.state) ? `${age} ago` : `for ${age}`);
    if (at && time.dateTime !== at) {
      time.dateTime = at;
      time.title = `submitted ${new Date(job.created_at).toLocaleString()}`;
    }
  }

  /** Whether something was asked for and not answered yet. */
  get asking() {
    return this.#asked !== null;
  }

  /** Shows that something was asked for: to cancel, pause, resume or retry. */
  ask(act, job) {
    this.#asked = act;
    say(this.#parts.refusal, "");
    this.#showActs(job);
  }

  /** Shows the answer: the server's refusal as a sentence, or null. Answers with what is to be read aloud. */
  answer(refusal, job) {
    const done = ACT_WORDS[this.#asked]?.[2];
    this.#asked = null;
    const words = refusal ? plain(`Not ${done}: ${refusal}`) : "";
    say(this.#parts.refusal, words);
    if (job) this.#showActs(job);
    return words;
  }

  #took(job) {
    const ms = instant(job.finished_at) - instant(job.started_at);
    return ms >= 0 ? `took ${duration(ms, true)}` : "";
  }

  #changeState(state) {
    this.root.dataset.state = state;
    if (state === "cancelling" || isOver(state)) say(this.#parts.refusal, "");
  }

  #showActs(job) {
    const { cancel, other } = this.#parts;
    const stopping = this.#asked === "cancel" || job.state === "cancelling";
    this.#button(cancel, isOver(job.state) ? null : "cancel", stopping, job);
    const act = OTHER_ACTS[job.state] ?? null;
    // While one thing is asked for, the other isn't offered.
    this.#button(other, stopping ? null : act, this.#asked !== null && this.#asked === act, job);
  }

  // Said with aria-disabled and not with disabled, which would throw the keyboard's focus away.
  #button(button, act, off, job) {
    if (act === null) {
      // A hidden button loses the keyboard's place; the row keeps it.
      if (document.activeElement === button) this.root.focus({ preventScroll: true });
      button.hidden = true;
      return;
    }
    const [offer, asked] = ACT_WORDS[act];
    say(button, off ? asked : offer);
    button.dataset.action = act;
    button.setAttribute("aria-label", `${offer} ${plain(job.input)}`);
    button.setAttribute("aria-disabled", String(off));
  }
}
