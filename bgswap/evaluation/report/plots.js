// Plots: distributions, one system against another, curves such as a video's spectra.

// Draws once it comes near the screen, again when its width changes, and before printing.
const waiting = new Set();
const nearby = new IntersectionObserver((seen) => {
  for (const { isIntersecting, target } of seen) if (isIntersecting) target.redraw();
}, { rootMargin: "400px" });
const widths = new ResizeObserver((changed) => {
  for (const { target } of changed) if (target.drawn && target.drawn !== target.clientWidth) target.redraw();
});
const LEAST = 120; // pixels: in less, as while a window is laid out anew, nothing is drawn
function chart(draw) {
  const place = el("div", { class: "chart" });
  place.redraw = () => {
    waiting.delete(place);
    nearby.unobserve(place);
    place.drawn = place.clientWidth;
    if (place.drawn > LEAST) place.replaceChildren(draw(place.drawn));
  };
  waiting.add(place);
  nearby.observe(place);
  widths.observe(place);
  return place;
}
addEventListener("beforeprint", () => [...waiting].forEach((place) => place.redraw()));

// A scale with marks at 1, 2, 5 x 10^n. `log` holds only where all values are positive.
function scale(values, from, to, count, log) {
  let [low, high] = values.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
  if (!(low <= high)) [low, high] = [0, 1];
  const onLog = log && low > 0;
  if (low === high) {
    const room = Math.abs(low) / 2 || 1;
    [low, high] = onLog ? [low / 2, high * 2] : [low - room, high + room];
  }
  const turn = onLog ? Math.log10 : (value) => value;
  const margin = (turn(high) - turn(low)) * .03;
  const [start, end] = [turn(low) - (low === 0 ? 0 : margin), turn(high) + margin];
  const at = (value) => from + (turn(value) - start) / (end - start) * (to - from);
  const marks = [];
  if (onLog) {
    const few = end - start > count / 2;
    for (let power = Math.floor(start); power <= end; power++) {
      for (const step of few ? [1] : [1, 2, 5]) marks.push(step * 10 ** power);
    }
  } else {
    const rough = (end - start) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].find((one) => one * power >= rough) * power;
    for (let n = Math.ceil(start / step); n * step <= end; n++) marks.push(n * step);
  }
  const inside = marks.filter((mark) => turn(mark) >= start && turn(mark) <= end);
  return { at, marks: inside, start: onLog ? 10 ** start : start, end: onLog ? 10 ** end : end };
}
const markText = (value) => (value && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e5)
  ? value.toExponential(0) : String(Number(value.toPrecision(4)))).replace(/-/g, "−");
const line = (x1, y1, x2, y2, kind) => svg("line", { x1, y1, x2, y2, class: kind });
const text = (x, y, words, attributes = {}) => svg("text", { x, y, ...attributes }, words);
const dotPath = (points) => points.map(({ x, y }) => `M${x.toFixed(1)} ${y.toFixed(1)}h0`).join("");
const paint = (system) => `stroke: var(--s${systems[system]?.baseline ? 0 : 1 + nth(system) % 7})`;
const nth = (system) => systems.slice(0, Math.max(system, 0)).filter((one) => !one.baseline).length;

const ARROWS = "Left and right arrow keys go through the dots.";

// Dots of a plot answer the pointer and the arrow keys: the nearest is ringed and told, a click or Enter shows it.
function answering(root, points, tell, open) {
  const ring = svg("circle", { r: 6, class: "ring", visibility: "hidden" });
  const inOrder = [...points].sort((a, b) => a.x - b.x || a.y - b.y);
  let current = -1;
  root.append(ring);
  const show = (point) => {
    current = point ? inOrder.indexOf(point) : -1;
    ring.setAttribute("visibility", point ? "visible" : "hidden");
    if (!point) return hideTip();
    ring.setAttribute("cx", point.x);
    ring.setAttribute("cy", point.y);
    const box = root.getBoundingClientRect();
    showTip(tell(point), box.left + point.x, box.top + point.y);
  };
  root.addEventListener("pointermove", (event) => {
    const box = root.getBoundingClientRect();
    let [near, least] = [null, 14 ** 2];
    for (const point of points) {
      const away = (point.x - event.clientX + box.left) ** 2 + (point.y - event.clientY + box.top) ** 2;
      if (away < least) [near, least] = [point, away];
    }
    show(near);
  });
  root.addEventListener("pointerleave", () => show(null));
  root.addEventListener("blur", () => show(null));
  root.addEventListener("click", () => { if (open && current >= 0) open(inOrder[current]); });
  root.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step && inOrder.length) {
      event.preventDefault();
      event.stopPropagation();
      show(inOrder[(current + step + inOrder.length) % inOrder.length]);
    } else if (event.key === "Enter" && open && current >= 0) open(inOrder[current]);
  });
}
function showTip(words, x, y) {
  const tip = find("tip");
  tip.textContent = words;
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(8, Math.min(x + 14, innerWidth - width - 8))}px`;
  tip.style.top = `${y + 14 + height > innerHeight ? y - height - 14 : y + 14}px`;
}
const hideTip = () => { find("tip").hidden = true; };
addEventListener("scroll", hideTip, { passive: true });
const open = (metric, system, row) => { hideTip(); orderBy(metric, system); location.hash = `picture-${row}`; };

function quantile(sorted, share) {
  const place = (sorted.length - 1) * share;
  const low = Math.floor(place);
  return sorted[low] + (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]) * (place - low);
}
function distribution(metric, width, log) {
  const [rowHeight, top] = [50, 4];
  const known = systems.map((_, s) => rows.map((_, r) => r).filter((r) => score(r, metric, s) != null));
  const across = scale(known.flatMap((list, s) => list.map((r) => score(r, metric, s))), 6, width - 6, width / 90, log);
  const height = top + rowHeight * systems.length;
  const root = svg("svg", { width, height: height + 24, tabindex: 0, role: "group", "aria-label":
    `${metrics[metric].name} of every picture, a line of dots a system. ${ARROWS}` });
  for (const mark of across.marks) {
    root.append(line(across.at(mark), top, across.at(mark), height, "grid"),
      text(across.at(mark), height + 18, markText(mark), { "text-anchor": "middle" }));
  }
  root.append(line(0, height, width, height, "axis"));
  const points = [];
  known.forEach((list, system) => {
    const y = top + rowHeight * system + 33;
    // dots are spread up and down by the golden ratio: evenly, and the same on every visit
    const here = list.map((row, n) =>
      ({ x: across.at(score(row, metric, system)), y: y + ((n * .618034) % 1 - .5) * 16, row, system }));
    points.push(...here);
    root.append(text(0, y - 16, systems[system].name, { class: "strong" }),
      svg("path", { class: "dots", d: dotPath(here), style: paint(system) }));
    if (list.length < 3) return;
    const sorted = list.map((row) => score(row, metric, system)).sort((a, b) => a - b);
    const [low, middle, high] = [.25, .5, .75].map((share) => across.at(quantile(sorted, share)));
    root.append(svg("rect", { class: "box", x: low, y: y - 10, width: Math.max(1, high - low), height: 20, rx: 2 }),
      line(middle, y - 10, middle, y + 10, "middle"));
  });
  answering(root, points, ({ row, system }) =>
    `${rows[row].key}\n${systems[system].name}: ${withUnit(score(row, metric, system), metric)}`,
  ({ row, system }) => open(metric, system, row));
  return root;
}
function metricCaption(metric) {
  const unit = metrics[metric].unit ? `, ${metrics[metric].unit}` : "";
  return el("figcaption", {}, el("b", {}, metrics[metric].name),
    el("small", {}, `${unit}  ${arrow(metric)} ${wayWords(metric)}`));
}
function distributions() {
  if (!byPicture.length || !rows.length) return;
  find("distributions").hidden = false;
  let log = false;
  const charts = byPicture.map((metric) => chart((width) => distribution(metric, width, log)));
  body("distributions").append(...byPicture.map((metric, n) => el("figure", {}, metricCaption(metric), charts[n])));
  find("distributions").querySelector(".controls").append(
    el("small", {}, "A dot a picture; the box holds the middle half, its bar is the median. Click a dot to see it."),
    tick("logarithmic", (on) => { log = on; charts.forEach((one) => one.redraw()); }));
}

function scatter() {
  // without an input the row that does nothing has no values, and would be an empty axis
  const measured = systems.map((_, n) => n).filter((n) => rows.some((_, r) => score(r, byPicture[0], n) != null));
  if (!byPicture.length || measured.length < 2) return;
  find("scatter").hidden = false;
  const chosen = { metric: byPicture[0], x: measured[0], y: measured.at(-1), log: false };
  const words = el("p", { class: "quiet", role: "status" });
  const place = chart((width) => scatterPlot(chosen, width, words));
  const control = (name, options) => choice(name.replace(/^[xy]$/, "$& axis"), options, chosen[name], (value) => {
    chosen[name] = Number(value);
    place.redraw();
  }).label;
  find("scatter").querySelector(".controls").append(control("metric", metricOptions()), control("x", systemOptions()),
    control("y", systemOptions()), tick("logarithmic", (on) => { chosen.log = on; place.redraw(); }));
  body("scatter").append(words, place);
}
function scatterPlot({ metric, x, y, log }, width, words) {
  const [left, bottom] = [58, 46];
  const side = width - left - 8;
  const both = rows.map((_, r) => r).filter((r) => score(r, metric, x) != null && score(r, metric, y) != null);
  const values = both.flatMap((r) => [score(r, metric, x), score(r, metric, y)]);
  const [across, up] = [scale(values, left, left + side, side / 80, log), scale(values, side + 4, 4, side / 80, log)];
  const root = svg("svg", { width, height: side + 4 + bottom, tabindex: 0, role: "group", "aria-label":
    `${metrics[metric].name} of ${systems[y].name} over ${systems[x].name}, a dot a picture. ${ARROWS}` });
  const [end, foot] = [left + side, side + 4];
  const below = metrics[metric].lower; // below the diagonal the y system has the lower value
  root.append(svg("path", { class: "shade", d: below ? `M${left} ${foot}H${end}V4Z` : `M${left} ${foot}V4H${end}Z` }));
  for (const mark of across.marks) {
    root.append(line(across.at(mark), 4, across.at(mark), foot, "grid"),
      line(left, up.at(mark), end, up.at(mark), "grid"),
      text(across.at(mark), foot + 18, markText(mark), { "text-anchor": "middle" }),
      text(left - 8, up.at(mark) + 4, markText(mark), { "text-anchor": "end" }));
  }
  root.append(line(left, foot, end, foot, "axis"), line(left, 4, left, foot, "axis"),
    line(left, foot, end, 4, "diagonal"),
    text(end, foot + 38, `${systems[x].name} →`, { "text-anchor": "end", class: "strong" }),
    text(-4, 14, `${systems[y].name} →`, { "text-anchor": "end", class: "strong", transform: "rotate(-90)" }),
    below ? text(end - 10, foot - 12, `${systems[y].name} better`, { "text-anchor": "end" })
      : text(left + 10, 22, `${systems[y].name} better`));
  const points = both.map((row) => ({ x: across.at(score(row, metric, x)), y: up.at(score(row, metric, y)), row }));
  root.append(svg("path", { class: "dots", d: dotPath(points), style: paint(y) }));
  const ahead = (one, two) => both.filter((r) => {
    const [here, there] = [score(r, metric, one), score(r, metric, two)];
    return metrics[metric].lower ? here < there : here > there;
  }).length;
  words.textContent = x === y ? "Choose two systems." : `${systems[y].name} is better on ${ahead(y, x)}, ` +
    `${systems[x].name} on ${ahead(x, y)} of ${plural(both.length, "picture")}.`;
  const told = (row, system) => `${systems[system].name}: ${withUnit(score(row, metric, system), metric)}`;
  answering(root, points, ({ row }) => `${rows[row].key}\n${told(row, x)}\n${told(row, y)}`,
    ({ row }) => open(metric, y, row));
  return root;
}

const DASHES = ["", "7 3", "2 3", "9 3 2 3"];
function spectra() {
  if (!report.curves.length) return;
  find("spectra").hidden = false;
  const look = (one, n) => {
    const system = systems.findIndex((other) => other.name === one.system);
    const color = system < 0 ? "stroke: var(--s7)" : paint(system);
    return { style: color, "stroke-dasharray": DASHES[n % DASHES.length] };
  };
  for (const { name, lines } of report.curves) {
    const drawn = chart((width) => curvePlot(name, lines, width, look));
    body("spectra").append(el("figure", {}, el("figcaption", {}, el("b", {}, name)), drawn,
      el("ul", { class: "legend" }, ...lines.map((one, n) => el("li", {},
        svg("svg", { width: 28, height: 8, "aria-hidden": "true" },
          svg("path", { d: "M0 4H28", class: "curve", ...look(one, n) })),
        one.system)))));
  }
}
function curvePlot(name, lines, width, look) {
  const [left, height] = [58, 260];
  const flat = (axis) => lines.flatMap((one) => one[axis].filter((value) => value != null));
  const ys = flat("y");
  const positive = ys.filter((value) => value > 0);
  const wide = positive.length === ys.length && Math.max(...positive) > 100 * Math.min(...positive);
  const across = scale(flat("x"), left, width - 8, width / 90, false);
  const up = scale(ys, height, 8, 5, wide);
  const root = svg("svg", { width, height: height + 26, tabindex: 0, role: "group", "aria-label":
    `${name} of ${lines.map((one) => one.system).join(", ")}. ${ARROWS}` });
  for (const mark of across.marks) root.append(line(across.at(mark), 8, across.at(mark), height, "grid"),
    text(across.at(mark), height + 18, markText(mark), { "text-anchor": "middle" }));
  for (const mark of up.marks) root.append(line(left, up.at(mark), width - 8, up.at(mark), "grid"),
    text(left - 8, up.at(mark) + 4, markText(mark), { "text-anchor": "end" }));
  root.append(line(left, height, width - 8, height, "axis"));
  const points = [];
  lines.forEach((one, n) => {
    const known = one.x.map((value, place) => [value, one.y[place]]).filter((pair) => !pair.includes(null));
    const here = known.map(([value, other]) =>
      ({ x: across.at(value), y: up.at(other), value, other, system: one.system }));
    const path = here.map(({ x, y }, k) => `${k ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
    points.push(...here);
    root.append(svg("path", { class: "curve", d: path, ...look(one, n) }));
  });
  answering(root, points, ({ system, value, other }) => `${system}\n${markText(value)}: ${markText(other)}`, null);
  return root;
}
