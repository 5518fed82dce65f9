// How the curve looks: colours, lines, axes, names. Runs before chart.js, in one function with it.
const WIDE_PX = 500;
const LINE_PX = 16;
// Places of the lines in Plotly's data; the runs that are compared with follow, two lines each.
const RAW = 0, SMOOTH = 1, HELDOUT = 2, EXTRA = 3, SAVED = 4, EVENTS = 5, SPIKES = 6, BEST = 7, OTHERS = 8;
const DASHES = ["dash", "longdashdot", "longdash", "dashdot"];

const isDark = () => document.body.classList.contains("dark");
const isWide = () => plot.clientWidth > WIDE_PX;
const lastOf = (list) => list[list.length - 1];
const short = (words, most) => (words.length > most ? `${words.slice(0, most - 1)}…` : words);
const asText = (words) => words.replace(/[&<>]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[sign]);

// Three digits, and no 5e+3 where a person expects 5,120.
function digits(value) {
  if (value === null || value === undefined) return "none";
  const number = Number(value.toPrecision(3));
  return number !== 0 && Math.abs(number) < 1e-3 ? number.toExponential() : number.toLocaleString("en", { maximumFractionDigits: 6 });
}

function colours() {
  const dark = isDark();
  const ours = getComputedStyle(element);
  return {
    // Blue and orange of these lightnesses differ for every common kind of colour blindness.
    train: dark ? "#a5b4fc" : "#4338ca",
    heldout: dark ? "#fbbf24" : "#b45309",
    extra: dark ? "#94a3b8" : "#64748b",
    others: dark ? ["#5eead4", "#f9a8d4", "#bef264", "#cbd5e1"] : ["#0f766e", "#be185d", "#4d7c0f", "#475569"],
    grid: dark ? "rgba(148, 163, 184, .18)" : "rgba(100, 116, 139, .15)",
    text: dark ? "#cbd5e1" : "#475569",
    ground: dark ? "#1e293b" : "#ffffff",
    page: ours.getPropertyValue("--body-background-fill") || (dark ? "#020617" : "#ffffff"),
    font: ours.fontFamily,
  };
}

// Keeps words legible where lines run behind them, without hiding the lines.
function halo() {
  const { page } = colours();
  return [[1, 1], [-1, 1], [1, -1], [-1, -1], [0, 0]].map(([x, y]) => `${x}px ${y}px 2px ${page}`).join(", ");
}

function lines() {
  const { train, heldout, extra, others, text, page } = colours();
  const shown = quantity();
  // `meta` tells whose points are drawn: those of another run, or quantity, do not become this line's.
  const line = (name, colour, width, more) => ({
    name, meta: runs[0].id, mode: "lines", line: { color: colour, width }, hovertemplate: "%{y:.4~g}", ...more,
  });
  const points = (name, marker, more) => ({
    name, meta: runs[0].id, mode: "markers", marker, customdata: [], hovertemplate: "%{customdata}<extra></extra>", ...more,
  });
  const main = [
    line("each step", train, 1, { opacity: 0.35 }),
    line("trained", train, 2.5),
    line("held-out", heldout, 2, { mode: "lines+markers", marker: { color: heldout, size: 8, symbol: "diamond" } }),
    line(shown?.title ?? "nothing more", extra, 1.5, {
      meta: `${runs[0].id} ${shown?.key}`, yaxis: "y2", visible: Boolean(shown), hovertemplate: `%{y:.4~g} ${shown?.unit ?? ""}`,
    }),
    points("saved", { color: text, size: 9, symbol: "line-ns-open", line: { width: 2 } }, { yaxis: "y3" }),
    line("events", text, 1.5, { yaxis: "y3", line: { color: text, width: 1.5, dash: "dash" },
      customdata: [], hovertemplate: "%{customdata}<extra></extra>" }),
    points("spikes", { color: text, size: 10, symbol: "triangle-up", line: { color: page, width: 1 } }),
    points("best", { color: heldout, size: 15, symbol: "star", line: { color: page, width: 1.5 } }),
  ];
  return main.concat(runs.slice(1).flatMap((run, place) => {
    const colour = others[place];
    const name = asText(short(nameOf(run), 24));
    const dashed = { color: colour, width: 1.75, dash: DASHES[place] };
    return [
      line(name, colour, 1.75, { meta: run.id, line: dashed }),
      line(`${name}, held-out`, colour, 1.5, { meta: run.id, line: { color: colour, width: 1.5, dash: "dot" } }),
    ];
  }));
}

// Values that hardly differ would stretch over an axis of thousandths and look like much; and no loss is below 0.
const LEAST_SPAN = 0.1; // of the first loss
function leastRange(data) {
  const first = [HELDOUT, RAW].map((place) => data[place].y.find((loss) => loss !== null)).find((loss) => loss !== undefined);
  if (first === undefined) return {};
  const half = Math.max((LEAST_SPAN / 2) * first, 0.005);
  return { autorangeoptions: { clipmin: 0, include: [Math.max(0, first - half), first + half] } };
}

function layout(data) {
  const { grid, text, ground, font } = colours();
  const axis = { gridcolor: grid, zeroline: false, showline: false, automargin: true };
  const shown = quantity();
  const wide = isWide();
  const above = [shown ? 0.37 : 0, 1];
  const right = (wide ? 104 : 62) + (runs.length > 1 ? (wide ? 56 : 22) : 0);
  return {
    uirevision: runs[0].id,
    annotations: plot.layout?.annotations ?? [],
    autosize: true,
    showlegend: false,
    hovermode: "x unified",
    hoversubplots: "axis",
    hoverdistance: wide ? 20 : 10,
    // A finger that scrolls the page must not zoom the curve.
    dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
    margin: { l: 40, r: right, t: 8, b: 44 },
    paper_bgcolor: "rgba(0, 0, 0, 0)",
    plot_bgcolor: "rgba(0, 0, 0, 0)",
    font: { family: font, size: wide ? 13 : 12, color: text },
    hoverlabel: { bgcolor: ground, bordercolor: grid, font: { color: text, family: font } },
    xaxis: {
      ...axis, anchor: shown ? "y2" : "y", title: { text: "step", standoff: 6 }, nticks: wide ? 9 : 5,
      unifiedhovertitle: { text: "step %{x}" },
    },
    yaxis: { ...axis, ...leastRange(data), title: { text: "loss", standoff: 6 }, nticks: 6, domain: above },
    yaxis2: {
      ...axis, title: { text: [shown?.title.toLowerCase(), shown?.unit].filter(Boolean).join(", "), standoff: 6 },
      nticks: 4, exponentformat: shown?.key === "learning_rate" ? "e" : "none", domain: [0, 0.28],
      uirevision: `${runs[0].id} ${shown?.key}`, visible: Boolean(shown), rangemode: shown?.key === "learning_rate" ? "normal" : "tozero",
    },
    // What stands on the picture's edges rather than at a loss.
    yaxis3: { overlaying: "y", domain: above, range: [0, 1], fixedrange: true, visible: false },
  };
}

// The names stand where the lines leave the picture, also of a part that was zoomed into.
function endLabels({ xaxis, yaxis, yaxis2 }) {
  const { train, heldout, extra, others } = colours();
  const wide = isWide();
  const apart = wide ? " " : "<br>";
  const ends = [[SMOOTH, train], [HELDOUT, heldout], ...runs.slice(1).map((_, place) => [OTHERS + 2 * place, others[place]])]
    .flatMap(([place, colour]) => {
      const last = lastShown(place, xaxis);
      if (last < 0) return [];
      const { x, y, name } = plot.data[place];
      const words = place < OTHERS ? name : asText(short(nameOf(runs[1 + (place - OTHERS) / 2]), wide ? 14 : 9));
      const [low, high] = yaxis.range;
      const share = (Math.min(high, Math.max(low, y[last])) - low) / (high - low);
      // A line that ends well within the picture is named where it ends.
      const within = place >= OTHERS && x[last] < xaxis.range[0] + 0.8 * (xaxis.range[1] - xaxis.range[0]);
      const text = within ? words : `${words}${apart}${digits(y[last])}`;
      return [{ colour, text, top: (1 - share) * yaxis._length, value: y[last], x: within ? x[last] : null }];
    });
  const beside = ends.filter(({ x }) => x === null);
  spread(beside, (wide ? 1 : 2) * LINE_PX, yaxis._length);
  const labels = ends.map(({ colour, text, top, x, value }) => ({
    text, font: { color: colour }, showarrow: false, align: "left", xanchor: "left", xshift: 6,
    ...(x === null
      ? { x: 1, xref: "paper", y: 1, yref: "y domain", yshift: -top, yanchor: "middle" }
      : { x, xref: "x", y: value, yref: "y", yanchor: "middle", font: { color: colour, shadow: halo() } }),
  }));
  const shown = quantity();
  const last = shown ? lastShown(EXTRA, xaxis) : -1;
  if (last < 0) return labels;
  const value = plot.data[EXTRA].y[last];
  return [...labels, {
    text: `${digits(value)}${shown.unit ? ` ${shown.unit}` : ""}`, font: { color: extra }, showarrow: false,
    x: 1, xref: "paper", xanchor: "left", xshift: 6, y: Math.min(lastOf(yaxis2.range), Math.max(yaxis2.range[0], value)),
    yref: "y2", yanchor: "middle",
  }];
}

function lastShown(place, xaxis) {
  const { x, y } = plot.data[place];
  let last = x.length - 1;
  while (last >= 0 && (x[last] > xaxis.range[1] || y[last] === null)) last -= 1;
  return last;
}

// Labels one above another, each at least `px` from the next and none beyond the picture.
function spread(labels, px, length) {
  labels.sort((one, other) => one.top - other.top);
  for (let round = 0; round < labels.length; round += 1) {
    labels.forEach((label, place) => {
      const before = labels[place - 1];
      if (!before || label.top - before.top >= px) return;
      const push = (px - (label.top - before.top)) / 2;
      before.top -= push;
      label.top += push;
    });
  }
  const over = labels.length ? lastOf(labels).top - length : 0;
  if (over > 0) labels.forEach((label) => { label.top -= over; });
}
