"use strict";
// The tree of layers, and the legend of what is switched on.
realign.panel = (function () {
  var entries = [];
  var panel, legend;
  var closed = ["Other options", "Road network", "Hazard of the existing road"];

  // The slider and the comparison may hide a layer that is switched on.
  var mayShow = [];

  function allowed(entry) { return mayShow.every(function (rule) { return rule(entry); }); }

  function sync(entry) {
    var visible = entry.shown && allowed(entry);
    entry.layers.forEach(function (layer) {
      if (visible && !realign.map.hasLayer(layer)) {
        if (entry.fill) { entry.fill(); }
        realign.map.addLayer(layer);
      } else if (!visible && realign.map.hasLayer(layer)) {
        realign.map.removeLayer(layer);
      }
    });
  }

  function swatch(look) {
    var svg = realign.draw("svg", { width: 40, height: 16, "aria-hidden": "true" });
    var shape;
    if (look.kind === "area") {
      shape = realign.draw("rect", { x: 4, y: 2, width: 32, height: 12 }, svg);
    } else if (look.kind === "dot") {
      shape = realign.draw("circle", { cx: 20, cy: 8, r: 5 }, svg);
    } else {
      shape = realign.draw("path", { d: "M2 8H38" }, svg);
    }
    shape.setAttribute("fill", look.kind === "line" ? "none" : (look.fillColor || look.color));
    shape.setAttribute("fill-opacity", look.fillOpacity === undefined ? 1 : look.fillOpacity);
    shape.setAttribute("stroke", look.color);
    shape.setAttribute("stroke-width", Math.min(look.weight, 12));
    shape.setAttribute("stroke-opacity", look.opacity === undefined ? 1 : look.opacity);
    if (look.lineCap) { shape.setAttribute("stroke-linecap", look.lineCap); }
    if (look.dashArray) { shape.setAttribute("stroke-dasharray", look.dashArray); }
    return svg;
  }

  function words(entry) {
    var span = realign.make("span", entry.name);
    if (entry.note) { span.appendChild(realign.make("small", entry.note)); }
    return span;
  }

  function set(entry, shown) {
    entry.shown = shown;
    entry.box.checked = shown;
    sync(entry);
    mixed(entry.group);
    changed();
  }

  // The box of a group is half ticked while some of its layers are shown.
  function mixed(group) {
    var some = group.rows.filter(function (entry) { return entry.shown; }).length;
    group.box.checked = some > 0 && some === group.rows.length;
    group.box.indeterminate = some > 0 && some < group.rows.length;
  }

  function changed() {
    list();
    realign.tell("layers");
  }

  function row(entry) {
    var label = realign.make("label");
    entry.box = realign.make("input");
    entry.box.type = "checkbox";
    entry.box.checked = entry.shown;
    entry.box.addEventListener("change", function () { set(entry, entry.box.checked); });
    entry.words = words(entry);
    label.appendChild(entry.box);
    label.appendChild(swatch(entry.look));
    label.appendChild(entry.words);
    entry.label = label;
    return label;
  }

  function rename(entry, name, note) {
    entry.name = name;
    entry.note = note || "";
    var fresh = words(entry);
    entry.words.replaceWith(fresh);
    entry.words = fresh;
  }

  function branch(group) {
    var tree = realign.make("details", undefined, "group");
    tree.open = closed.indexOf(group.title) < 0;
    var head = realign.make("summary");
    group.box = realign.make("input");
    group.box.type = "checkbox";
    group.box.setAttribute("aria-label", "All of: " + group.title);
    group.box.addEventListener("click", function (event) { event.stopPropagation(); });
    group.box.addEventListener("change", function () {
      var on = group.box.checked;
      group.rows.forEach(function (entry) {
        entry.shown = on;
        entry.box.checked = on;
        sync(entry);
      });
      mixed(group);
      changed();
    });
    group.words = realign.make("span", group.title);
    head.appendChild(group.box);
    head.appendChild(group.words);
    tree.appendChild(head);
    group.rows.forEach(function (entry) {
      entry.group = group;
      entry.id = (group.key || group.title) + "/" + (entry.key || entry.name);
      tree.appendChild(row(entry));
      entries.push(entry);
      sync(entry);
    });
    mixed(group);
    return tree;
  }

  function list() {
    legend.querySelectorAll(":scope > .line").forEach(function (node) { node.remove(); });
    entries.filter(function (entry) {
      return entry.shown && !entry.label.hidden &&
        (allowed(entry) || (entry.form && realign.compare.names()));
    }).forEach(function (entry) {
      var line = realign.make("div", undefined, "line");
      line.appendChild(swatch(entry.look));
      line.appendChild(words(entry));
      legend.appendChild(line);
    });
  }

  function build(groups, footnote) {
    panel = realign.byId("panel");
    legend = realign.byId("legend");
    panel.open = realign.isWide();
    groups.forEach(function (group) {
      if (group.rows.length) { panel.appendChild(branch(group)); }
    });
    panel.appendChild(realign.make("p", footnote, "key"));
    list();
  }

  function refresh() {
    entries.forEach(sync);
    list();
  }

  // Layers that differ from what a fresh map shows, for the link.
  function difference() {
    return entries.filter(function (entry) { return entry.shown !== entry.first; })
      .map(function (entry) { return entry.id; });
  }

  function restore(ids) {
    entries.forEach(function (entry) {
      var wanted = ids.indexOf(entry.id) < 0 ? entry.first : !entry.first;
      if (entry.shown !== wanted) { set(entry, wanted); }
    });
  }

  return {
    build: function (groups, footnote) {
      groups.forEach(function (group) {
        group.rows.forEach(function (entry) { entry.first = entry.shown; });
      });
      build(groups, footnote);
    },
    rule: function (rule) { mayShow.push(rule); },
    refresh: refresh, rename: rename, difference: difference, restore: restore, swatch: swatch,
    entries: entries
  };
}());
