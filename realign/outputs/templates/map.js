"use strict";
// Popups, labels and the panel of layers. Texts become text nodes, never markup.
var realign = (function () {
  var shared = {};

  function make(tag, text, name) {
    var node = document.createElement(tag);
    if (text !== undefined) { node.textContent = text; }
    if (name) { node.className = name; }
    return node;
  }

  function popup(feature) {
    var box = make("div");
    var table = make("table");
    var about = feature.properties;
    box.appendChild(make("h2", about.title));
    about.rows.concat(shared[about.more] || []).forEach(function (row) {
      var line = make("tr");
      line.appendChild(make("th", row[0]));
      line.appendChild(make("td", row[1]));
      table.appendChild(line);
    });
    box.appendChild(table);
    return box;
  }

  function isWide() { return window.innerWidth > 760; }

  // Where a popup may stand: below the title, beside or above the panel.
  function room() {
    var title = document.getElementById("title").offsetHeight;
    return {
      maxWidth: 340,
      maxHeight: Math.max(160, window.innerHeight - title - (isWide() ? 110 : 150)),
      autoPanPaddingTopLeft: [10, title + 24],
      autoPanPaddingBottomRight: isWide() ? [350, 20] : [10, 70]
    };
  }

  function each(feature, layer) {
    var about = feature.properties;
    if (about.rows) {
      layer.bindPopup(function () { return popup(feature); }, room());
    }
    if (about.label) {
      layer.bindTooltip(make("span", about.label), {
        permanent: true, direction: about.kind === "tick" ? "bottom" : "right",
        offset: about.kind === "tick" ? [0, 3] : [6, 0], className: "label " + about.kind
      });
    } else if (about.rows) {
      layer.bindTooltip(make("span", about.title), { sticky: true });
    }
  }

  function swatch(look) {
    var space = "http://www.w3.org/2000/svg";
    var svg = document.createElementNS(space, "svg");
    svg.setAttribute("width", "40");
    svg.setAttribute("height", "16");
    svg.setAttribute("aria-hidden", "true");
    var shape;
    if (look.kind === "area") {
      shape = document.createElementNS(space, "rect");
      [["x", 4], ["y", 2], ["width", 32], ["height", 12]].forEach(function (pair) {
        shape.setAttribute(pair[0], pair[1]);
      });
    } else if (look.kind === "dot") {
      shape = document.createElementNS(space, "circle");
      [["cx", 20], ["cy", 8], ["r", 5]].forEach(function (pair) {
        shape.setAttribute(pair[0], pair[1]);
      });
    } else {
      shape = document.createElementNS(space, "path");
      shape.setAttribute("d", "M2 8H38");
    }
    var fill = look.kind === "line" ? "none" : (look.fillColor || look.color);
    shape.setAttribute("fill", fill);
    shape.setAttribute("fill-opacity", look.fillOpacity === undefined ? 1 : look.fillOpacity);
    shape.setAttribute("stroke", look.color);
    shape.setAttribute("stroke-width", Math.min(look.weight, 12));
    shape.setAttribute("stroke-opacity", look.opacity === undefined ? 1 : look.opacity);
    if (look.lineCap) { shape.setAttribute("stroke-linecap", look.lineCap); }
    if (look.dashArray) { shape.setAttribute("stroke-dasharray", look.dashArray); }
    svg.appendChild(shape);
    return svg;
  }

  function row(map, entry) {
    var label = make("label");
    var box = make("input");
    box.type = "checkbox";
    box.checked = entry.shown;
    box.addEventListener("change", function () {
      entry.layers.forEach(function (layer) {
        if (box.checked) { map.addLayer(layer); } else { map.removeLayer(layer); }
      });
    });
    label.appendChild(box);
    label.appendChild(swatch(entry.look));
    var words = make("span", entry.name);
    if (entry.note) { words.appendChild(make("small", entry.note)); }
    label.appendChild(words);
    return label;
  }

  // Hide labels that would lie on an earlier one; places come before chainages.
  function declutter(container) {
    var taken = [];
    ["place", "tick"].forEach(function (kind) {
      container.querySelectorAll(".label." + kind).forEach(function (label) {
        var a = label.getBoundingClientRect();
        var free = taken.every(function (b) {
          return a.right < b.left || b.right < a.left || a.bottom < b.top || b.bottom < a.top;
        });
        label.style.visibility = free ? "visible" : "hidden";
        if (free && a.width) { taken.push(a); }
      });
    });
  }

  function start(map, groups, bounds, footnote) {
    var wide = isWide();
    var title = document.getElementById("title").offsetHeight;
    map.attributionControl.remove();
    L.control.scale({ imperial: false }).addTo(map);
    map.fitBounds(bounds, wide
      ? { paddingTopLeft: [40, title + 30], paddingBottomRight: [430, 50], animate: false }
      : { paddingTopLeft: [16, title + 30], paddingBottomRight: [60, 90], animate: false });
    var panel = make("details", undefined, "box");
    panel.id = "panel";
    panel.open = wide;
    panel.appendChild(make("summary", "Layers and legend"));
    groups.forEach(function (group) {
      if (!group.rows.length) { return; }
      var set = make("fieldset");
      set.appendChild(make("legend", group.title));
      group.rows.forEach(function (entry) { set.appendChild(row(map, entry)); });
      panel.appendChild(set);
    });
    panel.appendChild(make("p", footnote, "key"));
    document.body.appendChild(panel);
    function zoomed() {
      map.getContainer().classList.toggle("far", map.getZoom() < 10);
      declutter(map.getContainer());
    }
    map.on("zoomend layeradd layerremove", zoomed);
    zoomed();
  }

  return { each: each, shared: shared, start: start };
}());
