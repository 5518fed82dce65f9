// The moments of the watched run that are marked on its curve, with words for a few of them.
const MOST_WORDS = 12;
const LETTER_PX = 6.5; // of words at 12 px
const EVENT_WORDS = { resumed: "resumed", lowered: "batch lowered", paused: "paused" };

// Later marks of a kind at the same step count; the oldest go where there are too many.
function addMarks(known, come) {
  const kept = new Map(known.map((mark) => [`${mark.mark} ${mark.step}`, mark]));
  come.forEach((mark) => kept.set(`${mark.mark} ${mark.step}`, mark));
  const left = {};
  const marks = [...kept.values()].sort((one, other) => one.step - other.step);
  return marks.reverse().filter(({ mark }) => (left[mark] = (left[mark] ?? 0) + 1) <= props.most_marks).reverse();
}

// Of points at rising x, the place of the one nearest to a step.
function nearest(steps, step) {
  let low = 0, high = steps.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle] < step) low = middle + 1; else high = middle;
  }
  return low > 0 && step - steps[low - 1] < steps[low] - step ? low - 1 : low;
}

// In lines that a phone has room for.
const said = ({ mark, step, words }) =>
  asText(`${words || EVENT_WORDS[mark] || mark} (step ${step.toLocaleString("en")})`)
    .replaceAll(new RegExp(`(.{${isWide() ? 40 : 20},}?) `, "g"), "$1<br>");

// Marks as points: {place in Plotly's data: {x, y, customdata}}.
function markPoints(marks, train, heldout) {
  const of = (...kinds) => marks.filter(({ mark }) => kinds.includes(mark));
  const at = (found, y) => ({ x: found.map(({ step }) => step), y, customdata: found.map(said) });
  const saved = of("saved"), spikes = train.x.length ? of("spike") : [];
  const best = heldout.x.length ? of("best").slice(-1) : [];
  const events = of(...Object.keys(EVENT_WORDS));
  return {
    [SAVED]: at(saved, saved.map(() => 0.012)),
    [EVENTS]: {
      x: events.flatMap(({ step }) => [step, step, null]),
      y: events.flatMap(() => [0, 1, null]),
      customdata: events.flatMap((mark) => [said(mark), said(mark), ""]),
    },
    [SPIKES]: at(spikes, spikes.map(({ step }) => train.y[nearest(train.x, step)])),
    [BEST]: at(best, best.map(({ step }) => heldout.y[nearest(heldout.x, step)])),
  };
}

// The best, then the newest first, each where none stands in its way: events at the top, in up to three rows.
function markLabels(marks, { xaxis, yaxis }) {
  const { text, heldout } = colours();
  const toX = (step) => ((step - xaxis.range[0]) / (xaxis.range[1] - xaxis.range[0])) * xaxis._length;
  const toY = (loss) => (1 - (loss - yaxis.range[0]) / (yaxis.range[1] - yaxis.range[0])) * yaxis._length;
  const inside = (px, axis) => px >= 0 && px <= axis._length;
  const at = (trace, word, color, up) => plot.data[trace].x
    .map((x, i) => ({ x, y: plot.data[trace].y[i], word, color, tops: [toY(plot.data[trace].y[i]) - up] }))
    .filter(({ y }) => inside(toY(y), yaxis));
  const events = marks.filter(({ mark }) => EVENT_WORDS[mark])
    .map(({ mark, step }) => ({ x: step, word: EVENT_WORDS[mark], color: text, tops: [8, 8 + LINE_PX, 8 + 2 * LINE_PX] }));
  const taken = [];
  return [...at(BEST, "best", heldout, 18), ...events.reverse(), ...at(SPIKES, "spike", text, 0).reverse()]
    .filter(({ x }) => inside(toX(x), xaxis))
    .flatMap((mark) => {
      const px = toX(mark.x), width = mark.word.length * LETTER_PX + 10;
      const left = px + width > xaxis._length; // then on the other side of its point
      const [from, to] = left ? [px - width, px] : [px, px + width];
      const top = mark.tops.find((row) => !taken.some((other) => other.from < to && from < other.to && Math.abs(other.top - row) < LINE_PX));
      if (top === undefined || taken.length === MOST_WORDS) return [];
      taken.push({ from, to, top });
      return [{ ...mark, left, top }];
    })
    .map(({ x, word, color, left, top }) => ({
      text: word, x, xref: "x", y: 1, yref: "y domain", yanchor: "middle", yshift: -top, showarrow: false,
      font: { color, size: 12, shadow: halo() }, xanchor: left ? "right" : "left", xshift: left ? -6 : 6,
    }));
}

function describeMarks(marks) {
  const newest = (kind) => marks.filter(({ mark }) => mark === kind).slice(-1)[0];
  const words = { best: "best", spike: "spike", resumed: "resumed", lowered: "batch lowered", paused: "paused" };
  return Object.entries(words).flatMap(([kind, word]) => (newest(kind) ? [`${word}: step ${newest(kind).step}`] : []));
}
