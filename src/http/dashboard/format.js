// Numbers and times as short words for people. Every function takes a plain value and answers with a
// string; what isn't a known number becomes the empty string.

const known = (value) => typeof value === "number" && Number.isFinite(value);
const two = (value) => String(value).padStart(2, "0");

/** Milliseconds as `7 s`, `2 min 05 s` or `1 h 04 min`; under ten seconds with a tenth when `fine`. */
export function duration(ms, fine = false) {
  if (!known(ms)) return "";
  if (fine && ms < 10_000) return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${two(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

/** Milliseconds as the one unit that matters: `12 s`, `3 min`, `2 h`, `4 d`. */
export function span(ms) {
  if (!known(ms)) return "";
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** Bytes as `512 B`, `4.2 MB`. */
export function bytes(count) {
  if (!known(count)) return "";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let value = count;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** Percent in whole numbers, rounded down: 100 means done. */
export function percent(value) {
  return known(value) ? `${Math.floor(value)} %` : "";
}

/** Speed as a multiple of real time in two digits: `0.04×`, `2.4×`, `12×`. */
export function speed(value) {
  if (!known(value) || value < 0.005) return "";
  return `${value.toFixed(value >= 9.95 ? 0 : value >= 0.095 ? 1 : 2)}×`;
}

/** The milliseconds since 1970 of an RFC 3339 time; `NaN` where there is none. */
export function instant(text) {
  return typeof text === "string" ? Date.parse(text) : Number.NaN;
}

// Controls, line separators, and what turns the direction of writing: U+202E makes `fdp.exe` read `exe.pdf`.
const DECEPTIVE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** A text that somebody else chose, with `\ufffd` for the characters that could make it look like another. */
export function plain(text) {
  return String(text ?? "").replace(DECEPTIVE, "\ufffd");
}

/** The parts that say something, with a dot between them. */
export function joined(...parts) {
  return parts.filter((part) => part).join(" · ");
}
