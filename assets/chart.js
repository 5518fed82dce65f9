// Runs as the body of gr.HTML's js_on_load, which brings: element, props, server, watch.
const TICK_MS = 2000;
const MAX_DRAWN = 4000; // a curve that grew longer than this is thinned again by the studio
const WIDE_PX = 500;
const LINE_PX = 16;
const RAW = 0, SMOOTH = 1, HELDOUT = 2, RATE = 3;

const plot = element.querySelector(".plot");
const empty = element.querySelector(".empty");
const wholeButton = element.querySelector(".whole");
const rateButton = element.querySelector(".rate");

let run = "";
let cursor = 0;
let live = false;
let reading = false;
let timer;

const isDark = () => document.body.classList.contains("dark");
const isVisible = () => !document.hidden && plot.offsetWidth > 0;
const shownRun = () => String(props.value ?? "").split("#")[0];
const lastOf = (list) => list[list.length - 1];
const digits = (value) => (value === null || value === undefined ? "none" : Number(value.toPrecision(3)));

function colours() {
  const dark = isDark();
  const ours = getComputedStyle(element);
  return {
    // Blue and orange of these lightnesses differ for every common kind of colour blindness.
    train: dark ? "#a5b4fc" : "#4338ca",
    heldout: dark ? "#fbbf24" : "#b45309",
    rate: dark ? "#94a3b8" : "#64748b",
    grid: dark ? "rgba(148, 163, 184, .18)" : "rgba(100, 116, 139, .15)",
    text: dark ? "#cbd5e1" : "#475569",
    ground: dark ? "#1e293b" : "#ffffff",
    font: ours.fontFamily,
  };
}

function lines() {
  const { train, heldout, rate } = colours();
  const line = (name, colour, width, more) => ({
    name, mode: "lines", line: { color: colour, width }, hovertemplate: "%{y:.4~g}", ...more,
  });
  return [
    line("each step", train, 1, { opacity: 0.35 }),
    line("trained", train, 2.5),
    line("held-out", heldout, 2, { mode: "lines+markers", marker: { color: heldout, size: 8, symbol: "diamond" } }),
    line("learning rate", rate, 1.5, { yaxis: "y2", visible: rateShown() }),
  ];
}

function layout() {
  const { grid, text, ground, font } = colours();
  const axis = { gridcolor: grid, zeroline: false, showline: false, automargin: true };
  const wide = plot.clientWidth > WIDE_PX;
  return {
    uirevision: run,
    annotations: plot.layout?.annotations ?? [],
    autosize: true,
    showlegend: false,
    hovermode: "x unified",
    // A finger that scrolls the page must not zoom the curve.
    dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
    margin: { l: 40, r: wide ? 104 : 62, t: 8, b: 44 },
    paper_bgcolor: "rgba(0, 0, 0, 0)",
    plot_bgcolor: "rgba(0, 0, 0, 0)",
    font: { family: font, size: wide ? 13 : 12, color: text },
    hoverlabel: { bgcolor: ground, bordercolor: grid, font: { color: text, family: font } },
    xaxis: { ...axis, anchor: rateShown() ? "y2" : "y", title: { text: "step", standoff: 6 }, nticks: wide ? 9 : 5, unifiedhovertitle: { text: "step %{x}" } },
    yaxis: { ...axis, title: { text: "loss", standoff: 6 }, nticks: 6, domain: [rateShown() ? 0.34 : 0, 1] },
    yaxis2: {
      ...axis, title: { text: "rate", standoff: 6 }, nticks: 3, exponentformat: "e",
      domain: [0, 0.22], visible: rateShown(),
    },
  };
}

function rateShown() {
  return rateButton.getAttribute("aria-pressed") === "true";
}

function traceData({ train, heldout }) {
  return [
    { x: train.step, y: train.loss },
    { x: train.step, y: train.smooth },
    { x: heldout.step, y: heldout.loss },
    { x: train.step, y: train.learning_rate },
  ];
}

async function draw(curve) {
  await loadPlotly();
  const data = traceData(curve);
  // Plotly appends to the very lists that it was given.
  const traces = lines().map((line, place) => ({ ...line, x: [...data[place].x], y: [...data[place].y] }));
  const first = !plot.data;
  await Plotly.react(plot, traces, layout(), { displayModeBar: false, responsive: false, doubleClick: "reset" });
  if (first) plot.on("plotly_relayout", (change) => changesAxis(change) && label());
}

async function extend(curve) {
  const grown = traceData(curve)
    .map((points, place) => ({ ...points, place }))
    .filter(({ x }) => x.length);
  if (!grown.length) return;
  const places = grown.map(({ place }) => place);
  await Plotly.extendTraces(plot, { x: grown.map(({ x }) => x), y: grown.map(({ y }) => y) }, places);
}

const changesAxis = (change) => Object.keys(change).some((key) => /^[xy]axis/.test(key));

// The names stand where the lines leave the picture, also of a part that was zoomed into.
function label() {
  const { xaxis, yaxis } = plot._fullLayout;
  const { train, heldout } = colours();
  const [low, high] = yaxis.range;
  const wide = plot.clientWidth > WIDE_PX;
  const ends = [[SMOOTH, train], [HELDOUT, heldout]].flatMap(([place, colour]) => {
    const { x, y, name } = plot.data[place];
    let last = x.length - 1;
    while (last >= 0 && (x[last] > xaxis.range[1] || y[last] === null)) last -= 1;
    if (last < 0) return [];
    const value = Math.min(high, Math.max(low, y[last]));
    return [{ colour, value, text: `${name}${wide ? " " : "<br>"}${digits(y[last])}`, shift: 0 }];
  });
  if (ends.length === 2) {
    const apart = ((ends[0].value - ends[1].value) / (high - low)) * yaxis._length;
    const push = Math.max(0, (wide ? 1 : 2) * LINE_PX - Math.abs(apart)) / 2;
    ends[0].shift = apart < 0 ? -push : push;
    ends[1].shift = -ends[0].shift;
  }
  const annotations = ends.map(({ colour, value, text, shift }) => ({
    text, y: value, yshift: shift, x: 1, xref: "paper", xanchor: "left", xshift: 6,
    showarrow: false, font: { color: colour }, align: "left",
  }));
  wholeButton.hidden = xaxis.autorange && yaxis.autorange;
  return Plotly.relayout(plot, { annotations });
}

function describe() {
  const parts = [SMOOTH, HELDOUT].flatMap((place) => {
    const { x, y, name } = plot.data?.[place] ?? { x: [] };
    return x.length ? [`${name} ${digits(lastOf(y))} at step ${lastOf(x)}`] : [];
  });
  empty.hidden = parts.length > 0;
  rateButton.hidden = !parts.length;
  plot.setAttribute("aria-label", parts.length ? `Loss curve: ${parts.join(", ")}` : "Loss curve, empty");
}

function clear() {
  if (plot.data) Plotly.purge(plot);
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

async function read() {
  if (shownRun() !== run) {
    run = shownRun();
    cursor = 0;
    clear();
  }
  if (!run || !isVisible()) return;
  const asked = run;
  const from = plot.data?.[RAW].x.length > MAX_DRAWN ? 0 : cursor;
  const curve = await server.read_curve(asked, from);
  if (asked !== shownRun()) return wake();
  if (!curve) return later(); // the studio did not answer; gradio has said so
  live = curve.live;
  cursor = curve.cursor;
  const points = curve.train.step.length + curve.heldout.step.length;
  if (!curve.reset && points) {
    await (from && plot.data ? extend(curve) : draw(curve));
    await label();
    describe();
  }
  if (curve.more || curve.reset) return wake();
  if (live) later();
}

// One read at a time; a call that comes while one is on its way is made up for.
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

async function restyle() {
  if (!plot.data || !isVisible()) return;
  const traces = lines().map((line, place) => ({ ...line, x: plot.data[place].x, y: plot.data[place].y }));
  await Plotly.react(plot, traces, layout());
  await Plotly.Plots.resize(plot);
  await label();
}

rateButton.addEventListener("click", () => {
  rateButton.setAttribute("aria-pressed", String(!rateShown()));
  restyle();
});
wholeButton.addEventListener("click", () => Plotly.relayout(plot, { "xaxis.autorange": true, "yaxis.autorange": true }));
watch("value", wake);
document.addEventListener("visibilitychange", wake);
new MutationObserver(restyle).observe(document.body, { attributeFilter: ["class"] });
// Also fires when the tab around it is opened.
new ResizeObserver(() => { if (isVisible()) restyle().then(wake); }).observe(plot);
