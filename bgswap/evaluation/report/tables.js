// The page's head and its tables: means with intervals, pairs, worst pictures.

function head() {
  const names = metrics.map((one) => one.name).join(", ");
  const compared = systems.filter((one) => !one.baseline).length;
  const baselines = systems.length - compared;
  find("facts").append(
    `${plural(rows.length, "picture")}, ${plural(compared, "system")}` +
    `${baselines ? ` and ${plural(baselines, "baseline")}` : ""}, measured by ${names || "nothing"}.`);
  if (report.failed.length) {
    find("failed").append(el("details", { open: report.failed.length <= 5 },
      el("summary", {}, `⚠ ${plural(report.failed.length, "picture")} could not be measured`),
      el("ul", {}, ...report.failed.map((one) => el("li", {}, one)))));
  }
  if (report.notes.length) find("notes").append(el("ul", {}, ...report.notes.map((one) => el("li", {}, one))));
}

function metricHead(metric) {
  const { name, unit, about } = metrics[metric];
  return el("th", { scope: "col", title: about },
    el("b", {}, name), " ", el("span", { role: "img", "aria-label": wayWords(metric) }, arrow(metric)),
    el("br"), el("small", {}, unit || "\u00a0"));
}
function interval({ low, high }, metric) {
  if (low == null) return null;
  return el("small", {}, `${say(low, metric)} ${low < 0 ? "to" : "–"} ${say(high, metric)}`); // no dash before a minus
}
function meanCell(one, top, metric, total) {
  if (!one || one.mean == null) return el("td", {}, NONE);
  const isBest = top != null && one.mean === top;
  const mean = el("span", { class: isBest ? "best hang" : "hang" }, say(one.mean, metric), " ");
  mean.append(isBest ? star() : el("span", { class: "star", "aria-hidden": "true" }, "\u2003"));
  const spread = interval(one, metric);
  const middle = one.median == null ? null : el("small", {}, `median ${say(one.median, metric)}`);
  const fewer = one.count < total ? el("small", {}, `of ${one.count} pictures`) : null;
  const words = `mean ${withUnit(one.mean, metric)} of ${plural(one.count, "picture")}, ` +
    `median ${say(one.median, metric)}`;
  return el("td", { title: words }, mean, spread, middle, fewer);
}
function scoreTable(group, total, words) {
  const here = report.summaries.filter((one) => one.group === group);
  const shown = metrics.map((_, n) => n).filter((n) => here.some((one) => one.metric === n));
  const at = (system, metric) => here.find((one) => one.system === system && one.metric === metric);
  const tops = new Map(shown.map((m) => [m, best(systems.map((_, s) => at(s, m)?.mean), m)]));
  const part = (baseline) => {
    const members = systems.map((_, n) => n).filter((n) => systems[n].baseline === baseline);
    return members.length === 0 ? null : el("tbody", { class: baseline ? "baselines" : "systems" },
      ...members.map((s) => el("tr", {},
        el("th", { scope: "row" }, systems[s].name, baseline ? el("small", {}, "baseline") : null),
        ...shown.map((m) => meanCell(at(s, m), tops.get(m), m, total)))));
  };
  return el("div", { class: "wide", tabindex: 0, role: "region", "aria-label": words },
    el("table", { class: "scores" },
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "system"), ...shown.map(metricHead))),
      part(true), part(false)));
}
function summaryTables() {
  body("summary").append(
    scoreTable("", rows.length, "Summary of all pictures"),
    el("p", { class: "quiet" }, el("small", {},
      "Mean over pictures, its 95 % bootstrap interval, median. ↓ lower, ↑ higher is better; ★ the best mean.")));
  const split = report.groups.filter((one) => one.name !== "");
  if (!report.by || !split.length) return;
  find("groups").hidden = false;
  find("groups-head").textContent = `By ${report.by}`;
  for (const { name, count } of split) {
    body("groups").append(el("div", { class: "group" },
      el("h3", {}, `${name} `, el("small", {}, plural(count, "picture"))),
      scoreTable(name, count, `Summary of ${name}`)));
  }
}

function paired() {
  if (systems.length < 2 || !byPicture.length) return;
  find("paired").hidden = false;
  const draw = (metric) => body("paired").replaceChildren(el("div", { class: "wide", tabindex: 0, role: "region",
    "aria-label": "Paired comparison" }, duelTable(Number(metric))));
  find("paired").querySelector(".controls").append(choice("metric", metricOptions(), byPicture[0], draw).label);
  draw(byPicture[0]);
}
function duelTable(metric) {
  const lines = report.duels.filter((one) => one.metric === metric).map((one) => {
    const bar = el("span", { class: "duel", "aria-hidden": "true" });
    for (const count of [one.wins, one.ties, one.losses]) {
      const piece = el("i");
      piece.style.flexGrow = count;
      bar.append(piece);
    }
    const [first, second] = [systems[one.first].name, systems[one.second].name];
    let verdict = "no clear difference";
    if (one.low == null) verdict = NONE;
    else if (one.high < 0) verdict = `${metrics[metric].lower ? first : second} is better`;
    else if (one.low > 0) verdict = `${metrics[metric].lower ? second : first} is better`;
    return el("tr", {}, el("th", { scope: "row" }, first, el("small", {}, `against ${second}`)), el("td", {}, bar),
      ...[one.wins, one.ties, one.losses].map((count) => el("td", {}, String(count))),
      el("td", {}, say(one.difference, metric), interval(one, metric)),
      el("td", {}, verdict));
  });
  const heads = ["system", "", "wins", "ties", "losses", "mean difference", "by the interval"];
  return el("table", {},
    el("thead", {}, el("tr", {}, ...heads.map((text, n) => el("th", { scope: "col" }, text,
      n === 5 && metrics[metric].unit ? el("small", {}, ` ${metrics[metric].unit}`) : null)))),
    el("tbody", {}, ...lines));
}

function picture(row, column, alternative) {
  const place = rows[row].pictures[column];
  if (place == null) return el("span", { class: "blank", "aria-hidden": "true" });
  return el("img", { src: images[place], alt: alternative, decoding: "async", draggable: "false" });
}
function worst() {
  if (!byPicture.length || !rows.length) return;
  find("worst").hidden = false;
  const draw = (value) => {
    const metric = Number(value);
    body("worst").replaceChildren(el("div", { class: "cards" }, ...systems.map((one, system) => el("div", {},
      el("h3", {}, one.name),
      el("ol", {}, ...report.worst[metric][system].map((row) => el("li", {}, worstLink(row, metric, system))))))));
  };
  find("worst").querySelector(".controls").append(choice("metric", metricOptions(), byPicture[0], draw).label);
  draw(byPicture[0]);
}
function worstLink(row, metric, system) {
  const link = el("a", { href: `#picture-${row}`, title: rows[row].key }, picture(row, system + 1, ""),
    el("span", { class: "name" }, rows[row].key), el("span", {}, say(score(row, metric, system), metric)));
  link.addEventListener("click", () => orderBy(metric, system)); // so that "next" is the next worst
  return link;
}
