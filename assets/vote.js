// Votes by keys and buttons. What is sent back of the ballot is only what was shown: see `Ballot.mark`.
const KEYS = { 1: "left", 2: "right", 3: "both good", 4: "both bad" };
const WHO = "tunesmith-voter";
const WRITES = "input, textarea, select, [contenteditable]";

let pressed = "";
let shown = ""; // the mark of the ballot

const field = (name) => element.querySelector(`[name=${name}]`);

element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-act]");
  if (!button) return;
  pressed = button.dataset.act;
  // What may wait for the model is an event of its own, so that votes never do.
  trigger(["begin", "ask"].includes(pressed) ? "submit" : "click", {
    act: button.dataset.act, of: button.dataset.of,
    reason: field("reason")?.value ?? "", who: field("who")?.value ?? "",
  });
});

// Keys count where nobody is writing, and only while the answers are in sight; a key that is held votes once.
document.addEventListener("keydown", (event) => {
  if (event.target.closest(WRITES)) {
    if (event.key === "Escape" && element.contains(event.target)) event.target.blur();
    return;
  }
  const act = KEYS[event.key];
  if (!act || event.repeat || event.ctrlKey || event.metaKey || event.altKey || !isInSight()) return;
  const button = element.querySelector(`button[data-act="${act}"]`);
  if (button) { event.preventDefault(); button.click(); }
});

function isInSight() {
  const pair = element.querySelector(".pair-of-answers");
  if (!pair || !pair.offsetParent) return false;
  const { top, bottom } = pair.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
}

// The voter's name stays in this browser.
element.addEventListener("input", (event) => {
  if (event.target.name === "who") localStorage.setItem(WHO, event.target.value);
});

// Gradio keeps the fields and boxes of the ballot before where they are alike: its reason must not go to the next one.
function settle() {
  const now = element.querySelector(".ballot button")?.dataset.of ?? "";
  if (now !== shown) {
    if (field("reason")) field("reason").value = "";
    for (const box of element.querySelectorAll(".question, .answer")) box.scrollTop = 0;
  }
  shown = now;
  if (field("who")) field("who").value = localStorage.getItem(WHO) ?? "";
  if (document.activeElement === document.body)
    element.querySelector(`button[data-act="${pressed}"]`)?.focus({ preventScroll: true });
}

watch("value", settle);
settle();
element.dataset.ready = "yes"; // the page shows the answers a moment before the keys count
