// Runs as the body of gr.HTML's js_on_load, which brings: element, props, server, watch.
const TICK_MS = 2000;
const MAX_DRAWN = 4000; // a curve that grew longer than this is thinned again by the studio
const MAX_COMPARED = 4;

const plot = element.querySelector(".plot");
const empty = element.querySelector(".empty");
const load = element.querySelector(".load");
const wholeButton = element.querySelector(".whole");
const below = element.querySelector(".below");
const choice = element.querySelector(".quantity");

let runs = []; // the watched one and those it is compared with: {id, name, cursor, live}
let marks = []; // of the watched one, as are these
let now = {};
let shown = ""; // which quantity is drawn below the loss,
let wish = ""; // and which the person chose, whether or not this run has it
let lacking = false; // what is drawn is not yet what is asked for
let stale = false; // the colours or the size have changed since it was drawn
let reading = false;
let timer;

const isVisible = () => !document.hidden && plot.offsetWidth > 0;
const quantity = () => props.quantities.find(({ key }) => key === choice.value);
const nameOf = ({ id, name }) => name ?? id;
const begun = (id) => ({ id, name: undefined, cursor: 0, live: true });

function wanted() {
  const [main, ...others] = String(props.value ?? "").split("|").map((part) => part.split("#")[0].trim());
  if (!main) return [];
  return [main, ...new Set(others.filter((id) => id && id !== main))].slice(0, 1 + MAX_COMPARED);
}

// Take up what is to be shown now; lines that stay are not read again.
function follow() {
  const ids = wanted();
  if (ids[0] !== runs[0]?.id) {
    clear();
    runs = ids.map(begun);
    lacking = runs.length > 0;
  } else if (ids.join() !== runs.map(({ id }) => id).join()) {
    runs = [...runs.slice(0, 1), ...ids.slice(1).map(begun)];
    lacking = true;
  }
  if (choice.value !== shown) {
    shown = choice.value;
    if (runs.length) runs[0].cursor = 0;
  }
}

function linePoints({ train, heldout }, place) {
  const losses = [{ x: train.step, y: train.smooth }, { x: heldout.step, y: heldout.loss }];
  if (place) return new Map(losses.map((points, line) => [OTHERS + 2 * (place - 1) + line, points]));
  const { scale } = quantity() ?? {};
  const values = shown && train[shown] ? train[shown].map((value) => (value === null ? null : value * scale)) : [];
  const drawn = values.some((value) => value !== null) ? { x: train.step, y: values } : { x: [], y: [] };
  return new Map([[RAW, { x: train.step, y: train.loss }], [SMOOTH, losses[0]], [HELDOUT, losses[1]], [EXTRA, drawn]]);
}

const nothing = () => ({ x: [], y: [] });
// Plotly appends to the very lists that it was given.
const copied = ({ x, y, ...more }) => ({ ...more, x: [...x], y: [...y] });

async function draw(points) {
  await loadPlotly();
  const known = plot.data ?? [];
  const data = lines().map((line, place) => {
    const { x, y, customdata } = known[place]?.meta === line.meta ? known[place] : nothing();
    return { ...line, x, y, ...(customdata ? { customdata } : {}), ...(points.has(place) ? copied(points.get(place)) : {}) };
  });
  Object.entries(markPoints(marks, data[RAW], data[HELDOUT])).forEach(([place, found]) => Object.assign(data[place], found));
  const first = !plot.data;
  await Plotly.react(plot, data, layout(data), { displayModeBar: false, responsive: false, doubleClick: "reset" });
  if (first) plot.on("plotly_relayout", (change) => changesAxis(change) && label());
  lacking = false;
}

async function extend(points) {
  const grown = [...points].filter(([, { x }]) => x.length);
  if (!grown.length) return;
  const [places, lists] = [grown.map(([place]) => place), grown.map(([, found]) => found)];
  await Plotly.extendTraces(plot, { x: lists.map(({ x }) => x), y: lists.map(({ y }) => y) }, places);
}

async function redrawMarks() {
  const found = markPoints(marks, plot.data[RAW], plot.data[HELDOUT]);
  const lists = Object.values(found);
  const change = { x: lists.map(({ x }) => x), y: lists.map(({ y }) => y), customdata: lists.map((list) => list.customdata) };
  await Plotly.restyle(plot, change, Object.keys(found).map(Number));
}

const changesAxis = (change) => Object.keys(change).some((key) => /^[xy]axis/.test(key));

function label() {
  const axes = plot._fullLayout;
  wholeButton.hidden = axes.xaxis.autorange && axes.yaxis.autorange && (!quantity() || axes.yaxis2.autorange);
  return Plotly.relayout(plot, { annotations: [...endLabels(axes), ...markLabels(marks, axes)] });
}

function describe() {
  const has = (place) => plot.data?.[place]?.x.length > 0;
  const parts = [SMOOTH, HELDOUT].filter(has).map((place) => {
    const { x, y, name } = plot.data[place];
    return `${name} ${digits(lastOf(y))} at step ${lastOf(x)}`;
  });
  empty.hidden = Boolean(plot.data?.some(({ x }) => x.length));
  plot.setAttribute("aria-label", parts.length
    ? `Loss curve: ${[...parts, ...describeMarks(marks)].join(", ")}` : "Loss curve, empty");
  offer();
  plot.classList.toggle("two", Boolean(quantity()) && parts.length > 0);
  const words = {
    memory_bytes: (gigabytes) => `memory ${gigabytes.toFixed(1)} GB`, utilisation: (share) => `${share.toFixed()} % busy`,
    temperature_c: (degrees) => `${degrees.toFixed()} °C`, power_w: (watts) => `${watts.toFixed()} W`,
  };
  const scaleOf = (key) => props.quantities.find((known) => known.key === key).scale;
  const said = Object.keys(words).filter((key) => key in now).map((key) => words[key](now[key] * scaleOf(key)));
  if ("kwh" in now) said.push(`${digits(now.kwh)} kWh so far`);
  load.textContent = said.map((part) => part.replaceAll(" ", "\u00a0")).join("\u00a0· ");
  load.hidden = !said.length || !parts.length;
}

// Only what the run has logged; the choice made holds for the next run too, if that has it.
function offer() {
  const has = props.quantities.filter(({ key }) => key in now);
  const offered = [...choice.options].slice(1).map(({ value }) => value);
  if (has.map(({ key }) => key).join() !== offered.join()) {
    choice.replaceChildren(choice.options[0], ...has.map(({ key, title }) => new Option(title, key)));
    choice.value = has.some(({ key }) => key === wish) ? wish : "";
  }
  below.hidden = !has.length;
}

function clear() {
  if (plot.data) Plotly.purge(plot);
  marks = [];
  now = {};
  describe();
  wholeButton.hidden = true;
}

let plotlyLoading;
function loadPlotly() {
  plotlyLoading ??= window.Plotly ? Promise.resolve() : new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = props.plotly_url;
    script.onload = resolve;
    script.onerror = () => { plotlyLoading = undefined; reject(new Error("plotly.js did not load")); };
    document.head.append(script);
  });
  return plotlyLoading;
}

function takeNews(curve, whole) {
  const before = marks.length;
  marks = whole ? curve.marks : addMarks(marks, curve.marks);
  now = { ...now, ...curve.now };
  return curve.marks.length > 0 || marks.length !== before;
}

// Ask for one run. Returns whether to ask again at once.
async function readRun(place) {
  const run = runs[place];
  const line = plot.data?.[place ? OTHERS + 2 * (place - 1) : RAW];
  const from = line?.x.length > MAX_DRAWN ? 0 : run.cursor;
  const curve = await server.read_curve(run.id, from, place ? "" : shown);
  if (run !== runs[place] || outdated()) return true;
  if (!curve) return false; // the studio did not answer; gradio has said so
  Object.assign(run, { live: curve.live, cursor: curve.cursor, name: curve.name ?? run.name });
  if (curve.reset) return true;
  const points = linePoints(curve, place);
  const grown = curve.train.step.length + curve.heldout.step.length > 0;
  const marked = place === 0 && takeNews(curve, !from);
  if (from && plot.data && !lacking) {
    await extend(points);
    if (marked) await redrawMarks();
  } else if (grown || plot.data) {
    await draw(points);
  }
  if (plot.data && (grown || marked || !from)) await label();
  describe();
  return curve.more || outdated();
}

const outdated = () => wanted().join() !== runs.map(({ id }) => id).join() || choice.value !== shown;

// Runs no longer compared with go at once; colours and size follow the page.
async function redraw() {
  const resized = stale;
  stale = false;
  if (!plot.data || !(lacking || resized)) return;
  await draw(new Map());
  if (resized) await Plotly.Plots.resize(plot);
  await label();
}

async function read() {
  follow();
  if (!isVisible()) return;
  await redraw();
  for (let place = 0; place < runs.length; place += 1) {
    if (place && runs[place].cursor && !runs[place].live) continue;
    if (await readRun(place)) return wake();
  }
  if (runs.some(({ live }) => live)) later();
}

// One read or redrawing at a time: each finds the picture as the last left it. What comes meanwhile is made up for.
async function wake() {
  clearTimeout(timer);
  if (reading) { reading = "again"; return; }
  reading = true;
  try {
    await read();
  } catch (error) {
    console.warn("The curve could not be drawn.", error);
    later();
  }
  const again = reading === "again";
  reading = false;
  if (again) wake();
}

function later() {
  clearTimeout(timer);
  if (element.isConnected) timer = setTimeout(wake, TICK_MS);
}

function restyle() {
  stale = true;
  wake();
}

choice.addEventListener("change", () => { wish = choice.value; describe(); wake(); });
wholeButton.addEventListener("click", () => Plotly.relayout(plot, {
  "xaxis.autorange": true, "yaxis.autorange": true, ...(quantity() ? { "yaxis2.autorange": true } : {}),
}));
watch("value", wake);
document.addEventListener("visibilitychange", wake);
new MutationObserver(restyle).observe(document.body, { attributeFilter: ["class"] });
// Also fires when the tab around it is opened.
new ResizeObserver(restyle).observe(plot);
