"use strict";
// What the page adds to its tables where a browser runs scripts: sorting, filtering, figures, light and dark.

const root = document.documentElement;

function element(tag, properties, parent) {
  const made = Object.assign(document.createElement(tag), properties);
  parent?.append(made);
  return made;
}

function choice(label, names, parent, change) {
  const made = element("select", { ariaLabel: label, onchange: () => change(made.value) }, parent);
  names.forEach((name, value) => element("option", { textContent: name, value }, made));
  return made;
}

// Tables ------------------------------------------------------------------------------------------------------------

// The first number of a cell such as "0.97 (0.93)", "+0.02", "1,400", "± 0.05", "> 20" or "about 90"; NaN for others.
const number = (text) => parseFloat(text.replace(/^(about |[±+>]\s*)/, "").replace(/(\d),(?=\d{3})/g, "$1"));

function makeSortable(table) {
  const body = table.tBodies[0], original = [...body.rows], heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    if (head.className === "chart") return;
    const cell = (row) => row.cells[column].textContent;
    const given = original.map(cell).filter((text) => text !== "–" && text !== "");
    const numeric = given.filter((text) => !isNaN(number(text))).length > given.length / 2;
    const compare = (a, b) => (numeric ? number(a) - number(b) : a.localeCompare(b, "en", { numeric: true }));
    const missing = (row) => (numeric ? isNaN(number(cell(row))) : cell(row) === "–");
    const button = element("button", { type: "button", textContent: head.textContent });
    head.replaceChildren(button);
    button.onclick = () => {
      const next = { ascending: "descending", descending: null }[head.ariaSort] ?? (head.ariaSort ? null : "ascending");
      heads.forEach((other) => (other.ariaSort = null));
      head.ariaSort = next;
      const sign = next === "descending" ? -1 : 1;
      // What there is not stands last in either order.
      const order = (a, b) => missing(a) - missing(b) || (missing(a) ? 0 : sign * compare(cell(a), cell(b)));
      body.append(...(next ? [...original].sort(order) : original));
    };
  });
}

function makeFilterable(table) {
  const heads = [...table.tHead.rows[0].cells], rows = [...table.tBodies[0].rows];
  const chosen = heads.map((_, column) => column).filter((column) => "choose" in heads[column].dataset);
  if (!chosen.length) return;
  const bar = element("div", { className: "bar" }), tests = new Map();
  table.parentNode.before(bar);
  const apply = () => {
    rows.forEach((row) => (row.hidden = ![...tests.values()].every((test) => test(row))));
    count.value = `${rows.filter((row) => !row.hidden).length} of ${rows.length} rows`;
  };
  const search = element("input", { type: "search", placeholder: "search", ariaLabel: "search all columns" }, bar);
  search.oninput = () => {
    const words = search.value.toLowerCase().split(/\s+/);
    tests.set("search", (row) => words.every((word) => row.textContent.toLowerCase().includes(word)));
    apply();
  };
  for (const column of chosen) {
    const name = heads[column].textContent;
    const values = [...new Set(rows.map((row) => row.cells[column].textContent))];
    if (values.length < 2) continue;
    choice(name, [`${name}: all`, ...values], bar, (value) => {
      tests.set(column, (row) => value === "0" || row.cells[column].textContent === values[value - 1]);
      apply();
    });
  }
  const count = element("output", {}, bar);
  apply();
}

for (const table of document.querySelectorAll("table")) {
  makeFilterable(table);
  makeSortable(table);
}

// Figures -----------------------------------------------------------------------------------------------------------

const figures = JSON.parse(document.getElementById("figures").textContent);
const touch = matchMedia("(pointer: coarse)").matches;
const SYMBOLS = ["circle", "diamond", "square", "cross", "star"]; // ten colours each

// The figure with every name of a colour replaced by the colour that it has now; always a copy, which plotly may change.
function themed(value) {
  if (typeof value === "string") return /^--(ink|line|paper|empty|c\d)$/.test(value) ? colour(value) : value;
  if (Array.isArray(value)) return value.map(themed);
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, themed(inner)]));
  }
  return value;
}

function colour(name) {
  const probe = element("span", {}, document.body);
  probe.style.color = `var(${name})`;
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

// Traces of a scatter: one a group, or a single one coloured by length for a way that there is not.
function coloured({ x, y, name, length, ways }, way) {
  const size = Math.min(7, Math.max(3.5, 120 / Math.sqrt(x.length)));
  const told = ways.filter((each) => each === way || each.name === "label");
  const text = name.map((sequence, i) =>
    [`${sequence}, length ${length[i]}`, ...told.map((each) => `${each.name}: ${each.names[each.group[i]]}`)]
      .join("<br>"));
  const trace = (name, which, marker) => ({
    type: "scatter", mode: "markers", name, hoverinfo: "text",
    x: which.map((i) => x[i]), y: which.map((i) => y[i]), text: which.map((i) => text[i]),
    marker: { size, opacity: 0.8, ...marker },
  });
  const all = [...x.keys()];
  if (!way) {
    const colorbar = { title: { text: "length" }, thickness: 10, outlinewidth: 0 };
    return [trace("length", all, { color: length, colorscale: "Viridis", colorbar })];
  }
  const marker = (group) => ({ color: `--c${group % 10}`, symbol: SYMBOLS[Math.floor(group / 10) % 5] });
  return way.names.map((name, group) => trace(name, all.filter((i) => way.group[i] === group), marker(group)))
    .filter((made) => made.x.length);
}

function draw(place) {
  const { data, layout, points } = figures[place.dataset.figure];
  const traces = points ? coloured(points, points.ways.find((way) => way.name === place.dataset.way)) : data;
  const made = themed({ data: traces, layout: { ...layout, dragmode: touch ? false : layout.dragmode ?? "zoom" } });
  return Plotly.react(place, made.data, made.layout, { responsive: true, displaylogo: false, displayModeBar: false });
}

const places = [...document.querySelectorAll(".plot")];
for (const place of places) {
  const { points, layout } = figures[place.dataset.figure];
  place.style.minHeight = `${layout.height}px`;
  if (!points) continue;
  const names = [...points.ways.map((way) => way.name), "length"];
  const first = place.dataset.way === "last" ? points.ways.length - 1 : 0;
  place.dataset.way = names[first];
  const bar = element("label", { className: "bar", textContent: "colour by" });
  place.before(bar);
  choice("colour by", names, bar, (value) => { place.dataset.way = names[value]; draw(place); }).value = first;
}

// A figure is drawn when it comes near, so that the page opens at once; before it is printed, all are.
const near = new IntersectionObserver((seen) => {
  for (const { target } of seen.filter((entry) => entry.isIntersecting)) { near.unobserve(target); draw(target); }
}, { rootMargin: "400px" });
places.forEach((place) => near.observe(place));
addEventListener("beforeprint", () => places.forEach(draw));

// Light and dark ----------------------------------------------------------------------------------------------------

const dark = matchMedia("(prefers-color-scheme: dark)");
const redraw = () => places.filter((place) => place.data).forEach(draw);
dark.onchange = redraw;
const isDark = () => (root.style.colorScheme || (dark.matches ? "dark" : "light")) === "dark";
element("button", {
  type: "button", className: "theme", textContent: "light / dark",
  onclick: () => { root.style.colorScheme = isDark() ? "light" : "dark"; redraw(); },
}, document.querySelector("header"));
