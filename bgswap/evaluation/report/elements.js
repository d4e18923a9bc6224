// The report's script: tables, plots and pictures are built from the JSON beside it. What names and fields hold becomes
// text nodes and plain attributes, never markup; systems, metrics and rows are told by their place in the lists.
const report = JSON.parse(document.getElementById("data").textContent);
const { systems, metrics, rows, images } = report;
const columns = ["input", ...systems.map((one) => one.name), "true"];
const byPicture = metrics.map((_, n) => n).filter((n) => !metrics[n].ofSet);
const find = (id) => document.getElementById(id);
const body = (id) => find(id).querySelector(".body");
const NONE = "–";

// ---- elements -----------------------------------------------------------------------------------------------------

function fill(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child != null)); // strings become text
  return made;
}
const el = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

// Options are [value, words]; `changed` gets the value.
function choice(words, options, value, changed) {
  const select = el("select", {}, ...options.map(([one, text]) => el("option", { value: one }, text)));
  select.value = value;
  select.addEventListener("change", () => changed(select.value));
  return { label: el("label", {}, words, select), select };
}
function tick(words, changed) {
  const box = el("input", { type: "checkbox" });
  box.addEventListener("change", () => changed(box.checked));
  return el("label", { class: "tick" }, box, words);
}
const metricOptions = () => byPicture.map((n) => [n, metrics[n].name]);
const systemOptions = () => systems.map((one, n) => [n, one.name]);
const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

// ---- numbers ------------------------------------------------------------------------------------------------------

// Decimals of a metric, the same all over the page: four digits of its largest mean, three of its smallest.
const decimals = metrics.map((_, n) => {
  const sizes = report.summaries.filter((one) => one.metric === n && one.mean).map((one) => Math.abs(one.mean));
  if (!sizes.length) return 3;
  const digits = (count, size) => count - 1 - Math.floor(Math.log10(size));
  return Math.max(0, digits(4, Math.max(...sizes)), Math.min(8, digits(3, Math.min(...sizes))));
});
function say(value, metric) {
  if (value == null) return NONE;
  const text = decimals[metric] > 7 && value ? value.toExponential(2) : value.toFixed(Math.min(decimals[metric], 7));
  return text.replace(/^-/, "−");
}
const withUnit = (value, metric) =>
  say(value, metric) + (value != null && metrics[metric].unit ? ` ${metrics[metric].unit}` : "");
const arrow = (metric) => (metrics[metric].lower ? "↓" : "↑");
const wayWords = (metric) => (metrics[metric].lower ? "lower is better" : "higher is better");
const score = (row, metric, system) => rows[row].scores[system][metric];

// The best of some values by a metric; null where none stands out.
function best(values, metric) {
  const known = values.filter((value) => value != null);
  if (known.length < 2 || known.every((value) => value === known[0])) return null;
  return metrics[metric].lower ? Math.min(...known) : Math.max(...known);
}
// Rows from worst to best; those without a value last, whichever way.
function ranked(list, metric, system, bestFirst) {
  const sign = metrics[metric].lower === bestFirst ? 1 : -1;
  return [...list].sort((a, b) => {
    const [one, two] = [score(a, metric, system), score(b, metric, system)];
    if (one == null || two == null) return (one == null) - (two == null) || a - b;
    return sign * (one - two) || a - b;
  });
}
const star = () => el("span", { class: "star", role: "img", "aria-label": "best" }, "★");
