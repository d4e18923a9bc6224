// The overview of pictures: sorted, filtered, built as one scrolls.

const BATCH = 60; // cells built at a time, as one scrolls down
const PRINTED = 200; // the most pictures that are printed without having been scrolled to
const order = { metric: -1, system: 0, bestFirst: false, words: "", column: 0, list: [], built: 0 };
const controls = {};

function relist() {
  const wanted = order.words.toLowerCase().split(/\s+/).filter(Boolean);
  const matches = (row) => {
    const all = [rows[row].key, ...Object.entries(rows[row].fields).flat()].join(" ").toLowerCase();
    return wanted.every((word) => all.includes(word));
  };
  const list = rows.map((_, n) => n).filter(matches);
  if (order.metric >= 0) order.list = ranked(list, order.metric, order.system, order.bestFirst);
  else order.list = order.bestFirst ? list.reverse() : list;
  order.built = 0;
  find("overview").replaceChildren();
  find("found").textContent = (wanted.length ? `${order.list.length} of ` : "") + plural(rows.length, "picture");
  build();
}
function build(all = false) {
  const until = all ? order.list.length : Math.min(order.built + BATCH, order.list.length);
  find("overview").append(...order.list.slice(order.built, until).map(cell));
  order.built = until;
}
function cell(row) {
  const { metric, system } = order;
  const value = metric < 0 ? "" : `${metrics[metric].name} ${say(score(row, metric, system), metric)}`;
  return el("li", {}, el("a", { class: "cell", href: `#picture-${row}`, "data-row": row, title: rows[row].key },
    picture(row, order.column, ""), el("span", { class: "name" }, rows[row].key),
    el("span", { class: "score" }, value)));
}
function orderBy(metric, system) {
  Object.assign(order, { metric, system, bestFirst: false, words: "" });
  controls.metric.value = metric;
  controls.system.value = system;
  controls.words.value = "";
  ways();
  relist();
}
function ways() {
  const named = order.metric < 0;
  controls.way.options[0].textContent = named ? "first to last" : "worst first";
  controls.way.options[1].textContent = named ? "last to first" : "best first";
  controls.way.value = Number(order.bestFirst);
  controls.system.disabled = named;
}
function overview() {
  const place = find("pictures").querySelector(".controls");
  const control = (name, words, options, key = name, read = Number) => {
    const { label, select } = choice(words, options, Number(order[key]), (value) => {
      order[key] = read(value);
      ways();
      relist();
    });
    select.id = `by-${name}`;
    controls[name] = select;
    place.append(label);
  };
  const words = el("input", { type: "search", id: "filter", placeholder: "name or field", autocomplete: "off" });
  words.addEventListener("input", () => { order.words = words.value; relist(); });
  controls.words = words;
  control("metric", "sort by", [[-1, "name"], ...metricOptions()]);
  control("system", "of", systemOptions());
  control("way", "order", [[0, ""], [1, ""]], "bestFirst", (value) => value === "1");
  const shown = columns.map((name, n) => [n, name]).filter(([n]) => rows.some((row) => row.pictures[n] != null));
  if (shown.length) {
    order.column = (shown.find(([n]) => n > 0 && n < columns.length - 1 && !systems[n - 1].baseline) ?? shown[0])[0];
    control("column", "show", shown);
  }
  place.append(el("label", {}, "filter", words));
  ways();
  relist();
  new IntersectionObserver((seen) => { if (seen.some((one) => one.isIntersecting)) build(); }, { rootMargin: "1200px" })
    .observe(find("more"));
  addEventListener("beforeprint", () => { if (order.list.length <= PRINTED) build(true); });
}
