"use strict";
// The page is complete without this script. It adds three things: a button that copies a table,
// the reasons of the diagram below it, and paper on which nothing is folded away.

for (const table of document.querySelectorAll("table")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy table";
  button.setAttribute("aria-label", "Copy table: " + table.caption.textContent);
  button.addEventListener("click", () => {
    const range = document.createRange();
    range.selectNode(table);
    const chosen = getSelection();
    chosen.removeAllRanges();
    chosen.addRange(range);
    const done = document.execCommand("copy"); // keeps rows and columns in a word processor
    button.textContent = done ? "Copied" : "Selected: press Ctrl+C";
    if (done) chosen.removeAllRanges();
    setTimeout(() => { button.textContent = "Copy table"; }, 2500);
  });
  table.parentElement.after(button);
}

const note = document.querySelector(".note");
if (note) {
  const drawing = note.parentElement.querySelector("svg");
  const arrows = [...drawing.querySelectorAll(".arrow")];
  const light = (chosen) => {
    drawing.classList.toggle("focused", Boolean(chosen));
    for (const arrow of arrows) arrow.classList.toggle("lit", Boolean(chosen) && chosen(arrow));
  };
  const within = (part, concept) => part.dataset.arrows.split(" ").some(
    (arrow) => arrow.split(">").includes(concept));
  for (const part of drawing.querySelectorAll(".arrow, .concept")) {
    const title = part.querySelector("title");
    const text = title.textContent;
    title.remove(); // the note below takes its place
    if (part.classList.contains("concept")) part.setAttribute("aria-label", text);
    for (const path of part.classList.contains("arrow") ? part.querySelectorAll("path") : []) {
      const reach = path.cloneNode();
      reach.classList.add("reach");
      path.after(reach);
    }
    const show = () => {
      note.textContent = text;
      const concept = part.dataset.concept;
      light(concept ? (arrow) => within(arrow, concept)
        : (arrow) => arrow.dataset.arrows.split(" ").some((one) => part.dataset.arrows.split(" ").includes(one)));
    };
    part.addEventListener("mouseenter", show);
    part.addEventListener("mouseleave", () => light(null));
    part.addEventListener("focus", show);
    part.addEventListener("blur", () => light(null));
  }
}

const links = new Map([...document.querySelectorAll("nav a")].map((a) => [a.hash.slice(1), a]));
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    for (const link of links.values()) link.removeAttribute("aria-current");
    links.get(entry.target.id).setAttribute("aria-current", "location");
  }
}, { rootMargin: "0px 0px -70% 0px" });
for (const id of links.keys()) seen.observe(document.getElementById(id));

const folded = [];
addEventListener("beforeprint", () => {
  for (const one of document.querySelectorAll("details:not([open])")) {
    folded.push(one);
    one.open = true;
  }
});
addEventListener("afterprint", () => { while (folded.length) folded.pop().open = false; });
