// Runs as the body of gr.HTML's js_on_load, which brings: element, props, server, trigger, watch.
const LIVE_MS = 2000, QUIET_MS = 10000;
const MOST_CHOSEN = 2;
const PORTION = 60, NEAR_END_PX = 800; // rows are drawn as they are scrolled to: 500 at once take a second
const COLLATOR = new Intl.Collator("en", { numeric: true });
const COLUMNS = [
  { key: "title", name: "Run", of: (row) => row.title.toLowerCase() },
  { key: "state", name: "State", of: (row) => row.state },
  { key: "data", name: "Data", of: (row) => row.data },
  { key: "base", name: "Model", of: (row) => row.base },
  { key: "differs", name: "What differs", of: (row) => row.differs },
  { key: "best", name: "Best held-out loss", of: (row) => row.best, number: true },
  { key: "seconds", name: "Time", of: (row) => row.seconds, number: true },
  { key: "started", name: "Started", of: (row) => row.started, falling: true },
];
const SIGNS = { done: "✔", failed: "✖", interrupted: "▲", queued: "…", stopped: "■", paused: "‖" };

const find = (selector) => element.querySelector(selector);
const [filters, scroll, body, none, hint, empty] =
  [".filters", ".scroll", "tbody", ".none", ".hint", ".empty"].map(find);
const [words, ofState, ofTag, order, count] = [".find", ".of-state", ".of-tag", ".order", ".count"].map(find);
const lines = new Map(); // a run's id -> its <tr>, kept as long as the run is there

let rows = [];
let known = "";
let chosen = [];
let sorted = { key: "started", falling: true };
let timer;
let asking = false;
let drawn = PORTION; // rows at most
let found = []; // rows that fit, in order

// 0.57 * 100 is a little less than 57.
const percent = (share) => Math.floor(share * 100 + 1e-6);

function make(name, settings = {}, ...children) {
  const made = Object.assign(document.createElement(name), settings);
  made.append(...children);
  return made;
}

// ---- what is shown, and in which order

function fits(row) {
  const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  return (!ofState.value || row.state === ofState.value)
    && (!ofTag.value || row.tags.includes(ofTag.value))
    && wanted.every((word) => row.text.includes(word));
}

// What is not known stands last whichever way it is sorted; rows that are equal stay newest first.
function inOrder(found) {
  const { of } = COLUMNS.find(({ key }) => key === sorted.key);
  const way = sorted.falling ? -1 : 1;
  return [...found].sort((one, other) => {
    const [a, b] = [of(one), of(other)];
    if (a === b) return other.started - one.started;
    if (a === null || a === "") return 1;
    if (b === null || b === "") return -1;
    return way * (typeof a === "number" ? a - b : COLLATOR.compare(a, b));
  });
}

function show() {
  found = inOrder(rows.filter(fits));
  draw();
  if (rows.length) {
    none.hidden = found.length > 0;
    count.textContent = found.length === rows.length ? amount(rows.length) : `${found.length} of ${amount(rows.length)}`;
  }
}

// Rows that stay are not touched, so that nothing jumps and who works with keys stays where they are.
function draw() {
  let next = body.firstElementChild;
  for (const row of found.slice(0, drawn)) {
    const line = lineOf(row);
    if (line === next) next = next.nextElementSibling;
    else body.insertBefore(line, next);
  }
  while (next) {
    const gone = next;
    next = next.nextElementSibling;
    gone.remove();
  }
  keepOneTabStop(body.contains(document.activeElement) ? document.activeElement.closest("tr") : undefined);
}

function showAnew() {
  drawn = PORTION;
  scroll.scrollTop = 0;
  show();
}

function drawMore(least = PORTION) {
  if (drawn >= found.length) return;
  drawn += least;
  draw();
}

scroll.addEventListener("scroll", () => {
  if (scroll.scrollTop + scroll.clientHeight > scroll.scrollHeight - NEAR_END_PX) drawMore();
}, { passive: true });

const amount = (number) => `${number} run${number === 1 ? "" : "s"}`;

// ---- a row

function lineOf(row) {
  const written = JSON.stringify(row);
  let line = lines.get(row.id);
  if (!line) {
    const tick = make("input", { type: "checkbox", tabIndex: -1 });
    line = make("tr", {}, make("td", { className: "tick" }, tick));
    line.dataset.id = row.id;
    lines.set(row.id, line);
  }
  if (line.written !== written) {
    line.written = written;
    while (line.children.length > 1) line.lastChild.remove(); // the box stays, and with it whoever works with keys
    line.append(...cellsOf(row));
    line.querySelector("input").setAttribute("aria-label", `Open ${row.title}, ${row.when}`);
  }
  const isChosen = chosen.includes(row.id);
  line.classList.toggle("chosen", isChosen);
  line.querySelector("input").checked = isChosen;
  return line;
}

function cellsOf(row) {
  const name = make("th", { scope: "row", className: "title" }, make("span", { className: "name", textContent: row.title }));
  for (const tag of row.tags) name.append(" ", make("span", { className: "tag", textContent: tag }));
  if (row.note) name.append(make("span", { className: "note-line", textContent: row.note }));
  const state = make("td", { className: `state ${row.state}` });
  state.append(`${SIGNS[row.state] ?? "●"} ${row.state}${row.share === null ? "" : ` ${percent(row.share)} %`}`);
  const best = make("td", { className: "best number" }, row.best === null ? "" : row.best.toFixed(3));
  if (row.best_step !== null) best.append(make("span", { className: "at", textContent: ` at step ${row.best_step.toLocaleString("en")}` }));
  const cell = (key, text, more = "") => make("td", { className: `${key} ${more}`, textContent: text });
  return [
    name, state, cell("data", row.data), cell("base", row.base),
    make("td", { className: "differs", title: row.all }, make("span", { textContent: row.differs })),
    best, cell("seconds", row.time, "number"), cell("started", row.when),
  ];
}

// ---- choosing

function choose(ids) {
  chosen = ids;
  for (const [id, line] of lines) {
    line.classList.toggle("chosen", chosen.includes(id));
    line.querySelector("input").checked = chosen.includes(id);
  }
  trigger("click", { act: "choose", of: chosen.join(",") });
}

body.addEventListener("change", (event) => {
  const { id } = event.target.closest("tr").dataset;
  choose(event.target.checked ? [...chosen, id].slice(-MOST_CHOSEN) : chosen.filter((other) => other !== id));
});

body.addEventListener("click", (event) => {
  const line = event.target.closest("tr");
  if (!line || event.target.closest("input") || getSelection()?.toString()) return;
  if (event.target.closest("td.tick")) line.querySelector("input").click(); // a finger may miss the box itself
  else choose([line.dataset.id]);
});

body.addEventListener("keydown", (event) => {
  const line = event.target.closest("tr");
  if (event.key === "End") drawMore(found.length);
  if (event.key === "ArrowDown" && line === body.lastElementChild) drawMore();
  const to = {
    ArrowDown: line?.nextElementSibling, ArrowUp: line?.previousElementSibling,
    Home: body.firstElementChild, End: body.lastElementChild,
  }[event.key];
  if (event.key === "Enter" && line) choose([line.dataset.id]);
  else if (to) focusOn(to);
  else return;
  event.preventDefault();
});

body.addEventListener("focusin", (event) => keepOneTabStop(event.target.closest("tr")));

function focusOn(line) {
  line.querySelector("input").focus({ preventScroll: true });
  line.scrollIntoView({ block: "nearest" });
}

// Tab enters the table once, at the run that is open, and leaves it again.
function keepOneTabStop(line) {
  const stop = line ?? body.querySelector("tr.chosen") ?? body.firstElementChild;
  for (const each of body.querySelectorAll("input[tabindex='0']")) each.tabIndex = -1;
  if (stop) stop.querySelector("input").tabIndex = 0;
}

// ---- head and filters

function sortBy(key, falling) {
  sorted = { key, falling };
  for (const head of element.querySelectorAll("thead th[data-key]")) {
    const isIt = head.dataset.key === key;
    head.setAttribute("aria-sort", isIt ? (falling ? "descending" : "ascending") : "none");
  }
  order.value = `${key} ${falling}`;
  showAnew();
}

function buildHead() {
  const head = find("thead tr");
  head.append(make("td", { className: "tick" }));
  for (const { key, name, number, falling } of COLUMNS) {
    const button = make("button", { type: "button", textContent: name });
    button.addEventListener("click", () => sortBy(key, sorted.key === key ? !sorted.falling : Boolean(falling)));
    const cell = make("th", { scope: "col", className: `${key}${number ? " number" : ""}` }, button);
    cell.dataset.key = key;
    head.append(cell);
    const ways = { started: ["oldest first", "newest first"] }[key] ?? (number ? ["least first", "most first"] : ["A to Z", "Z to A"]);
    ways.forEach((way, falls) => order.append(new Option(`${name}, ${way}`, `${key} ${Boolean(falls)}`)));
  }
}

function fill(select, all, values) {
  const before = select.value;
  const wanted = ["", ...values];
  if (JSON.stringify(wanted) === JSON.stringify([...select.options].map(({ value }) => value))) return;
  select.replaceChildren(...wanted.map((value) => new Option(value || all, value)));
  select.value = wanted.includes(before) ? before : "";
}

words.addEventListener("input", showAnew);
ofState.addEventListener("change", showAnew);
ofTag.addEventListener("change", showAnew);
order.addEventListener("change", () => {
  const [key, falling] = order.value.split(" ");
  sortBy(key, falling === "true");
});
find(".all").addEventListener("click", () => {
  words.value = ofState.value = ofTag.value = "";
  showAnew();
  words.focus();
});

// ---- from the studio

function take(come) {
  const before = new Map(rows.map((row) => [row.id, row]));
  rows = come.rows;
  known = come.known;
  for (const row of rows)
    row.text ??= [row.title, ...row.tags, row.note, row.state, row.data, row.base, row.all].join("\n").toLowerCase();
  const there = new Set(rows.map(({ id }) => id));
  for (const id of [...lines.keys()].filter((id) => !there.has(id))) lines.delete(id);
  fill(ofState, "any", [...new Set(rows.map(({ state }) => state))].sort());
  fill(ofTag, "any", [...new Set(rows.flatMap(({ tags }) => tags))].sort());
  for (const each of [filters, scroll, hint]) each.hidden = !rows.length;
  empty.hidden = rows.length > 0;
  return before;
}

// A choice of two stays; else the studio's wish counts, which is the run that the person was at.
function adopt() {
  const come = JSON.parse(props.value || "null");
  if (!come) return;
  take(come);
  const there = chosen.filter((id) => rows.some((row) => row.id === id));
  const wish = come.chosen.filter((id) => rows.some((row) => row.id === id));
  const before = chosen;
  chosen = there.length === MOST_CHOSEN || !wish.length ? there : wish;
  show();
  if (chosen.join() !== before.join()) bringIntoView(chosen[0]);
  if (chosen.join() !== come.chosen.join()) choose(chosen);
  later();
}

// Within the table's own box: the page itself does not move.
function bringIntoView(id) {
  const place = found.findIndex((row) => row.id === id);
  if (place < 0) return;
  if (place >= drawn) drawMore(place + 1 - drawn + PORTION);
  const line = lines.get(id);
  const head = find("thead").offsetHeight;
  const [top, bottom] = [line.offsetTop - head, line.offsetTop + line.offsetHeight];
  if (top < scroll.scrollTop || bottom > scroll.scrollTop + scroll.clientHeight) scroll.scrollTop = top;
}

async function look() {
  if (asking || document.hidden || !element.isConnected || !element.offsetWidth) return later();
  asking = true;
  try {
    const come = await server.read_runs(known);
    if (come?.rows) {
      const before = take(come);
      show();
      const moved = chosen.filter((id) => before.get(id)?.moment !== rows.find((row) => row.id === id)?.moment);
      if (moved.length) trigger("click", { act: "look", of: chosen.join(",") });
    }
  } finally {
    asking = false;
    later();
  }
}

function later() {
  clearTimeout(timer);
  if (element.isConnected) timer = setTimeout(look, rows.some(({ live }) => live) ? LIVE_MS : QUIET_MS);
}

buildHead();
sortBy(sorted.key, sorted.falling);
watch("value", adopt);
document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
adopt();
