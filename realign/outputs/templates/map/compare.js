"use strict";
// Two options beside each other: a divider that wipes one over the other, and a table of differences.
realign.compare = (function () {
  var active = false, at = 0.5;
  var divider, box, left, right, layers = { left: null, right: null };

  function clip() {
    if (!active) { return; }
    var size = realign.map.getSize(), x = size.x * at;
    var nw = realign.map.containerPointToLayerPoint([0, 0]);
    var se = realign.map.containerPointToLayerPoint(size);
    var middle = nw.x + x;
    pane("left").style.clip = "rect(" + [nw.y, middle, se.y, nw.x].join("px,") + "px)";
    pane("right").style.clip = "rect(" + [nw.y, se.x, se.y, middle].join("px,") + "px)";
    divider.style.left = x + "px";
    divider.setAttribute("aria-valuenow", Math.round(100 * at));
  }

  function pane(name) { return realign.map.getPane(name); }

  function draw(side, name) {
    if (layers[side]) { layers[side].remove(); }
    var option = realign.options[name], group = L.layerGroup();
    realign.option.casing(option, side).forEach(function (line) { group.addLayer(line); });
    option.upgraded.forEach(function (section) {
      group.addLayer(realign.option.old(section[0], section[1],
        Object.assign(realign.option.look("upgraded"), { pane: side, interactive: false })));
    });
    var own = realign.option.drawn(option, side);
    Object.keys(own).forEach(function (form) {
      own[form].forEach(function (line) { group.addLayer(line); });
    });
    layers[side] = group.addTo(realign.map);
  }

  function value(figure, name) {
    var found = figure.of[name];
    if (found === null || found === undefined) { return "\u2013"; }
    return typeof found === "number" ? realign.number(found, figure.digits) : found;
  }

  function difference(figure) {
    var a = figure.of[left.value], b = figure.of[right.value];
    if (typeof a === "number" && typeof b === "number") {
      var by = b - a, text = realign.number(by, figure.digits);
      return by > 0 && +text.replace(/,/g, "") !== 0 ? "+" + text : text;
    }
    if (typeof a === "string" && typeof b === "string") {
      var days = Math.round((Date.parse(b) - Date.parse(a)) / 86400000);
      return (days > 0 ? "+" : "") + realign.number(days) + " days";
    }
    return "\u2013";
  }

  function table() {
    var body = realign.byId("differences");
    body.textContent = "";
    realign.scene.figures.forEach(function (figure) {
      var row = realign.make("tr"), head = realign.make("th", figure.label);
      head.scope = "row";
      if (figure.unit) { head.appendChild(realign.make("small", " " + figure.unit)); }
      row.appendChild(head);
      [value(figure, left.value), value(figure, right.value), difference(figure)].forEach(function (text) {
        row.appendChild(realign.make("td", text));
      });
      body.appendChild(row);
    });
  }

  function both() {
    draw("left", left.value);
    draw("right", right.value);
    table();
    clip();
    realign.tell("state");
  }

  function start(a, b) {
    if (!active && realign.days.playing()) { realign.days.rest(); }
    active = true;
    if (a) { left.value = a; }
    if (b) { right.value = b; }
    box.hidden = divider.hidden = false;
    realign.byId("more").open = false;
    realign.byId("compare").setAttribute("aria-pressed", "true");
    realign.panel.refresh();
    both();
  }

  function stop() {
    active = false;
    ["left", "right"].forEach(function (side) {
      if (layers[side]) { layers[side].remove(); }
      layers[side] = null;
    });
    box.hidden = divider.hidden = true;
    realign.byId("compare").setAttribute("aria-pressed", "false");
    realign.panel.refresh();
    realign.tell("state");
  }

  function move(part) {
    at = Math.max(0.02, Math.min(0.98, part));
    clip();
  }

  function ready() {
    divider = realign.byId("divider");
    box = realign.byId("versus");
    left = realign.byId("left");
    right = realign.byId("right");
    realign.scene.options.forEach(function (option) {
      [left, right].forEach(function (select) {
        var choice = realign.make("option", realign.option.title(option));
        choice.value = option.name;
        select.appendChild(choice);
      });
    });
    right.value = realign.scene.announced !== left.value && realign.options[realign.scene.announced] ?
      realign.scene.announced : right.options[right.options.length - 1].value;
    [left, right].forEach(function (select) { select.addEventListener("change", both); });
    realign.byId("compare").addEventListener("click", function () {
      if (active) { stop(); } else { start(); }
    });
    realign.byId("versus-close").addEventListener("click", stop);
    divider.addEventListener("pointerdown", function (event) {
      event.preventDefault();
      divider.setPointerCapture(event.pointerId);
      divider.onpointermove = function (moved) { move(moved.clientX / window.innerWidth); };
    });
    divider.addEventListener("pointerup", function () { divider.onpointermove = null; });
    divider.addEventListener("keydown", function (event) {
      var by = { ArrowLeft: -0.02, ArrowRight: 0.02 }[event.key];
      if (by) { event.preventDefault(); move(at + by); }
    });
    realign.map.on("move zoom resize", clip);
    realign.panel.rule(function (entry) { return !(active && entry.role === "option"); });
    realign.on("day", function (day) { if (day !== null && active) { stop(); } });
  }

  return { ready: ready, start: start, stop: stop, move: move,
    names: function () { return active ? [left.value, right.value] : null; } };
}());
