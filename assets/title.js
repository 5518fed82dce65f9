// The page's title and icon say how far a run is. Stands in <head>; components/progress_icon.py writes what it reads.
// <span id="progress" data-run="2026-11-24-1530-orders" data-state="training" data-share="0.42" data-live="yes">
(() => {
  const SIZE_PX = 32, LINE_PX = 7;
  const TRACK = "#94a3b8", RING = "#6366f1"; // seen on light and on dark tab strips
  const ENDS = { done: "Done", stopped: "Stopped", paused: "Paused", failed: "Failed", interrupted: "Interrupted" };

  let calmTitle; // what the page says when nothing runs
  let calmIcons;
  let watched = ""; // the run that was live when last looked at
  let drawn = "";

  function setTitle(words) {
    calmTitle ??= document.title || "Tunesmith";
    const title = words ? `${words} ${calmTitle}` : calmTitle;
    if (document.title !== title) document.title = title;
  }

  const icons = () => [...document.head.querySelectorAll("link[rel~='icon']")];

  function setIcon(share) {
    const wanted = share === null ? "" : share.toFixed(2);
    if (wanted === drawn) return;
    drawn = wanted;
    calmIcons ??= icons().map((link) => link.cloneNode());
    icons().forEach((link) => link.remove());
    // A browser looks at an icon again only where the link is a new one.
    if (share === null) return document.head.append(...calmIcons.map((link) => link.cloneNode()));
    document.head.append(Object.assign(document.createElement("link"), { rel: "icon", type: "image/png", href: drawRing(share) }));
  }

  function drawRing(share) {
    const canvas = Object.assign(document.createElement("canvas"), { width: SIZE_PX, height: SIZE_PX });
    const pen = canvas.getContext("2d");
    const middle = SIZE_PX / 2, radius = middle - LINE_PX / 2;
    for (const [colour, turn] of [[TRACK, 1], [RING, share]]) {
      pen.beginPath();
      pen.arc(middle, middle, radius, -Math.PI / 2, -Math.PI / 2 + turn * 2 * Math.PI);
      Object.assign(pen, { strokeStyle: colour, lineWidth: LINE_PX });
      pen.stroke();
    }
    return canvas.toDataURL("image/png");
  }

  function look() {
    const { run = "", state = "", share = "", live = "" } = document.getElementById("progress")?.dataset ?? {};
    if (live) {
      watched = run;
      const known = share === "" ? null : Math.min(1, Math.max(0, Number(share)));
      setTitle(state === "training" && known !== null ? `${Math.floor(known * 100 + 1e-6)} %` : state);
      setIcon(known ?? 0);
      return;
    }
    setIcon(null);
    // It stays in the title until somebody looks at the page.
    if (watched && watched === run && document.hidden) setTitle(`${ENDS[state] ?? state}:`);
    else if (!document.hidden) {
      watched = "";
      setTitle("");
    }
  }

  const begin = () => {
    new MutationObserver(look).observe(document.body, {
      subtree: true, childList: true, attributes: true, attributeFilter: ["data-run", "data-state", "data-share"],
    });
    document.addEventListener("visibilitychange", look);
  };
  if (document.body) begin();
  else document.addEventListener("DOMContentLoaded", begin);
})();
