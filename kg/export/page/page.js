// Draws the subset in #data. Texts reach the page as text only: nothing here writes HTML.
"use strict";
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const typeOf = new Map(data.types.map((type) => [type.name, type]));
  const night = window.matchMedia("(prefers-color-scheme: dark)");
  const MANY = data.nodes.length > 60;
  const LISTED = 200;
  const hint = byId("panel").firstElementChild;

  function make(tag, text, parent) {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    if (parent) parent.append(element);
    return element;
  }

  function short(text) {
    const letters = Array.from(text);
    return letters.length > 30 ? letters.slice(0, 29).join("") + "…" : text;
  }

  function colour(type) {
    return typeOf.get(type).colours[night.matches ? 1 : 0];
  }

  const elements = data.nodes.map((node, i) => ({
    group: "nodes",
    data: { id: "n" + i, row: i, label: short(node.name), size: node.size, type: node.type },
    position: { x: node.x, y: node.y },
    classes: (node.seed ? "seed " : "") + (node.known ? "known" : ""),
  }));
  data.edges.forEach((edge, i) => elements.push({
    group: "edges",
    data: {
      id: "e" + i, row: i, source: "n" + edge.subject, target: "n" + edge.object,
      label: edge.relation.replaceAll("_", " "),
    },
    classes: edge.symmetric ? "" : "directed",
  }));

  function look() {
    const back = night.matches ? "#14171c" : "#ffffff";
    const text = night.matches ? "#e6e9ee" : "#1b1f24";
    const line = night.matches ? "#59636f" : "#aab3bd";
    const accent = night.matches ? "#8ab4f8" : "#0b57d0";
    return [
      { selector: "node", style: {
        "background-color": (node) => colour(node.data("type")),
        width: "data(size)", height: "data(size)", label: "data(label)", color: text,
        "font-size": 13, "font-family": "system-ui, Noto Sans, DejaVu Sans, sans-serif",
        "text-valign": "bottom", "text-margin-y": 3, "min-zoomed-font-size": MANY ? 9 : 6,
        "text-outline-color": back, "text-outline-width": 2.5, "z-index": 1,
      } },
      { selector: "node.known", style: { "font-size": MANY ? data.big : 15, "z-index": 5 } },
      { selector: "node.seed", style: {
        "border-width": 4, "border-color": text, "font-weight": "bold", "z-index": 9,
        "font-size": MANY ? data.big * 1.2 : 17,
      } },
      { selector: "edge", style: {
        width: 1.4, "line-color": line, "curve-style": "bezier", opacity: MANY ? 0.55 : 0.8,
        "control-point-step-size": 26, "target-arrow-color": line, "arrow-scale": 0.9,
      } },
      { selector: "edge.directed", style: { "target-arrow-shape": "triangle" } },
      { selector: ".faded", style: { opacity: 0.1, "text-opacity": 0.15 } },
      { selector: "edge.near", style: {
        opacity: 0.75, width: 1.6, "line-color": accent, "target-arrow-color": accent, "z-index": 20,
      } },
      { selector: "edge.chosen, edge.named", style: {
        label: "data(label)", color: text, "font-size": 12, "text-rotation": "autorotate",
        "text-background-color": back, "text-background-opacity": 0.9,
        "text-background-padding": 2, "min-zoomed-font-size": 6,
      } },
      { selector: "edge.chosen", style: { width: 4, opacity: 1 } },
      { selector: "node.near", style: { "min-zoomed-font-size": 5, "z-index": 21 } },
      { selector: "node.chosen, node.match", style: {
        "border-width": 5, "border-color": accent, "min-zoomed-font-size": 0, "z-index": 30,
      } },
      { selector: ".hidden", style: { display: "none" } },
    ];
  }

  const graph = cytoscape({
    container: byId("picture"), elements, style: look(), layout: { name: "preset" },
    minZoom: 0.02, maxZoom: 4, hideEdgesOnViewport: data.edges.length > 2000,
    boxSelectionEnabled: false, autounselectify: true,
  });
  function fit() {
    graph.fit(undefined, 40);
    if (graph.zoom() > 1.4) { graph.zoom(1.4); graph.center(); }
  }
  fit();
  night.addEventListener("change", () => { graph.style(look()); legend(); });

  function legend() {
    byId("legend").replaceChildren();
    for (const type of data.types) {
      const button = make("button", undefined, byId("legend"));
      const dot = make("span", undefined, button);
      dot.className = "dot";
      dot.style.background = colour(type.name);
      make("span", type.name + " " + type.count, button);
      button.type = "button";
      button.title = "Show or hide " + type.name;
      button.setAttribute("aria-pressed", String(!type.hidden));
      button.addEventListener("click", () => {
        type.hidden = !type.hidden;
        graph.nodes().forEach((node) => {
          if (node.data("type") === type.name) node.toggleClass("hidden", type.hidden);
        });
        button.setAttribute("aria-pressed", String(!type.hidden));
      });
    }
  }

  function facts(parent, rows) {
    const list = make("dl", undefined, parent);
    for (const [name, value] of rows) {
      if (value === "" || value === undefined || value === null) continue;
      make("dt", name, list);
      make("dd", Array.isArray(value) ? value.join(", ") : String(value), list);
    }
  }

  function link(parent, text, action) {
    const button = make("button", text, make("li", undefined, parent));
    button.type = "button";
    button.addEventListener("click", action);
  }

  function count(number) {
    return number.toLocaleString("en");
  }

  function words(edge) {
    return edge.relation.replaceAll("_", " ");
  }

  function showNode(row) {
    const node = data.nodes[row];
    const panel = byId("panel");
    panel.replaceChildren();
    make("h2", node.name, panel);
    facts(panel, [
      ["id", node.id], ["type", node.type], ["category", node.category],
      ["synonyms", node.synonym], ["codes", node.xref],
    ].filter((fact) => fact[1].length));
    const edges = graph.getElementById("n" + row).connectedEdges().map((e) => e.data("row"));
    const many = node.n_selected === 1 ? " edge" : " edges";
    const some = edges.length < node.n_selected;
    make("h3", (some ? count(edges.length) + " of " : "") + count(node.n_selected) + many, panel);
    const parts = [count(node.n_selected) + " in the selection"];
    if (some) parts.unshift(count(edges.length) + " drawn");
    if (node.n_known > node.n_selected) parts.push(count(node.n_known) + " in the whole graph");
    if (parts.length > 1) make("p", parts.join(", ") + ".", panel).className = "hint";
    const list = make("ul", undefined, panel);
    for (const number of edges.slice(0, LISTED)) {
      const edge = data.edges[number];
      const out = edge.subject === row;
      const other = data.nodes[out ? edge.object : edge.subject].name;
      const arrow = edge.symmetric ? "↔ " : out ? "→ " : "← ";
      link(list, arrow + words(edge) + " · " + other, () => choose("e" + number, true));
    }
    if (edges.length > LISTED) make("p", "and " + (edges.length - LISTED) + " more", panel);
  }

  function showEdge(row) {
    const edge = data.edges[row];
    const panel = byId("panel");
    panel.replaceChildren();
    make("h2", words(edge) + (edge.symmetric ? " (both ways)" : ""), panel);
    const list = make("ul", undefined, panel);
    link(list, "from " + data.nodes[edge.subject].name, () => choose("n" + edge.subject, true));
    link(list, "to " + data.nodes[edge.object].name, () => choose("n" + edge.object, true));
    facts(panel, [["predicate", edge.predicate], ["edge type", edge.type]]);
    const many = edge.said.length;
    make("h3", many === 1 ? "1 assertion" : many + " assertions", panel);
    for (const number of edge.said) {
      const said = data.statements[number];
      const box = make("div", undefined, panel);
      box.className = "said";
      facts(box, [
        ["source", said.primary_knowledge_source], ["through", said.aggregator_knowledge_source],
        ["licence", said.license], ["knowledge", said.knowledge_level],
        ["agent", said.agent_type], ["qualified predicate", said.qualified_predicate],
        ["aspect", said.object_aspect_qualifier], ["direction", said.object_direction_qualifier],
        ["publications", said.publications.join(", ")],
        ...Object.entries(said.qualifiers ? JSON.parse(said.qualifiers) : {}).map(
          ([name, value]) => [name, typeof value === "object" ? JSON.stringify(value) : value]),
      ]);
    }
  }

  function choose(id, move) {
    const element = graph.getElementById(id);
    const near = element.isNode() ? element.closedNeighborhood() : element.union(element.connectedNodes());
    graph.batch(() => {
      graph.elements().removeClass("chosen near named faded");
      graph.elements().not(near).addClass("faded");
      near.addClass("near");
      if (element.isEdge() || near.length < 40) near.edges().addClass("named");
      element.removeClass("hidden").addClass("chosen");
    });
    if (element.isNode()) showNode(element.data("row")); else showEdge(element.data("row"));
    if (move) {
      const zoom = Math.max(graph.zoom(), 0.9);
      graph.animate({ center: { eles: element }, zoom }, { duration: 250 });
    }
    history.replaceState(null, "", "#" + id);
  }

  function rest() {
    graph.elements().removeClass("chosen near named faded match");
    byId("panel").replaceChildren(hint);
    history.replaceState(null, "", "#");
  }

  graph.on("tap", "node, edge", (event) => choose(event.target.id(), false));
  graph.on("tap", (event) => { if (event.target === graph) rest(); });

  const texts = data.nodes.map((node) =>
    [node.name, node.id, ...node.synonym, ...node.xref].join("\n").toLowerCase());

  function search() {
    const wanted = byId("search").value.trim().toLowerCase();
    byId("found").replaceChildren();
    graph.nodes().removeClass("match");
    if (!wanted) return;
    const found = [];
    texts.forEach((text, row) => { if (text.includes(wanted)) found.push(row); });
    const rank = (row) => {
      const name = data.nodes[row].name.toLowerCase();
      return name === wanted ? 0 : name.startsWith(wanted) ? 1 : 2;
    };
    found.sort((a, b) => rank(a) - rank(b));
    found.slice(0, LISTED).forEach((row) => graph.getElementById("n" + row).addClass("match"));
    for (const row of found.slice(0, 12)) {
      link(byId("found"), data.nodes[row].name + " · " + data.nodes[row].type,
        () => choose("n" + row, true));
    }
    make("li", found.length > 12 ? "and " + (found.length - 12) + " more" : found.length ? "" : "nothing found", byId("found"));
  }

  byId("search").addEventListener("input", search);
  byId("search").addEventListener("keydown", (event) => {
    const first = byId("found").querySelector("button");
    if (event.key === "Enter" && first) first.click();
  });
  function zoom(factor) {
    graph.zoom({ level: graph.zoom() * factor, renderedPosition: { x: graph.width() / 2, y: graph.height() / 2 } });
  }
  byId("nearer").addEventListener("click", () => zoom(1.4));
  byId("farther").addEventListener("click", () => zoom(1 / 1.4));
  byId("all").addEventListener("click", fit);
  legend();
  const asked = location.hash.slice(1);
  if (/^[ne][0-9]+$/.test(asked) && graph.getElementById(asked).length) choose(asked, true);
})();
