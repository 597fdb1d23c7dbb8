// Draws plots when they come into view, makes tables sortable, and keeps both in the chosen theme.
"use strict";

const root = document.documentElement;
const drawn = new Set();

function colour(name) {
  return getComputedStyle(root).getPropertyValue(name).trim();
}

function themedLayout(layout) {
  const axis = { gridcolor: colour("--line"), linecolor: colour("--line"), zerolinecolor: colour("--line") };
  const themed = { font: { ...layout.font, color: colour("--ink") } };
  for (const key of Object.keys(layout)) {
    if (/^[xy]axis\d*$/.test(key)) themed[key] = { ...layout[key], ...axis };
  }
  themed.hoverlabel = {
    bgcolor: colour("--raised"), bordercolor: colour("--line"), font: { color: colour("--ink") }, align: "left",
  };
  return { ...layout, ...themed };
}

function draw(canvas) {
  const figure = JSON.parse(document.getElementById(canvas.dataset.plot).textContent);
  const config = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d"] };
  drawn.add(canvas);
  Plotly.react(canvas, figure.data, themedLayout(figure.layout), config);
}

function setTheme(dark) {
  root.classList.toggle("dark", dark);
  drawn.forEach(draw);
}

function storedTheme() {
  try {
    return localStorage.getItem("alloclab-theme");
  } catch {
    return null; // a browser may refuse storage to a page opened from a file
  }
}

function startTheme() {
  const stored = storedTheme();
  setTheme(stored ? stored === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
  document.getElementById("theme").addEventListener("click", () => {
    const dark = !root.classList.contains("dark");
    setTheme(dark);
    try {
      localStorage.setItem("alloclab-theme", dark ? "dark" : "light");
    } catch { /* the choice is then not stored */ }
  });
}

function startPlots() {
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting && !drawn.has(entry.target)) draw(entry.target);
    }
  }, { rootMargin: "500px" });
  document.querySelectorAll(".canvas").forEach((canvas) => watcher.observe(canvas));
}

function startTabs() {
  document.querySelectorAll(".tabs button").forEach((button) => button.addEventListener("click", () => {
    const section = button.closest("section");
    section.querySelectorAll(".tab").forEach((tab) => { tab.hidden = tab.id !== button.dataset.tab; });
    section.querySelectorAll(".tabs button").forEach((b) => b.setAttribute("aria-selected", b === button));
  }));
}

async function startTables() {
  const packed = atob(document.getElementById("datatables").textContent);
  const bytes = Uint8Array.from(packed, (c) => c.charCodeAt(0));
  const { ITable } = await import(URL.createObjectURL(new Blob([bytes], { type: "text/javascript" })));
  document.querySelectorAll("table.sortable").forEach((table) => {
    const paged = table.classList.contains("paged");
    const layout = { topStart: null, topEnd: paged ? "search" : null, bottomStart: paged ? "info" : null,
      bottomEnd: paged ? "paging" : null };
    new ITable(table, { paging: paged, pageLength: 25, info: paged, searching: paged, order: [], autoWidth: false, layout });
  });
  root.dataset.tables = "ready";
}

function unfoldTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const folded = target?.closest("details.workload");
  if (!folded || folded.open) return;
  folded.open = true;
  target.scrollIntoView();
}

function startFolding() {
  addEventListener("hashchange", unfoldTarget);
  addEventListener("beforeprint", () => setFolds(true));
  document.getElementById("unfold")?.addEventListener("click", () => {
    setFolds(document.querySelector("details.workload:not([open])") !== null);
  });
  unfoldTarget();
}

function setFolds(open) {
  document.querySelectorAll("details.workload").forEach((details) => { details.open = open; });
}

function startNavigation() {
  const links = new Map([...document.querySelectorAll("#side a")].map((a) => [a.getAttribute("href").slice(1), a]));
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) links.get(entry.target.id)?.classList.toggle("here", entry.isIntersecting);
  }, { rootMargin: "-20% 0px -70% 0px" });
  links.forEach((_, id) => {
    const target = document.getElementById(id);
    if (target) watcher.observe(target);
  });
}

startTheme();
startPlots();
startTabs();
startFolding();
startNavigation();
startTables();
