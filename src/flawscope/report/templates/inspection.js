"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const sheet = $("sheet"), large = $("large"), picture = $("picture"), panel = $("panel");
  const cards = [...sheet.children].map((element, order) => ({
    element, order, button: element.querySelector("button"), ...element.dataset,
    kinds: element.dataset.kinds.split(" "),
    text: element.querySelector("button").textContent.toLowerCase(),
  }));
  if (!cards.length) return;

  // The contact sheet: filters and order.
  const orders = {
    verdict: (a, b) => a.order - b.order, // as they stand in the file
    score: (a, b) => b.score - a.score || a.order - b.order,
    area: (a, b) => b.area - a.area || a.order - b.order,
    name: (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }),
    order: (a, b) => number(a) - number(b),
  };
  const number = (card) => Number(card.element.id.slice("part-".length));
  let verdict = "", visible = cards;

  function filter() {
    const kind = $("kind") ? $("kind").value : "", words = $("find").value.trim().toLowerCase();
    visible = cards.filter((card) => {
      const shown = (!verdict || card.verdict === verdict) && (!kind || card.kinds.includes(kind)) &&
        (!words || card.text.includes(words));
      card.element.hidden = !shown;
      return shown;
    });
    $("shown").value = visible.length === cards.length ? "" :
      `${visible.length.toLocaleString("en")} of ${cards.length.toLocaleString("en")} shown`;
    $("none").hidden = visible.length > 0;
  }
  function sort() {
    cards.sort(orders[$("sort").value]);
    sheet.append(...cards.map((card) => card.element));
    filter();
  }
  for (const button of document.querySelectorAll("[data-verdict][aria-pressed]")) {
    button.addEventListener("click", () => {
      verdict = button.dataset.verdict;
      for (const other of button.parentElement.children) {
        other.setAttribute("aria-pressed", String(other === button));
      }
      filter();
    });
  }
  $("find").addEventListener("input", filter);
  $("kind")?.addEventListener("change", filter);
  $("sort").addEventListener("change", sort);
  $("filter").addEventListener("submit", (event) => event.preventDefault());

  // The large view of one part.
  const svgns = "http://www.w3.org/2000/svg";
  let current = null;
  const pressed = (id) => $(id).getAttribute("aria-pressed") === "true";

  function make(name, attributes) {
    const element = document.createElementNS(svgns, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  }
  function show(card) {
    current = card;
    const parsed = document.createElement("template");
    parsed.innerHTML = card.element.querySelector("script").textContent;
    const content = parsed.content;
    const shapes = content.querySelector("[data-shapes]");
    const small = card.element.querySelector("svg.part");
    const held = $(`full-${number(card)}`);
    const full = held ? JSON.parse(held.textContent) : {};
    const { width, height } = small.viewBox.baseVal;
    const fill = { width, height, preserveAspectRatio: "none" };
    const svg = make("svg", { class: "part", viewBox: `0 0 ${width} ${height}`, role: "img",
      "aria-label": small.getAttribute("aria-label") });
    svg.append(make("image", { ...fill,
      href: full.picture || small.querySelector("image").getAttribute("href") }));
    if (full.heat) svg.append(make("image", { ...fill, href: full.heat, class: "heat" }));
    const outlines = make("g", { class: "outlines" });
    for (const { dataset: { path, colour } } of shapes.children) {
      const line = make("path", { d: path });
      line.style.setProperty("--colour", colour);
      outlines.append(make("path", { class: "edge", d: path }), line);
    }
    svg.append(outlines);
    shapes.remove();
    picture.replaceChildren(svg);
    panel.replaceChildren(content);
    panel.scrollTop = 0;
    $("large-name").textContent = card.name.split("/").pop();
    $("place").textContent = `${visible.indexOf(card) + 1} of ${visible.length}`;
    $("previous").disabled = !beside(-1);
    $("next").disabled = !beside(1);
    $("heat").disabled = !full.heat;
    $("outlines").disabled = !outlines.children.length;
    $("thumbnail").hidden = Boolean(full.picture);
    layers();
    look("");
    history.replaceState(null, "", `#${card.element.id}`);
    if (!large.open) large.showModal();
  }
  function layers() {
    picture.querySelector(".outlines").toggleAttribute("hidden", !pressed("outlines"));
    const heat = picture.querySelector(".heat");
    heat?.toggleAttribute("hidden", !pressed("heat"));
    $("ramp").hidden = !heat || !pressed("heat");
  }
  function look(box) {
    const svg = picture.firstElementChild, { width, height } = svg.viewBox.baseVal;
    if (!svg.dataset.whole) svg.dataset.whole = `0 0 ${width} ${height}`;
    $("whole").hidden = !box;
    if (!box) return svg.setAttribute("viewBox", svg.dataset.whole);
    const [left, top, right, bottom] = box.split(" ").map(Number);
    const margin = Math.max(right - left, bottom - top, 40);
    svg.setAttribute("viewBox", [left - margin / 2, top - margin / 2,
      right - left + margin, bottom - top + margin].join(" "));
  }
  const beside = (step) => visible[visible.indexOf(current) + step];
  function move(step) {
    const card = beside(step);
    if (card) show(card);
  }
  function toggle(id) {
    if ($(id).disabled) return;
    $(id).setAttribute("aria-pressed", String(!pressed(id)));
    layers();
  }
  sheet.addEventListener("click", (event) => {
    const element = event.target.closest(".card");
    if (element) show(cards.find((card) => card.element === element));
  });
  panel.addEventListener("click", (event) => {
    const button = event.target.closest("[data-box]");
    if (button) look(button.dataset.box);
  });
  $("whole").addEventListener("click", () => look(""));
  $("previous").addEventListener("click", () => move(-1));
  $("next").addEventListener("click", () => move(1));
  $("outlines").addEventListener("click", () => toggle("outlines"));
  $("heat").addEventListener("click", () => toggle("heat"));
  $("close").addEventListener("click", () => large.close());
  large.addEventListener("click", (event) => { if (event.target === large) large.close(); });
  large.addEventListener("close", () => {
    history.replaceState(null, "", location.pathname + location.search);
    current.button.focus();
  });
  const keys = {
    ArrowLeft: () => move(-1), ArrowRight: () => move(1),
    o: () => toggle("outlines"), p: () => toggle("heat"),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (large.open) {
      keys[event.key.length === 1 ? event.key.toLowerCase() : event.key]?.();
    } else if (event.key === "/" && event.target !== $("find")) {
      event.preventDefault();
      $("find").focus();
    }
  });
  const linked = cards.find((card) => `#${card.element.id}` === location.hash);
  if (linked) show(linked);
})();
