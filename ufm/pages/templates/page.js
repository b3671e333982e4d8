"use strict";
// Shows what Python has computed: draws plots when they come into view, and lets sliders choose among stored values.

const NUMBERS = { f4: Float32Array, f8: Float64Array };
const SHOWN = 200; // rows of numbers

function unpacked({ dtype, bdata, words }) {
  if (words) return words;
  const letters = atob(bdata), bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return new NUMBERS[dtype](bytes.buffer);
}

function chosen(move, state) {
  // The part of the stored values at which the sliders stand: a list, a list of rows, or a single value.
  move.flat ??= unpacked(move.values);
  let size = move.flat.length, offset = 0;
  const rest = move.values.shape.slice(move.sliders.length);
  move.sliders.forEach((name, i) => { size /= move.values.shape[i]; offset += size * state[name]; });
  const part = Array.from(move.flat.slice(offset, offset + size));
  if (rest.length === 0) return part[0];
  return rest.length === 1 ? part : Array.from({ length: rest[0] }, (_, i) => part.slice(i * rest[1], (i + 1) * rest[1]));
}

function updates(plot, state) {
  // For each property: its new values, and the traces that they belong to.
  const found = {};
  for (const move of plot.moves) {
    const each = (found[move.name] ??= { values: [], traces: [] });
    each.values.push(chosen(move, state));
    each.traces.push(move.trace);
  }
  return Object.entries(found);
}

function colors() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(name).trim();
  const axis = { gridcolor: of("--line"), zerolinecolor: of("--line"), linecolor: of("--quiet"), tickcolor: of("--quiet") };
  return { axis, text: of("--text"), ground: of("--ground") };
}

function inColors(layout) {
  // The layout in the colours of the page, light or dark.
  const { axis, text, ground } = colors();
  const dressed = { ...layout, font: { color: text, size: 12, family: "system-ui, sans-serif" }, paper_bgcolor: ground, plot_bgcolor: ground };
  dressed.hoverlabel = { bgcolor: ground, bordercolor: axis.linecolor, font: { color: text } };
  for (const name of Object.keys(layout).filter((each) => /^[xy]axis/.test(each))) dressed[name] = { ...axis, ...layout[name] };
  if (layout.scene) {
    dressed.scene = { ...layout.scene };
    for (const side of ["xaxis", "yaxis", "zaxis"]) dressed.scene[side] = { ...axis, showbackground: false, ...layout.scene[side] };
  }
  return dressed;
}

function draw(place, plot, state) {
  const traces = plot.data.map((trace) => ({ ...trace }));
  const layout = inColors(plot.layout);
  if (plot.camera) layout.scene.camera = plot.camera;
  Plotly.newPlot(place, traces, layout, { displayModeBar: false, responsive: true, scrollZoom: false });
  if (plot.moved) move(place, plot, state);
}

function move(place, plot, state) {
  for (const [name, { values, traces }] of updates(plot, state)) Plotly.restyle(place, { [name]: values }, traces);
}

function drawn(place) {
  return place._fullLayout !== undefined && place.data !== undefined;
}

function whenSeen(place, enter, leave) {
  new IntersectionObserver((entries) => {
    const seen = entries[entries.length - 1].isIntersecting;
    if (seen && !drawn(place)) enter();
    if (!seen && drawn(place)) leave();
  }, { rootMargin: "400px" }).observe(place);
}

function turn(place, [around, up]) {
  // As if the scene were turned by hand, a sixteenth of a circle at a time.
  const { x, y, z } = place._fullLayout.scene.camera.eye;
  const flat = Math.hypot(x, y), angle = Math.atan2(y, x) + (around * Math.PI) / 8;
  const size = Math.hypot(flat, z), height = Math.min(1.4, Math.max(-1.4, Math.atan2(z, flat) + (up * Math.PI) / 16));
  const eye = { x: size * Math.cos(height) * Math.cos(angle), y: size * Math.cos(height) * Math.sin(angle), z: size * Math.sin(height) };
  Plotly.relayout(place, { "scene.camera.eye": eye });
}

function numbers(place) {
  // The points of all traces: trace, x, y, z.
  const rows = [];
  for (const trace of place._fullData) {
    if (Array.isArray(trace.z?.[0]) || ArrayBuffer.isView(trace.z?.[0])) {
      trace.z.forEach((row, i) => row.forEach((value, j) => rows.push([trace.name ?? "", trace.x?.[j] ?? j + 1, trace.y?.[i] ?? i + 1, value])));
    } else {
      for (let i = 0; i < (trace.x?.length ?? 0); i++) {
        const row = [trace.name ?? "", trace.x[i], trace.y[i], trace.z?.[i] ?? ""];
        if (row.every((each) => !Number.isNaN(each) && each !== null)) rows.push(row);
      }
    }
  }
  return rows;
}

function showNumbers(details, place, title) {
  const rows = numbers(place), heads = ["curve", "x", "y", "z"];
  const quoted = (cell) => (/[",\n]/.test(cell) ? `"${String(cell).replaceAll('"', '""')}"` : cell);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([[heads, ...rows].map((row) => row.map(quoted).join(",")).join("\n")], { type: "text/csv" }));
  link.download = "numbers.csv";
  link.textContent = `All ${rows.length} rows as a file (CSV)`;
  const table = document.createElement("table"), box = document.createElement("div");
  table.createCaption().textContent = `${title}: ${Math.min(SHOWN, rows.length)} of ${rows.length} rows`;
  for (const row of [heads, ...rows.slice(0, SHOWN)]) {
    const line = table.insertRow();
    for (const cell of row) line.insertCell().textContent = typeof cell === "number" ? String(Number(cell.toPrecision(6))) : cell;
  }
  Object.assign(box, { tabIndex: 0 });
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", `Numbers: ${title}`);
  box.append(table);
  details.querySelectorAll("a, div").forEach((old) => old.remove());
  details.append(link, box);
}

function begin(part) {
  const stored = JSON.parse(part.querySelector("script").textContent);
  const state = Object.fromEntries(stored.sliders.map((slider) => [slider.name, slider.start]));
  const figures = [...part.querySelectorAll("figure")];
  stored.plots.forEach((plot, i) => {
    const figure = figures[i], place = figure.querySelector(".plot"), details = figure.querySelector("details");
    const enter = () => draw(place, plot, state);
    whenSeen(place, enter, () => {
      plot.camera = place._fullLayout.scene?.camera;
      Plotly.purge(place); // browsers hold but a few scenes at a time
    });
    for (const button of figure.querySelectorAll("[data-turn]")) button.addEventListener("click", () => turn(place, button.dataset.turn.split(",").map(Number)));
    details.addEventListener("toggle", () => details.open && showNumbers(details, place, figure.querySelector("h3").textContent));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (drawn(place)) enter(); });
  });
  for (const slider of stored.sliders) {
    const input = part.querySelector(`form [name="${slider.name}"]`);
    input.addEventListener("input", () => {
      state[slider.name] = Number(input.value);
      const text = slider.values[state[slider.name]], said = input.parentElement.querySelector("output");
      if (said) { said.textContent = text; input.setAttribute("aria-valuetext", text); }
      stored.plots.forEach((plot, i) => {
        plot.moved = true;
        const place = figures[i].querySelector(".plot"), details = figures[i].querySelector("details");
        if (!drawn(place)) return;
        move(place, plot, state);
        if (details.open) showNumbers(details, place, figures[i].querySelector("h3").textContent);
      });
    });
  }
}

function filter(form) {
  const rows = [...form.parentElement.querySelectorAll("tbody tr")], words = form.querySelector("input"), mark = form.querySelector("select");
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const apply = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0, good = 0;
    rows.forEach((row, i) => {
      row.hidden = !(wanted.every((word) => texts[i].includes(word)) && (!mark.value || row.dataset.mark === mark.value));
      if (!row.hidden) { shown += 1; good += row.dataset.mark === "ok"; }
    });
    form.querySelector("output").textContent = shown === rows.length ? `${good} of ${shown} hold` : `${shown} of ${rows.length} shown, ${good} of these hold`;
  };
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  apply();
}

document.querySelectorAll("form.filter").forEach(filter);
document.querySelectorAll(".plots").forEach(begin);
