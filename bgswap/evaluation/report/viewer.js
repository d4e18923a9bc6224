// The viewer: all columns side by side, one zoom.

const GAIN = 255 / 64; // a difference of 64 levels is full white
const MOST = 32; // times
const STEP = 1.5; // of a key or button
const view = { row: -1, panes: [], zoom: 1, x: 0, y: 0, port: [1, 1], size: [1, 1], outline: false, difference: false };
const viewer = find("viewer");
const panes = find("panes");

function show(row) {
  if (!order.list.includes(row)) { order.words = controls.words.value = ""; relist(); }
  view.row = row;
  const { key, fields, size } = rows[row];
  find("shown").textContent = key;
  find("position").textContent = `${order.list.indexOf(row) + 1} of ${order.list.length}`;
  const facts = Object.entries(fields).map(([name, value]) => `${name} ${value}`);
  if (size[0]) facts.unshift(`measured at ${size[1]} × ${size[0]}`);
  find("about").textContent = facts.join("  ·  ");
  fillPanes(row);
  if (!viewer.open) viewer.showModal();
  document.title = `${key} · ${title}`;
  fit();
  toggles();
}
const title = document.title;

const isSystem = (column) => column > 0 && column < columns.length - 1;
function fillPanes(row) {
  const shown = rows[row].pictures;
  const wanted = columns.map((_, n) => n).filter((n) => shown[n] != null || (isSystem(n) && !systems[n - 1].baseline));
  // the do-nothing row is the input itself: one pane, not two
  const same = wanted.find((n) => isSystem(n) && systems[n - 1].baseline && shown[n] != null && shown[n] === shown[0]);
  view.panes = wanted.filter((n) => n !== same).map((column) => pane(row, column, column === 0 ? same : undefined));
  panes.replaceChildren(...view.panes.map((one) => one.figure));
  const first = view.panes.map((one) => one.image).find(Boolean);
  const given = () => [first?.naturalWidth || rows[row].size[1] || 1, first?.naturalHeight || rows[row].size[0] || 1];
  view.picture = given();
  first?.addEventListener("load", () => {
    if (view.row !== row) return;
    view.picture = given();
    layout();
  });
}
function pane(row, column, same) {
  const system = same ?? column;
  const name = same == null ? columns[column] : `${columns[column]} (${columns[same]})`;
  const there = rows[row].pictures[column] != null;
  const image = there ? picture(row, column, `${columns[column]} of ${rows[row].key}`) : null;
  const port = el("div", { class: "port" });
  const layer = el("div", { class: "layer" });
  if (image) {
    layer.append(image);
    port.append(layer);
  } else port.append(el("span", {}, "no picture"));
  const scores = el("div", { class: "values" }, ...(isSystem(system) ? values(row, system - 1) : []));
  const figure = el("figure", { "data-column": columns[column] },
    el("figcaption", {}, el("b", { title: name }, name), scores), port);
  listen(port);
  return { figure, port, layer, image, column };
}
function values(row, system) {
  const listed = [...byPicture].sort((a, b) => (b === order.metric) - (a === order.metric) || a - b);
  return listed.map((metric) => {
    const value = score(row, metric, system);
    const isBest = value != null && value === best(systems.map((_, s) => score(row, metric, s)), metric);
    const number = isBest ? el("b", { class: "best" }, say(value, metric)) : say(value, metric);
    return el("span", { class: metric === order.metric ? "chosen" : null, title: metrics[metric].about },
      `${metrics[metric].name} `, number, isBest ? star() : null);
  });
}

// As many columns as make the pictures largest; all panes have one size, so that one offset moves them all.
function layout() {
  if (!viewer.open || !view.panes.length) return;
  const count = view.panes.length;
  const [wide, high] = view.picture;
  const [width, height, gap, caption] = [panes.clientWidth, panes.clientHeight, 12, 52];
  let top = 0;
  let across = 1;
  for (let n = 1; n <= count; n++) {
    const down = Math.ceil(count / n);
    const room = Math.min((width - gap * (n - 1)) / n / wide, ((height - gap * (down - 1)) / down - caption) / high);
    if (room > top) [top, across] = [room, n];
  }
  panes.style.gridTemplateColumns = `repeat(${across}, minmax(0, 1fr))`;
  panes.style.gridTemplateRows = `repeat(${Math.ceil(count / across)}, auto minmax(0, 1fr))`;
  const ports = view.panes.map((one) => one.port);
  view.port = [Math.min(...ports.map((one) => one.clientWidth)), Math.min(...ports.map((one) => one.clientHeight))];
  const share = Math.min(view.port[0] / wide, view.port[1] / high);
  view.size = [wide * share, high * share];
  place();
}
function place() {
  view.x = within(view.x, 0);
  view.y = within(view.y, 1);
  const set = (name, value) => panes.style.setProperty(name, value);
  set("--w", `${view.size[0]}px`);
  set("--h", `${view.size[1]}px`);
  set("--x", `${view.x}px`);
  set("--y", `${view.y}px`);
  set("--zoom", view.zoom);
  panes.classList.toggle("coarse", view.size[0] * view.zoom / view.picture[0] > 4); // one looks for pixels then
  find("fit").textContent = view.zoom === 1 ? "fit" : `${Math.round(view.zoom * 100)} %`;
}
// A picture smaller than its pane stands in the middle, a larger one leaves no gap.
function within(offset, axis) {
  const room = view.port[axis] - view.size[axis] * view.zoom;
  return room >= 0 ? room / 2 : Math.min(0, Math.max(room, offset));
}
function zoomBy(factor, x = view.port[0] / 2, y = view.port[1] / 2) {
  const zoom = Math.min(MOST, Math.max(1, view.zoom * factor));
  view.x = x - (x - view.x) * zoom / view.zoom;
  view.y = y - (y - view.y) * zoom / view.zoom;
  view.zoom = zoom;
  place();
}
function fit() {
  view.zoom = 1;
  layout();
}
function pan(x, y) {
  view.x += x;
  view.y += y;
  place();
}
function listen(port) {
  const held = new Map();
  const at = (event) => {
    const box = port.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  port.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoomBy(Math.exp(-event.deltaY * (event.deltaMode ? .05 : .0016)), ...at(event));
  }, { passive: false });
  port.addEventListener("dblclick", (event) => (view.zoom > 1 ? fit() : zoomBy(4, ...at(event))));
  port.addEventListener("pointerdown", (event) => {
    port.setPointerCapture(event.pointerId);
    held.set(event.pointerId, at(event));
  });
  port.addEventListener("pointermove", (event) => {
    const before = held.get(event.pointerId);
    if (!before) return;
    const now = at(event);
    const other = [...held].find(([id]) => id !== event.pointerId)?.[1];
    held.set(event.pointerId, now);
    if (!other) return pan(now[0] - before[0], now[1] - before[1]);
    const away = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]) || 1;
    zoomBy(away(now) / away(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
  });
  for (const end of ["pointerup", "pointercancel"]) port.addEventListener(end, (event) => held.delete(event.pointerId));
}

// What can be laid over the pictures, drawn when first asked for.
function toggles() {
  const outline = rows[view.row].outline;
  const truth = view.panes.find((one) => one.column === columns.length - 1)?.image;
  const offer = (name, there, words, missing) => {
    const button = find(name);
    button.disabled = !there;
    button.setAttribute("aria-pressed", view[name] && there);
    button.title = there ? words : `There is ${missing} of this picture`;
  };
  offer("outline", outline.length > 0, "Outline of the mask (O)", "no mask");
  offer("difference", Boolean(truth), "Difference to the truth (D)", "no truth");
  find("legend").hidden = !(view.difference && truth);
  for (const one of view.panes) {
    if (!one.image) continue;
    if (view.outline && outline.length && !one.lines) one.layer.append(one.lines = outlines(outline));
    if (one.lines) one.lines.style.display = view.outline ? "" : "none";
    const comparable = one.image !== truth && (one.column > 0 || report.colors); // a photo is no matte
    if (view.difference && truth && comparable && !one.canvas) {
      one.canvas = el("canvas");
      one.image.after(one.canvas);
      difference(one.canvas, one.image, truth);
    }
    if (one.canvas) one.canvas.hidden = !view.difference;
  }
  layout();
}
function outlines(contours) {
  const step = (value, n) => (n % 2 ? " " : n ? "L" : "M") + value; // x y x y, thousandths
  const path = contours.map((points) => `${points.map(step).join("")}Z`).join("");
  return svg("svg", { viewBox: "0 0 1000 1000", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("path", { d: path, class: "under" }), svg("path", { d: path }));
}
async function difference(canvas, image, truth) {
  await Promise.all([image.decode(), truth.decode()]);
  const [width, height] = [truth.naturalWidth, truth.naturalHeight];
  Object.assign(canvas, { width, height });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const pixels = (one) => {
    pen.drawImage(one, 0, 0, width, height);
    return pen.getImageData(0, 0, width, height);
  };
  const here = pixels(image);
  const there = pixels(truth).data;
  for (let n = 0; n < there.length; n += 4) {
    const [r, g, b] = [here.data[n] - there[n], here.data[n + 1] - there[n + 1], here.data[n + 2] - there[n + 2]];
    const heat = (Math.abs(r) + Math.abs(g) + Math.abs(b)) * GAIN; // three times the mean: black, red, yellow, white
    here.data[n] = heat; // the array clamps to 0..255
    here.data[n + 1] = heat - 255;
    here.data[n + 2] = heat - 510;
    here.data[n + 3] = 255;
  }
  pen.putImageData(here, 0, 0);
  canvas.dataset.drawn = "";
}

function step(by) {
  const place = order.list.indexOf(view.row) + by;
  if (place < 0 || place >= order.list.length) return;
  history.replaceState(null, "", `#picture-${order.list[place]}`);
  show(order.list[place]);
}
function flip(name) {
  if (find(name).disabled) return;
  view[name] = !view[name];
  toggles();
}
const keys = {
  j: () => step(1), ArrowRight: () => step(1), k: () => step(-1), ArrowLeft: () => step(-1),
  "+": () => zoomBy(STEP), "=": () => zoomBy(STEP), "-": () => zoomBy(1 / STEP), 0: fit,
  o: () => flip("outline"), d: () => flip("difference"),
};
const moves = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (key === "?" && !find("help").open) find("help").showModal();
  else if (find("help").open) return;
  else if (viewer.open && event.shiftKey && moves[key]) pan(...moves[key].map((way, n) => way * view.port[n] / 8));
  else if (viewer.open && keys[key]) keys[key]();
  else if (!viewer.open && document.activeElement.matches(".cell") && /^(j|k|ArrowLeft|ArrowRight)$/.test(key)) {
    const item = document.activeElement.parentElement;
    const beside = /^(j|ArrowRight)$/.test(key) ? item.nextElementSibling : item.previousElementSibling;
    beside?.firstElementChild.focus();
  } else return;
  event.preventDefault();
}
// The address tells which picture is open, so that links, "back" and bookmarks work from disk.
function route() {
  const row = Number(/^#picture-(\d+)$/.exec(location.hash)?.[1] ?? -1);
  if (row >= 0 && row < rows.length) show(row);
  else if (viewer.open) viewer.close();
}
function viewing() {
  const help = () => find("help").showModal();
  const buttons = {
    previous: () => step(-1), next: () => step(1), in: () => zoomBy(STEP), out: () => zoomBy(1 / STEP), fit,
    outline: () => flip("outline"), difference: () => flip("difference"), close: () => viewer.close(),
    ask: help, "ask-too": help,
  };
  for (const [id, done] of Object.entries(buttons)) find(id).addEventListener("click", done);
  viewer.addEventListener("close", () => {
    document.title = title;
    if (location.hash.startsWith("#picture-")) history.replaceState(null, "", location.pathname + location.search);
    document.querySelector(`.cell[data-row="${view.row}"]`)?.focus({ preventScroll: true });
  });
  new ResizeObserver(layout).observe(panes);
  addEventListener("keydown", pressed);
  addEventListener("hashchange", route);
  route();
}
function theme() {
  const words = ["auto", "light", "dark"];
  let now = 0;
  find("theme").addEventListener("click", () => {
    now = (now + 1) % 3;
    if (now) document.documentElement.dataset.theme = words[now];
    else delete document.documentElement.dataset.theme;
    find("theme").lastElementChild.textContent = words[now];
  });
}
