const study = JSON.parse(document.getElementById("data").textContent);
const by = (id) => document.getElementById(id);
const pairs = study.kind === "pairs";
const PICKS = 3;
const ZOOM = 2.5;
const STORE = `bgswap-study-${study.study}`;
const CHOICES = ["left", "right", "tie"];
const RANKS = ["1st", "2nd", "3rd"];

// What is kept: who answers, and all answers in order. Which question comes next follows from these.
let state = { rater: "", answers: [] };
let order = [];     // questions in this rater's order
let picks = [];     // of top3: places picked so far
let since = 0;      // when the pictures were first seen
let ready = false;  // pictures are shown, a choice may be made
let unsaved = false;

// ---- what is kept over a reload; some browsers refuse it to pages from disk ----

function load() {
  try {
    const kept = JSON.parse(localStorage.getItem(STORE));
    if (kept && typeof kept.rater === "string" && kept.rater && Array.isArray(kept.answers)) state = kept;
  } catch { /* then a reload starts anew */ }
}

function keep() {
  try {
    localStorage.setItem(STORE, JSON.stringify(state));
  } catch { /* as above; leaving the page is then asked about */ }
}

function kept() {
  try {
    return localStorage.getItem(STORE) === JSON.stringify(state);
  } catch {
    return false;
  }
}

// ---- the order of questions: another for every rater, the same after a reload ----

function shuffled(list, word) {
  let seed = 2166136261;
  for (const letter of word) seed = Math.imul(seed ^ letter.codePointAt(0), 16777619);
  const random = () => {
    seed = (seed + 0x9e3779b9) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 4294967296;
  };
  const mixed = [...list];
  for (let last = mixed.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [mixed[last], mixed[other]] = [mixed[other], mixed[last]];
  }
  return mixed;
}

// ---- building elements; words are always text ----

function make(kind, properties = {}, ...children) {
  const element = Object.assign(document.createElement(kind), properties);
  element.append(...children);
  return element;
}

function withKey(words, key) {
  return [words, " ", make("kbd", { textContent: key })];
}

function show(id) {
  for (const name of ["welcome", "asking", "done"]) by(name).hidden = name !== id;
}

// ---- welcome ----

function welcome() {
  show("welcome");
  const count = study.questions.length;
  by("explain").textContent = pairs
    ? `You will see ${count} pairs of pictures. Choose the one that fits the question better, at first sight.`
    : `You will see ${count} sets of pictures. Pick the best three of each: first, second, third.`;
  const lines = pairs
    ? [["← →", "or a click: the left, the right picture"], ["↓", "cannot tell"]]
    : [["1 … 9", "or a click: pick a picture, or take the pick back"], ["Enter", "go on"]];
  lines.push(["Space", "look closer, where the mouse is"], ["U", "undo"]);
  by("keys").replaceChildren(
    ...lines.map(([key, words]) => make("li", {}, make("kbd", { textContent: key }), ` ${words}`)));
  by("rater").value = "";
  by("rater").focus();
}

by("start").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = by("rater").value.replace(/[\p{C}\s]+/gu, " ").trim();
  const number = crypto.getRandomValues(new Uint32Array(1))[0].toString(16).padStart(8, "0");
  state = { rater: name || `rater-${number}`, answers: [] };
  keep();
  begin();
});

function begin() {
  order = shuffled(study.questions, study.study + state.rater);
  const known = new Set(order.map((question) => question.id));
  state.answers = state.answers.filter((answer) => answer && known.has(answer.question) && sound(answer));
  ask();
}

function sound({ choice, picks: places }) {
  return pairs ? CHOICES.includes(choice) : Array.isArray(places) && places.length === PICKS;
}

// ---- asking ----

function current() {
  const answered = new Set(state.answers.map((answer) => answer.question));
  return order.find((question) => !answered.has(question.id));
}

function ask() {
  const question = current();
  if (!question) return finish();
  picks = [];
  wait(true);
  show("asking");
  zoom(false);
  const count = state.answers.length;
  by("count").textContent = `${count + 1} of ${order.length}`;
  by("progress").value = count / order.length;
  by("undo").disabled = count === 0;
  by("save").disabled = count === 0;
  const images = (pairs ? askPair : askThree)(question);
  by("stage").focus({ preventScroll: true });
  Promise.allSettled(images.map((image) => image.decode())).then(() => {
    if (current() !== question) return;
    since = performance.now();
    wait(false);
    preload();
  });
}

function wait(busy) {
  ready = !busy;
  by("pictures").setAttribute("aria-busy", String(busy));
}

function picture(id, words) {
  return make("img", { src: study.pictures[id], alt: words, draggable: false });
}

function preload() {
  const answered = new Set([...state.answers.map((answer) => answer.question), current().id]);
  const next = order.find((question) => !answered.has(question.id));
  for (const id of next ? [next.foreground, ...next.shown] : []) if (id) picture(id, "").decode().catch(() => {});
}

function askPair(question) {
  const sides = [["Left", "←"], ["Right", "→"]];
  const images = question.shown.map((id, side) => picture(id, `${sides[side][0]} picture`));
  const figures = images.map((image, side) => {
    const choose = (event) => event.detail < 2 && answerPair(CHOICES[side]);
    const frame = make("button", { className: "frame", type: "button", tabIndex: -1, onclick: choose }, image);
    const button = make("button", { type: "button", onclick: choose }, ...withKey("This one", sides[side][1]));
    button.setAttribute("aria-label", `This one: ${sides[side][0].toLowerCase()}`);
    return make("figure", {}, frame, button);
  });
  const tie = make("button", { type: "button", id: "tie" }, ...withKey("Cannot tell", "↓"));
  tie.onclick = (event) => event.detail < 2 && answerPair("tie");
  by("pictures").replaceChildren(...figures);
  by("foot").replaceChildren(tie);
  fit();
  images[0].decode().then(fit, () => {});
  return images;
}

function answerPair(choice) {
  if (!ready) return;
  record({ choice });
}

function askThree(question) {
  const images = question.shown.map((id, place) => picture(id, `Result ${place + 1}`));
  const figures = images.map((image, place) => {
    const frame = make("button", { className: "frame", type: "button" }, image);
    frame.onclick = (event) => {
      if (event.detail > 1) return;  // the second half of a double click
      if (event.detail) by("stage").focus({ preventScroll: true });  // after the mouse, Space means zoom
      pick(place);
    };
    return make("figure", {}, frame, make("figcaption", { className: "soft", textContent: String(place + 1) }));
  });
  if (question.foreground) {
    const given = picture(question.foreground, "Foreground");
    const caption = make("figcaption", { className: "soft", textContent: "foreground" });
    figures.unshift(make("figure", {}, make("div", { className: "frame" }, given), caption));
    images.push(given);
  }
  const next = make("button", { type: "button", id: "next", className: "main" }, ...withKey("Go on", "Enter"));
  next.onclick = (event) => event.detail < 2 && goOn();
  const told = make("p", { id: "told", className: "soft" });
  told.setAttribute("aria-live", "polite");
  by("pictures").replaceChildren(...figures);
  by("foot").replaceChildren(told, next);
  fit();
  images[0].decode().then(fit, () => {});
  showPicks();
  return images;
}

function pick(place) {
  if (!ready || place >= current().shown.length) return;
  if (picks.includes(place)) picks = picks.filter((one) => one !== place);
  else if (picks.length < PICKS) picks.push(place);
  showPicks();
}

function showPicks() {
  document.querySelectorAll("button.frame").forEach((frame, place) => {
    const rank = picks.indexOf(place);
    frame.querySelector(".place")?.remove();
    frame.classList.toggle("picked", rank >= 0);
    frame.setAttribute("aria-pressed", String(rank >= 0));
    if (rank >= 0) frame.append(make("span", { className: "place", textContent: RANKS[rank] }));
  });
  by("next").disabled = picks.length < PICKS;
  const wanted = ["Pick the best", "Pick the second best", "Pick the third best"];
  by("told").textContent = wanted[picks.length] ?? "Three are picked";
  by("undo").disabled = !picks.length && !state.answers.length;
}

function goOn() {
  if (ready && picks.length === PICKS) record({ picks });
}

function record(given) {
  const question = current();
  state.answers.push({ question: question.id, ...given, milliseconds: Math.round(performance.now() - since) });
  unsaved = true;
  keep();
  ask();
}

function undo() {
  if (!by("asking").hidden && picks.length) {
    picks.pop();
    showPicks();
  } else if (state.answers.length) {
    state.answers.pop();  // its question is then the first without an answer
    unsaved = true;
    keep();
    ask();
  }
}

// ---- the largest pictures that fit, all of one size, in as many columns as that takes ----

function fit() {
  const stage = by("pictures");
  const count = stage.children.length;
  const image = stage.lastElementChild?.querySelector("img");
  if (!image) return;
  const aspect = (image.naturalWidth || 1) / (image.naturalHeight || 1);
  const gap = Number.parseFloat(getComputedStyle(stage).rowGap);
  const below = pairs ? 52 : 30;  // pixels of the button or the number under a picture, its gap included
  let best = { columns: 1, wide: 0 };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const high = (stage.clientHeight - 8 - gap * (rows - 1)) / rows - below;  // 8: the frames' outlines
    const wide = Math.floor(Math.min((stage.clientWidth - 8 - gap * (columns - 1)) / columns, high * aspect));
    if (wide > best.wide) best = { columns, wide };
  }
  stage.style.setProperty("--columns", best.columns);
  stage.style.setProperty("--wide", `${best.wide}px`);
  stage.style.setProperty("--high", `${Math.round(best.wide / aspect)}px`);
}

addEventListener("resize", fit);

// ---- looking closer: all pictures at the same spot ----

function zoom(on) {
  by("pictures").classList.toggle("zoomed", on);
  by("pictures").style.setProperty("--zoom", ZOOM);
  by("zoom").setAttribute("aria-pressed", String(on));
}

by("pictures").addEventListener("pointermove", (event) => {
  const frame = event.target.closest(".frame");
  if (!frame) return;
  const box = frame.getBoundingClientRect();
  by("pictures").style.setProperty("--x", `${((event.clientX - box.left) / box.width) * 100}%`);
  by("pictures").style.setProperty("--y", `${((event.clientY - box.top) / box.height) * 100}%`);
});

by("zoom").onclick = () => zoom(by("zoom").getAttribute("aria-pressed") !== "true");
by("undo").onclick = undo;
by("back").onclick = undo;

addEventListener("keydown", (event) => {
  const writing = event.target.tagName === "INPUT";
  const onButton = event.target.tagName === "BUTTON" && (event.key === " " || event.key === "Enter");
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || writing || onButton) return;
  if (!by("welcome").hidden) return;
  if (event.key.toLowerCase() === "u") return undo();
  if (by("asking").hidden) return;
  const number = Number.parseInt(event.key, 10);
  const sides = { ArrowLeft: "left", ArrowRight: "right", ArrowDown: "tie", 1: "left", 2: "right", 3: "tie" };
  if (event.key === " ") by("zoom").click();
  else if (pairs && sides[event.key]) answerPair(sides[event.key]);
  else if (!pairs && number) pick(number - 1);
  else if (!pairs && event.key === "Enter") goOn();
  else return;
  event.preventDefault();
});

// ---- done ----

function finish() {
  show("done");
  by("summary").textContent = `All ${order.length} ${pairs ? "pairs" : "sets"} are answered, as “${state.rater}”.`;
  by("next-rater").disabled = true;
  by("saved").textContent = "";
  by("done").querySelector("h1").focus();
}

function table() {
  const head = pairs
    ? ["study", "rater", "pair", "left", "right", "choice", "milliseconds"]
    : ["study", "rater", "set", "first", "second", "third", "milliseconds"];
  const shown = new Map(study.questions.map((question) => [question.id, question.shown]));
  const lines = state.answers.map((answer) => {
    const pictures = shown.get(answer.question);
    const given = pairs ? [...pictures, answer.choice] : answer.picks.map((place) => pictures[place]);
    return [study.study, state.rater, answer.question, ...given, answer.milliseconds];
  });
  const cell = (value) => (/[",\r\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
  return [head, ...lines].map((line) => `${line.map(cell).join(",")}\r\n`).join("");
}

function download() {
  const address = URL.createObjectURL(new Blob([table()], { type: "text/csv" }));
  const name = state.rater.replace(/[^\p{L}\p{N}_-]+/gu, "-");
  make("a", { href: address, download: `answers-${study.study}-${name}.csv` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60000);
  unsaved = false;
  by("saved").textContent = "Saved where your browser puts downloads.";
  by("next-rater").disabled = false;
}

by("save").onclick = download;
by("download").onclick = download;
by("next-rater").onclick = () => {
  state = { rater: "", answers: [] };
  try {
    localStorage.removeItem(STORE);
  } catch { /* nothing was kept */ }
  welcome();
};
addEventListener("beforeunload", (event) => {
  if (unsaved && !kept()) event.preventDefault();
});

load();
if (state.rater) begin();
else welcome();
